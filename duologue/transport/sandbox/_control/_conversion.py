"""JSON of the control door: exact types, no unknown fields, errors in words."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from cattrs import BaseValidationError, Converter, transform_error
from cattrs.strategies import configure_tagged_union

from duologue.transport._json import is_object
from duologue.transport.sandbox._bot_api._faults import FaultKind
from duologue.transport.sandbox._world._actions import Action
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._subscriptions import DeliveryState
from duologue.transport.sandbox._world._values import DialogChange, OmittedField

WRONG_SHAPE = (BaseValidationError, AttributeError, KeyError, TypeError, ValueError)


def new_converter() -> Converter:
    """Make a converter that neither guesses types nor drops unknown fields."""
    converter = Converter(forbid_extra_keys=True)
    for exact in (int, str, bool):
        converter.register_structure_hook(exact, _exactly(exact))
    for kind in (LogKind, FaultKind, DialogChange, OmittedField, DeliveryState):
        converter.register_structure_hook(kind, _member(kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(_is_json, _object)
    configure_tagged_union(Action, converter, tag_name="act", tag_generator=_tag)
    return converter


def explain(error: BaseException, path: str) -> str:
    """Say in words what was wrong with a value at a path."""
    return "; ".join(transform_error(error, path, _words))


def _words(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing or unknown"
    return str(error)


def _tag(action: type) -> str:
    return action.__name__.lower()


def _is_json(kind: object) -> bool:
    return kind == dict[str, object]


def _exactly(kind: type) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not {kind.__name__}")
        return value

    return structure


def _member(kind: type[StrEnum]) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        return kind(str(value))

    return structure


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _object(value: object, _: object) -> object:
    if not is_object(value):
        raise TypeError(f"{value!r} is not an object")
    return value
