"""The data of messages: from values of classes to JSON, and back.

Nothing is guessed: a number is no text and a text is no number. Fields that a class does
not have are left alone, so that a newer sender may add some.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar, cast, get_args, get_origin
from uuid import UUID

from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    Converter,
    StructureHandlerNotFoundError,
)
from cattrs.gen import make_dict_structure_fn
from cattrs.strategies import configure_union_passthrough

from duologue.errors import MessageClassError, MessageShapeError
from duologue.messages._limits import escaped

T = TypeVar("T")
_Kind: TypeAlias = type[Any]  # type: ignore[explicit-any]  # any class at all


def _whole(value: object, kind: _Kind) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number belongs here")
    return kind(value)


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number belongs here")
    return float(value)


def _text(value: object, kind: _Kind) -> object:
    if not isinstance(value, str):
        raise TypeError("a text belongs here")
    return kind(value)


def _truth(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false belongs here")
    return value


def _anything(value: object, _: object) -> object:
    return value


def _of_text(what: str, read: Callable[[str], T]) -> Callable[[object, object], T]:
    def structure(value: object, _: object) -> T:
        if not isinstance(value, str):
            raise TypeError(f"{what} belongs here, as a text")
        try:
            return read(value)
        except (ValueError, InvalidOperation):
            raise ValueError(f"{value!r:.50} is not {what}") from None

    return structure


def _decimal(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError(text)
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def _span(value: object, _: object) -> timedelta:
    seconds = _number(value, None)
    if not math.isfinite(seconds) or abs(seconds) > timedelta.max.total_seconds():
        raise ValueError("a number of seconds belongs here")
    return timedelta(seconds=seconds)


class _FaultError(ValueError):
    """Something inside of a list or an object is wrong."""

    def __init__(self, place: str, inner: Exception) -> None:
        super().__init__(place, inner)
        self.place = place
        self.inner = inner


_Hook: TypeAlias = Callable[[object, _Kind], object]
_LISTS: Final[dict[object, Callable[[list[object]], object]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
}
_MAPPINGS: Final = (dict, Mapping)


def _is_list(kind: object) -> bool:
    return (get_origin(kind) or kind) in _LISTS


def _is_mapping(kind: object) -> bool:
    return (get_origin(kind) or kind) in _MAPPINGS


def _inside(hook: _Hook, value: object, kind: _Kind, place: object) -> object:
    try:
        return hook(value, kind)
    except Exception as error:  # noqa: BLE001  # also what a class of the author raises
        raise _FaultError(str(place), error) from None


def _list_hook(kind: _Kind, converter: Converter) -> _Hook:
    origin, kinds = get_origin(kind) or kind, get_args(kind) or (object,)
    make = _LISTS[origin]
    is_fixed = origin is tuple and kinds[-1] is not Ellipsis and get_args(kind)
    hooks: list[_Hook] = [
        converter.get_structure_hook(each) for each in kinds if each is not Ellipsis
    ]

    def structure(value: object, _: object) -> object:
        if not isinstance(value, list):
            raise TypeError("a list belongs here")
        items = cast("list[object]", value)
        if is_fixed and len(items) != len(hooks):
            raise ValueError(f"a list of {len(hooks)} belongs here")
        return make(
            [
                _inside(hooks[at], item, kinds[at], number)
                for number, item in enumerate(items)
                for at in [number if is_fixed else 0]
            ]
        )

    return structure


def _mapping_hook(kind: _Kind, converter: Converter) -> _Hook:
    key, below = get_args(kind) or (str, object)
    key_hook: _Hook = converter.get_structure_hook(key)
    hook: _Hook = converter.get_structure_hook(below)

    def structure(value: object, _: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("an object belongs here")
        items = cast("dict[object, object]", value)
        return {
            _inside(key_hook, name, key, name): _inside(hook, item, below, name)
            for name, item in items.items()
        }

    return structure


def _class_hook(kind: _Kind, converter: Converter) -> _Hook:
    inner = make_dict_structure_fn(kind, converter)

    def structure(value: object, _: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("an object belongs here")
        found: object = inner(cast("Mapping[str, object]", value), kind)
        return found

    return structure


def has_fields(kind: object) -> bool:
    """Whether something is a class of attrs, or a dataclass."""
    origin = get_origin(kind) or kind
    is_attrs = hasattr(origin, "__attrs_attrs__")
    return isinstance(origin, type) and (is_attrs or is_dataclass(origin))


def _made() -> Converter:
    converter = Converter(
        detailed_validation=True,
        unstruct_collection_overrides={set: list, frozenset: list, tuple: list},
    )
    converter.register_structure_hook(bool, _truth)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind is object, _anything)
    converter.register_structure_hook_factory(has_fields, _class_hook)
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_mapping, _mapping_hook)
    texts: dict[_Kind, tuple[Callable[[object, object], object], _Kind | None]] = {
        Decimal: (_of_text("a decimal number", _decimal), str),
        datetime: (_of_text("a time as in RFC 3339", datetime.fromisoformat), None),
        date: (_of_text("a date as in RFC 3339", date.fromisoformat), None),
        time: (_of_text("a time of day", time.fromisoformat), None),
        UUID: (_of_text("a UUID", UUID), str),
        bytes: (_of_text("base64", _bytes), None),
    }
    for kind, (structure, write) in texts.items():
        converter.register_structure_hook(kind, structure)
        if write is not None:
            converter.register_unstructure_hook(kind, write)
    for kind in (datetime, date, time):
        converter.register_unstructure_hook(kind, kind.isoformat)
    converter.register_unstructure_hook(
        bytes, lambda value: base64.b64encode(value).decode()
    )
    converter.register_structure_hook(timedelta, _span)
    converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Enum),
        lambda member: member.value,
    )
    configure_union_passthrough(str | bool | int | float | None, converter)
    return converter


_converter: Final = _made()


def check_class(cls: _Kind) -> None:
    """See that data could become a value of a class.

    Raises:
        MessageClassError: It could not.
    """
    try:
        _converter.get_structure_hook(cls)
    except (StructureHandlerNotFoundError, NameError, TypeError) as error:
        problem = f"cattrs cannot read its fields: {error}"
        raise MessageClassError(cls.__name__, problem) from None


def unstructured(value: object) -> object:
    """What is written of a value."""
    written: object = _converter.unstructure(value)
    return written


def structured(tag: str, data: object, cls: type[T]) -> T:
    """The value of a class that some data is.

    Raises:
        MessageShapeError: It is none, and where.
    """
    try:
        return _converter.structure(data, cls)
    except StructureHandlerNotFoundError as error:
        raise MessageShapeError(tag, "", str(error)) from None
    except Exception as error:  # noqa: BLE001  # also what a class of the author raises
        pointer, problem = _first_fault(error, "")
        raise MessageShapeError(tag, pointer, problem) from None


def _first_fault(error: BaseException, pointer: str) -> tuple[str, str]:
    """Where the first thing is wrong, and what."""
    if isinstance(error, _FaultError):
        return _first_fault(error.inner, f"{pointer}/{escaped(error.place)}")
    if not isinstance(error, BaseValidationError):
        return pointer, _said(error)
    inner = error.exceptions[0]
    for note in getattr(inner, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            below = f"{pointer}/{escaped(note.name)}"
            if isinstance(inner, KeyError) and inner.args == (note.name,):
                return below, "it is missing"
            return _first_fault(inner, below)
    return _first_fault(inner, pointer)


def _said(error: BaseException) -> str:
    return f"{error}"[:200] or type(error).__name__
