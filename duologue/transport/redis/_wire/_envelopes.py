"""Mail as it lies on the server: a version, its mailbox, its id, its body."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from duologue.actors import Letter, Mail

_VERSION: Final = 1
_TO_UNIT: Final = 2
_SHORTEST: Final = 5


def pack(letter: Letter) -> bytes:
    """The bytes of a letter."""
    return _packed(_VERSION, letter.key, letter.mail.id, letter.mail.body)


def unpack(data: bytes) -> Letter:
    """The letter in some bytes.

    Raises:
        ValueError: It is no letter that this version knows.
    """
    _, key, name, body = _unpacked(data, _VERSION)
    return Letter(key, Mail(name, body))


def pack_owed(screen: str, name: str, body: bytes) -> bytes:
    """The bytes of what is owed to the screen of another unit."""
    return _packed(_TO_UNIT, screen, name, body)


def unpack_out(data: bytes) -> tuple[bool, str, str, bytes]:
    """What is on its way to another unit.

    Returns:
        Whether it is owed, rather than mail; to whom, its id, and what it says.

    Raises:
        ValueError: It is nothing that this version knows.
    """
    version, key, name, body = _unpacked(data, None)
    return version == _TO_UNIT, key, name, body


def digest(name: str) -> bytes:
    """Eight bytes that stand for an id in the ring of a mailbox."""
    return blake2b(name.encode(), digest_size=8).digest()


def _packed(version: int, key: str, name: str, body: bytes) -> bytes:
    to, by = key.encode(), name.encode()
    parts = (bytes([version]), len(to).to_bytes(2), to, len(by).to_bytes(2), by, body)
    return b"".join(parts)


def _unpacked(data: bytes, version: int | None) -> tuple[int, str, str, bytes]:
    if len(data) < _SHORTEST or (data[0] != version if version else data[0] > _TO_UNIT):
        raise ValueError(f"{data[:20]!r} is of no version that this program knows")
    end = 3 + int.from_bytes(data[1:3])
    start = end + 2
    name_end = start + int.from_bytes(data[end:start])
    return (
        data[0],
        data[3:end].decode(),
        data[start:name_end].decode(),
        data[name_end:],
    )
