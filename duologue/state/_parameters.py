"""Which parameters of a function are a State, and how they are filled.

They are found by their annotations and filled by their names, wherever they stand.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from types import UnionType
from typing import Annotated, Protocol, Union, get_args, get_origin

from duologue.actors._pykka._functions import is_async
from duologue.errors import StateClassError, StateParameterError
from duologue.state._handle import AsyncState, Declared
from duologue.state._values import Value


class Make(Protocol):
    """Makes the State of a class for the place of a call."""

    def __call__(self, cls: type[Declared], /) -> Declared:
        """The State."""
        ...


class StateParameters:
    """The parameters of a function that are a State.

    Args:
        classes: The classes of the parameters, by name.
        others: The names of the others that stand in their places.
        is_mixed: Whether one of these stands behind a State.
        behind: How many others stand before the States, which follow one another; None
            where only their names say which they are.
    """

    __slots__ = ("_others", "behind", "classes", "is_mixed")

    def __init__(
        self,
        classes: Mapping[str, type[Declared]],
        others: Sequence[str],
        *,
        is_mixed: bool,
        behind: int | None = None,
    ) -> None:
        self.classes: Mapping[str, type[Declared]] = classes
        self._others = others
        self.is_mixed: bool = is_mixed
        self.behind: int | None = behind

    def filled(
        self, make: Make, arguments: Sequence[Value], named: Mapping[str, Value]
    ) -> tuple[Sequence[Value], dict[str, Value]]:
        """The arguments of a call, with its States."""
        states = {name: make(cls) for name, cls in self.classes.items()}
        if not self.is_mixed or len(arguments) > len(self._others):
            return arguments, {**named, **states}
        by_name = dict(zip(self._others, arguments, strict=False))
        return (), {**by_name, **named, **states}


_NONE = StateParameters({}, (), is_mixed=False)


def state_parameters(function: Callable[..., Value]) -> StateParameters:  # type: ignore[explicit-any]  # the author's
    """Find the parameters of a function that are a State.

    Raises:
        StateParameterError: One is a State that the function cannot use.
    """
    try:
        return _found(function)
    except TypeError:  # an object that cannot be hashed
        return _found.__wrapped__(function)


@lru_cache(maxsize=4096)
def _found(function: Callable[..., Value]) -> StateParameters:  # type: ignore[explicit-any]  # the author's
    try:
        parameters = inspect.signature(function, follow_wrapped=False).parameters
    except (TypeError, ValueError):
        return _NONE  # one written in C may not tell
    classes: dict[str, type[Declared]] = {}
    others: list[str] = []
    is_mixed = False
    for name, parameter in parameters.items():
        cls = _class_of(function, parameter)
        if cls is not None:
            classes[name] = cls
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            others.append(name)
            is_mixed = is_mixed or bool(classes)
    if not classes:
        return _NONE
    behind = _place([*parameters.values()], list(classes))
    return StateParameters(classes, others, is_mixed=is_mixed, behind=behind)


def _place(parameters: list[inspect.Parameter], states: list[str]) -> int | None:
    """How many stand before the States; None unless these have places in a row."""
    first = [part.name for part in parameters].index(states[0])
    row = parameters[first : first + len(states)]
    has_places = all(part.kind is part.POSITIONAL_OR_KEYWORD for part in row)
    is_row = [part.name for part in row] == states
    return first if has_places and is_row else None


def _class_of(  # type: ignore[explicit-any]  # the author's function
    function: Callable[..., Value], parameter: inspect.Parameter
) -> type[Declared] | None:
    """The State that a parameter is to be; None if it is something else."""
    found = _classes_in(resolved(function, parameter.annotation))
    if not found:
        return None
    name, problem = getattr(function, "__qualname__", repr(function)), None
    cls = found[0]
    try:
        cls.declaration()
    except StateClassError as error:
        raise StateParameterError(name, parameter.name, str(error)) from None
    if len(found) > 1:
        problem = "it is one of several States; annotate one"
    elif parameter.kind is parameter.POSITIONAL_ONLY:
        problem = "a State is given by name; leave out the `/` behind it"
    elif parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        problem = "it stands for many arguments; write one without stars"
    elif is_async(function) and not issubclass(cls, AsyncState):
        problem = (
            f"{cls.__name__} blocks; derive it from AsyncState, or leave out async"
        )
    elif not is_async(function) and issubclass(cls, AsyncState):
        problem = f"{cls.__name__} is awaited; derive it from SyncState, or write async"
    if problem is not None:
        raise StateParameterError(name, parameter.name, problem)
    return cls


def _classes_in(annotation: object) -> list[type[Declared]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _classes_in(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [cls for part in get_args(annotation) for cls in _classes_in(part)]
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        return [annotation]
    return []


def resolved(function: Value, annotation: object) -> object:
    """What a text in the place of an annotation means, as far as that can be known."""
    if not isinstance(annotation, str):
        return annotation
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        function = type(function).__call__
    module = sys.modules.get(getattr(function, "__module__", ""))
    known = {
        **(vars(module) if module is not None else {}),
        **getattr(function, "__globals__", {}),
        **_enclosed(function),
    }
    try:
        meant = eval(annotation, known)  # noqa: S307  # the author's own annotation
    except Exception:  # noqa: BLE001  # a name that exists only inside a function
        return None
    return resolved(function, meant)


def _enclosed(function: Value) -> dict[str, object]:
    """What a function uses of those around it, as far as that is made already."""
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found: dict[str, object] = {}
    for name, cell in zip(names, cells, strict=False):
        with suppress(ValueError):  # it is made later
            found[name] = cell.cell_contents
    return found
