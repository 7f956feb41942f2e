"""Looking into JSON objects that may not have the documented shape.

Each function takes the object, the key, and the path that leads to the object
(ending in a dot unless it is empty). Errors name path and type, never content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from duologue.errors import MalformedUpdateError
from duologue.transport._json import is_object

Raw = Mapping[str, object]


def integer(data: Raw, key: str, path: str) -> int:
    """Give a whole number; true and false are none."""
    value = data.get(key)
    if type(value) is int:
        return value
    raise _refused(value, key, path, expected="a whole number")


def optional_integer(data: Raw, key: str, path: str) -> int | None:
    """Give a whole number, or None if it is null or absent."""
    value = data.get(key)
    if value is None or type(value) is int:
        return value
    raise _refused(value, key, path, expected="a whole number")


def text(data: Raw, key: str, path: str) -> str:
    """Give a text."""
    value = data.get(key)
    if type(value) is str:
        return value
    raise _refused(value, key, path, expected="text")


def optional_text(data: Raw, key: str, path: str) -> str | None:
    """Give a text, or None if it is null or absent."""
    value = data.get(key)
    if value is None or type(value) is str:
        return value
    raise _refused(value, key, path, expected="text")


def object_at(data: Raw, key: str, path: str) -> Raw:
    """Give an object."""
    value = data.get(key)
    if isinstance(value, dict):  # a press asks five times, so this makes no call
        return value  # pyright: ignore[reportUnknownVariableType]  # keys of JSON are texts
    raise _refused(value, key, path, expected="an object")


def optional_object(data: Raw, key: str, path: str) -> Raw | None:
    """Give an object, or None if it is null or absent."""
    value = data.get(key)
    if value is None or is_object(value):
        return value
    raise _refused(value, key, path, expected="an object")


def items(data: Raw, key: str, path: str) -> list[object]:
    """Give a list; null and absent mean an empty one."""
    value = data.get(key)
    if value is None:
        return []
    if isinstance(value, list):
        return cast("list[object]", value)
    raise _refused(value, key, path, expected="a list")


def _refused(
    value: object, key: str, path: str, *, expected: str
) -> MalformedUpdateError:
    found = "missing" if value is None else f"of the type {type(value).__name__}"
    return MalformedUpdateError(f"{path}{key} must be {expected} and is {found}")
