"""What a State holds, and how it becomes bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

# What authors keep in a State is theirs: only here may it be anything.
Value: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data
Values: TypeAlias = dict[str, Value]
"""All values of a State by their names. Nobody changes one that is shared."""

# Nobody can change one, and all of them can be stored.
_LEAST = -(2**63)
_FIXED: frozenset[type] = frozenset({type(None), bool, str, bytes})
_UNCHANGEABLE = _FIXED | {int, float}
# What is written comes back as it was, if the codec writes it the quick way.
_PLAIN: frozenset[type] = frozenset({type(None), bool, str, int})


class Codec(Protocol):
    """Writes values as bytes, and reads them."""

    def write(
        self, values: Sequence[Value], names: Sequence[str]
    ) -> tuple[bytes, list[Value]]:
        """Return bytes, and another copy of the values.

        Raises:
            UnserialisableDataError: One cannot be stored; the error names the place.
        """
        ...

    def write_plain(self, values: Sequence[Value]) -> bytes | None:
        """Write what holds nothing but None, bools, texts and whole numbers, as `write`.

        It need not be compared. None if it cannot be written like that.
        """
        ...

    def read(self, line: bytes) -> list[Value]:
        """Read what `write` wrote."""
        ...


def are_fixed(values: Values) -> bool:
    """Whether values can be stored as they are, and nobody can change one."""
    name: object
    value: object
    for name, value in values.items():
        if type(name) is not str:
            return False
        if type(value) is int:
            if not _LEAST <= value <= -_LEAST:
                return False
        elif type(value) not in _FIXED:
            return False
    return True


def are_plain(values: Values) -> bool:
    """Whether values come back as they were from the quick way to write them."""
    for name, value in values.items():
        if type(name) is not str or type(value) not in _PLAIN:
            return False
    return True


def are_unchangeable(values: Values) -> bool:
    """Whether nobody can change one of the values, which are stored already."""
    for value in values.values():  # noqa: SIM110  # a generator takes twice as long
        if type(value) not in _UNCHANGEABLE:
            return False
    return True


def copied(codec: Codec, value: object, *names: str) -> Value:
    """Another copy of a value, which can be stored.

    Args:
        codec: Writes and reads it.
        value: The value.
        names: What it is called in errors, part by part.

    Raises:
        UnserialisableDataError: It cannot.
    """
    if type(value) in _FIXED or (type(value) is int and _LEAST <= value <= -_LEAST):
        return value
    return codec.write([value], [".".join(names)])[1][0]
