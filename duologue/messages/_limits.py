"""What is too much for a message: bytes, depth, numbers that not every reader can keep."""

from __future__ import annotations

import json
import math
from typing import Final, Never, cast

from duologue.errors import EnvelopeError, MessageShapeError, MessageTooLargeError

MOST_BYTES: Final = 64 * 1024
"""Bytes of a message, its envelope included."""

MOST_DEPTH: Final = 32
MOST_INT: Final = 2**53
"""The largest whole number that JavaScript, too, keeps as it is."""

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def parse(body: bytes) -> object:
    """The value of some JSON.

    Raises:
        MessageTooLargeError: There is more than a message may have.
        EnvelopeError: It is no JSON.
    """
    check_size(len(body))
    return parse_any(body)


def parse_any(body: bytes) -> object:
    """The value of some JSON, however long it is.

    Raises:
        EnvelopeError: It is no JSON.
    """
    try:
        found: object = _decode(body.decode())
    except RecursionError:
        raise EnvelopeError("", "it is nested too deep") from None
    except ValueError as error:
        raise EnvelopeError("", f"it is no JSON: {error}") from None
    return found


def written(value: object) -> bytes:
    """JSON in UTF-8, as short as it can be.

    Raises:
        ValueError: It holds what JSON does not have.
    """
    return _encode(value).encode()


def check_size(size: int) -> None:
    """Refuse a message of too many bytes.

    Raises:
        MessageTooLargeError: It has too many.
    """
    if size > MOST_BYTES:
        raise MessageTooLargeError(size, MOST_BYTES)


def check_data(tag: str, data: object) -> None:
    """Refuse data that not everybody could read.

    Raises:
        MessageShapeError: It is nested too deep, holds a number that is too large, or
            what JSON does not have.
    """
    _check(tag, data, "", MOST_DEPTH)


def _check(tag: str, value: object, pointer: str, depth: int) -> None:
    if not isinstance(value, dict | list):
        _check_plain(tag, value, pointer)
        return
    if depth <= 0:
        problem = f"it is nested deeper than {MOST_DEPTH} levels"
        raise MessageShapeError(tag, pointer, problem)
    if isinstance(value, list):
        for number, each in enumerate(cast("list[object]", value)):
            _check(tag, each, f"{pointer}/{number}", depth - 1)
        return
    for name, each in cast("dict[object, object]", value).items():
        if not isinstance(name, str):
            problem = f"names are texts, not {type(name).__name__}"
            raise MessageShapeError(tag, pointer, problem)
        _check_text(tag, name, pointer)
        _check(tag, each, f"{pointer}/{escaped(name)}", depth - 1)


def _check_plain(tag: str, value: object, pointer: str) -> None:
    match value:
        case None | bool():
            return
        case str():
            _check_text(tag, value, pointer)
        case int():
            if abs(value) > MOST_INT:
                problem = "a number beyond 2^53 differs elsewhere; send it as a text"
                raise MessageShapeError(tag, pointer, problem)
        case float():
            if not math.isfinite(value):
                raise MessageShapeError(tag, pointer, f"{value} is no number in JSON")
        case _:
            problem = f"a {type(value).__name__} cannot be sent"
            raise MessageShapeError(tag, pointer, problem)


def _check_text(tag: str, text: str, pointer: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            problem = "it has half of a character (a lone surrogate)"
            raise MessageShapeError(tag, pointer, problem) from None


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
