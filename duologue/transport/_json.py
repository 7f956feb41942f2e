"""JSON from outside and to it: parsed, written, and its shapes told apart.

Whoever reads fields does so on its own: the adapter of MAX says where an update is
malformed, the sandbox refuses what MAX would refuse, and one checks the other.

orjson does it where it is installed, and leaves to the standard library what it cannot
do, such as halves of characters: the answers are the same. Data of authors has its own
functions (`dialogs/_chat/_data.py`), because it is kept as it is: halves of characters as
bytes that no messenger takes, and any number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Never, TypeGuard

from duologue.dialogs._chat._data import quick


def _refuse(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


_decode: Callable[[str], object] = json.JSONDecoder(parse_constant=_refuse).decode
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def parse_plain(raw: str | bytes) -> object:
    """The value of a text, by the standard library; see `parse`."""
    try:
        return _decode(raw if isinstance(raw, str) else raw.decode())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def dump_plain(value: object) -> bytes:
    """The bytes of a value, by the standard library; see `dump`."""
    return _encode(value).encode()


if quick is None:
    parse, dump = parse_plain, dump_plain
else:
    _quick_parse: Callable[[str | bytes], object] = quick.loads
    _quick_dump: Callable[[object], bytes] = quick.dumps

    def parse(raw: str | bytes) -> object:
        """The value of a text, with one kind of error for all that can be wrong.

        Raises:
            ValueError: It is no JSON, or nested too deeply.
        """
        try:
            return _quick_parse(raw)
        except ValueError:
            return parse_plain(raw)

    def dump(value: object) -> bytes:
        """The bytes of a value made of objects, lists, texts, whole numbers and bools."""
        try:
            return _quick_dump(value)
        except TypeError:
            return dump_plain(value)


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a value is an array."""
    return isinstance(value, list)
