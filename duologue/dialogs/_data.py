"""The data that bot authors keep in a dialog, and how it becomes bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from duologue.errors import UnserialisableDataError

# What bot authors put into their dialogs is theirs: only here may it be anything.
Json: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data

Function: TypeAlias = Callable[..., Json]  # type: ignore[explicit-any]  # any arguments
"""A function of the author, whose arguments are filled by name."""

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=True
).encode
_MAX_DEPTH = 200


def dump(value: Json) -> str:
    """Write data that the runtime made itself as JSON."""
    return _encode(value)


def load(text: str | bytes) -> Json:
    """Read what `dump` wrote."""
    return json.loads(text)


def check(value: Json, path: str, depth: int = 0) -> None:
    """Make sure that user data can be written as JSON and read back.

    Args:
        value: The data.
        path: Where it is, for the error.
        depth: How deep inside the data it is.

    Raises:
        UnserialisableDataError: It cannot; the error names the place.
    """
    if isinstance(value, str | int) or value is None:  # bool is an int
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UnserialisableDataError(path, f"is {value!r}")
    elif depth > _MAX_DEPTH:
        raise UnserialisableDataError(path, f"is nested deeper than {_MAX_DEPTH}")
    elif isinstance(value, dict):
        _check_dict(cast("dict[object, Json]", value), path, depth)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("Sequence[Json]", value)):
            check(item, f"{path}[{index}]", depth + 1)
    else:
        name = type(cast("object", value)).__qualname__
        raise UnserialisableDataError(path, f"is a {name}")


def _check_dict(value: dict[object, Json], path: str, depth: int) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise UnserialisableDataError(path, f"has the key {key!r}")
        check(item, f"{path}.{key}", depth + 1)


def dump_checked(value: Json, path: str) -> str:
    """Write user data as JSON.

    Raises:
        UnserialisableDataError: It cannot be written; the error names the place.
    """
    check(value, path)
    return _encode(value)
