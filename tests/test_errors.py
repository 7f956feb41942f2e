"""Every error: one tree, with its data, through pickles, in whole sentences."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import pytest

from duologue import errors
from duologue.errors import DuologueError

EVERY: list[type[DuologueError]] = [getattr(errors, name) for name in errors.__all__]
# Classes to catch by; what is raised is one of their subclasses.
FAMILIES = {
    "ActorClassError",
    "ClickRefusedError",
    "DialogsError",
    "DuologueError",
    "EngineError",
    "RemoteMessageError",
    "SandboxError",
    "SharedStateError",
    "StateFileError",
}
RAISED = [error for error in EVERY if error.__name__ not in FAMILIES]
_SAMPLES: Mapping[str, object] = {
    "int": 7,
    "float": 2.5,
    "str": "something is wrong; do another thing",
    "str | None": "max.42",
    "tuple[str, ...]": ("first", "second"),
}


# What is raised for an argument that has a wrong value.
WRONG_VALUE = {
    "AccessTokenNameError",
    "AccessTokenScopeError",
    "ActionSettingError",
    "BotSettingError",
    "BotTwiceError",
    "CounterValueError",
    "DrainTimeError",
    "EngineNameError",
    "EngineNotAvailableError",
    "EnvelopeError",
    "HostCountError",
    "IdleTimeError",
    "InvalidAddressError",
    "InvalidDialogError",
    "InvalidItemIdError",
    "InvalidRefError",
    "InvalidUrlError",
    "InvalidWidgetIdError",
    "InvalidWidgetTypeError",
    "ItemsError",
    "MailboxSettingError",
    "MessageShapeError",
    "MessageTextError",
    "MessageTooLargeError",
    "RouterError",
    "RuntimeSettingError",
    "ScheduleError",
    "SecretTooShortError",
    "StateFieldError",
    "StateNameError",
    "StateNotNamedError",
    "StateScopeError",
    "StateValueError",
    "SupervisionSettingError",
    "TaskBindingError",
    "TimerSettingError",
    "UnknownBotError",
    "UnknownMessageError",
    "UnknownMetricError",
    "UnknownStateError",
    "WidgetError",
    "WrongStateError",
}
# What is raised for an argument that is something else, or is not there.
WRONG_KIND = {
    "ActorKeyError",
    "AddressIncompleteError",
    "DeadLetterHookError",
    "HandlerError",
    "InjectionError",
    "InvalidWidgetTypeError",
    "MessageClassError",
    "NoActorClassError",
    "NotAStateError",
    "StateClassError",
    "StateKeyError",
    "StateParameterError",
    "TaskArgumentError",
    "TokenMissingError",
    "UnserialisableDataError",
    "WatchError",
    "WorkerBodyError",
    "WrongArgumentError",
}


def _parameters(error: type[object]) -> Mapping[str, str]:
    data = fields(error) if is_dataclass(error) else ()
    return {field.name: str(field.type) for field in data}


def _samples(error: type[DuologueError]) -> Mapping[str, object]:
    return {name: _SAMPLES[kind] for name, kind in _parameters(error).items()}


def _sample(error: type[DuologueError]) -> DuologueError:
    return error(*_samples(error).values())


@pytest.mark.parametrize("error", EVERY)
def test_every_error_has_the_one_ancestor_and_the_ending(
    error: type[DuologueError],
) -> None:
    assert issubclass(error, DuologueError)
    assert error.__name__.endswith("Error")
    assert error.__module__ == "duologue.errors"


@pytest.mark.parametrize("error", EVERY)
def test_the_docstring_of_an_error_names_its_attributes(
    error: type[DuologueError],
) -> None:
    pages = "\n".join(
        vars(base)["__doc__"] or ""
        for base in error.__mro__
        if issubclass(base, DuologueError)
    )

    assert "__doc__" in vars(error)
    assert all(f"    {name}: " in pages for name in _parameters(error))


@pytest.mark.parametrize("error", EVERY)
def test_the_data_of_an_error_are_attributes(error: type[DuologueError]) -> None:
    made = _sample(error)

    assert all(hasattr(made, name) for name in _parameters(error))


@pytest.mark.parametrize("error", EVERY)
def test_an_error_survives_pickling(error: type[DuologueError]) -> None:
    made = _sample(error)

    copy = pickle.loads(pickle.dumps(made))  # noqa: S301  # we have just made it

    assert type(copy) is error
    assert vars(copy) == vars(made)
    assert copy.args == made.args
    assert str(copy) == str(made)


@pytest.mark.parametrize("error", EVERY)
def test_the_data_of_an_error_can_be_given_by_name(error: type[DuologueError]) -> None:
    made = error(**_samples(error))

    assert made.args == _sample(error).args == tuple(_samples(error).values())


@pytest.mark.parametrize("error", EVERY)
def test_the_error_of_a_bad_argument_is_what_python_raises_for_one(
    error: type[DuologueError],
) -> None:
    assert issubclass(error, ValueError) == (error.__name__ in WRONG_VALUE)
    assert issubclass(error, TypeError) == (error.__name__ in WRONG_KIND)


def test_an_error_of_ones_own_is_an_exception_as_any_other() -> None:
    class OwnError(DuologueError):
        def __init__(self, text: str) -> None:
            Exception.__init__(self, text)

    assert str(OwnError("no tea today")) == "no tea today"


@pytest.mark.parametrize("error", RAISED)
def test_the_text_of_an_error_is_a_whole_sentence_that_names_whom(
    error: type[DuologueError],
) -> None:
    made = _sample(error)

    text = str(made)

    assert text != str(made.args)
    assert len(text.split()) >= 6
    assert re.search(r"[;:,.] ", text), "it says what happened, not what to do"
    assert not text.endswith((";", ":", ","))
    for value in vars(made).values():
        said = value if isinstance(value, tuple) else (value,)
        assert all(_said(part, text) for part in said)


def _said(value: object, text: str) -> bool:
    return any(form in text for form in (str(value), repr(value)))
