"""Commands as they go to the server.

redis-py takes 35 µs to write a script with all its keys, which is a quarter of a press. So
commands are written here, and the keys of a unit, which come first in each of its scripts,
once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Word: TypeAlias = str | bytes | int | float

_MOST_SIZES = 512
# To look these up takes half of the time of writing them anew.
_SIZES = [b"$%d\r\n" % size for size in range(_MOST_SIZES)]


class Words:
    """Words that commands are made of, and how they are written.

    Args:
        words: The words.
    """

    __slots__ = ("number", "words", "written")

    def __init__(self, words: Sequence[Word]) -> None:
        self.words: Sequence[Word] = words
        self.number: int = len(words)
        self.written: bytes = written(words)


def written(words: Sequence[Word]) -> bytes:
    """Words as the server reads them."""
    parts: list[bytes] = []
    add = parts.append
    for word in words:
        if isinstance(word, bytes):
            data = word
        elif isinstance(word, str):
            data = word.encode()
        else:
            data = repr(word).encode()
        size = len(data)
        add(_SIZES[size] if size < _MOST_SIZES else b"$%d\r\n" % size)
        add(data)
        add(b"\r\n")
    return b"".join(parts)


def command(number: int, *parts: bytes) -> bytes:
    """A command of so many words."""
    return b"*%d\r\n%b" % (number, b"".join(parts))


NOTHING = Words(())
