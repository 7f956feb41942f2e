"""The data that bot authors keep in a dialog, and how it becomes bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, TypeAlias

# What bot authors put into their dialogs is theirs: only here may it be anything.
Json: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data

Function: TypeAlias = Callable[..., Json]  # type: ignore[explicit-any]  # any arguments
"""A function of the author, whose arguments are filled by name."""


_PLAIN = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _writer() -> Callable[[Json, int], tuple[str, ...]] | None:
    """Make the function that writes JSON in pieces.

    `JSONEncoder.encode` makes its C encoder anew for each call, to detect loops, which
    end in a RecursionError as well. Keeping one takes 0.5 µs instead of 2.4.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # not CPython
        return None
    made: Callable[[Json, int], tuple[str, ...]] = make(
        *(None, _PLAIN.default, json.encoder.encode_basestring, None),
        *(_PLAIN.key_separator, _PLAIN.item_separator, False, False, False),
    )
    return made


def _write_whole(value: Json, _indent: int) -> tuple[str, ...]:
    return (_PLAIN.encode(value),)


_write = _writer() or _write_whole
_decoder = json.JSONDecoder()
# What `decode` calls: it reads the first value of a text and tells where that ends.
_scan: Callable[[str, int], tuple[Json, int]] = vars(_decoder)["scan_once"]


def dump(value: Json) -> str:
    """Write data as JSON.

    Raises:
        ValueError: It holds NaN or an infinity.
        TypeError: It holds what JSON does not have.
        RecursionError: It contains itself, or is nested too deep.
    """
    return "".join(_write(value, 0))


def dump_plain(value: Json) -> bytes:
    """Write data as JSON in UTF-8, as `dump` does.

    Text from a messenger may hold halves of characters; they survive.
    """
    return "".join(_write(value, 0)).encode(errors="surrogatepass")


def load_plain(text: bytes) -> Json:
    """Read what `dump_plain` wrote."""
    # Guessing the encoding, as json.loads does, costs as much as a small text.
    written = text.decode(errors="surrogatepass")
    try:
        value, end = _scan(written, 0)
        if end == len(written):
            return value
    except StopIteration:
        pass
    return _decoder.decode(written)  # white space around it, or no JSON


class _Quick(Protocol):
    """What orjson does, as far as it is used."""

    def dumps(self, value: Json, /) -> bytes: ...

    def loads(self, text: bytes | str, /) -> Json: ...


def _quick() -> _Quick | None:
    try:
        found: Json = import_module("orjson")
    except ModuleNotFoundError:
        return None
    library: _Quick = found
    return library


quick: Final = _quick()
"""orjson where it is installed.

It refuses what it cannot write: halves of characters, and numbers of more than 64 bits.
"""

dump_quickly: Callable[[Json], bytes]
load_quickly: Callable[[bytes], Json]
if quick is None:
    dump_bytes, load = dump_plain, load_plain
    dump_quickly, load_quickly = dump_plain, load_plain
else:
    dump_quickly, load_quickly = quick.dumps, quick.loads

    def dump_bytes(value: Json) -> bytes:
        """Write data as JSON in UTF-8, the quicker way where that can."""
        try:
            return dump_quickly(value)
        except TypeError:
            return dump_plain(value)

    def load(text: bytes) -> Json:
        """Read JSON in UTF-8, the quicker way where that can."""
        try:
            return load_quickly(text)
        except ValueError:  # half a character
            return load_plain(text)


def size(text: str) -> int:
    """How many bytes a text has in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))
