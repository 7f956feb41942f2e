"""What a State holds, and how it becomes bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, cast

# What authors keep in a State is theirs: only here may it be anything.
Value: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data
Values: TypeAlias = dict[str, Value]
"""All values of a State by their names. Nobody changes one that is shared."""

# Nobody can change one, and all of them can be stored.
_LEAST = -(2**63)
_FIXED = frozenset({type(None), bool, str, bytes})


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

    def read(self, line: bytes) -> list[Value]:
        """Read what `write` wrote."""
        ...


def copied(codec: Codec, value: Value, *names: str) -> Value:
    """Another copy of a value, which can be stored.

    Args:
        codec: Writes and reads it.
        value: The value.
        names: What it is called in errors, part by part.

    Raises:
        UnserialisableDataError: It cannot.
    """
    kind = type(cast("object", value))
    if kind in _FIXED or (kind is int and _LEAST <= value <= -_LEAST):
        return value
    return codec.write([value], [".".join(names)])[1][0]
