"""When something counts as kept by a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, cast

from duologue.errors import RuntimeSettingError

Durability: TypeAlias = Literal["fast", "safe", "strict"]
"""When something counts as kept."""

_WAIT_MS: Final = 1000
_SYNC_MS: Final = 3000  # a server that syncs each second may take two
_WAITS: Final[dict[str, Sequence[str | int] | None]] = {
    "fast": None,
    "safe": ("WAIT", 1, _WAIT_MS),
    "strict": ("WAITAOF", 1, 0, _SYNC_MS),
}


def wait_for(durability: str) -> Sequence[str | int] | None:
    """What waits until a write is kept: its answer begins with how many have it.

    Returns:
        The command, or None if nothing is waited for.

    Raises:
        RuntimeSettingError: There is no such durability.
    """
    try:
        return _WAITS[durability]
    except KeyError:
        problem = f'{durability!r} is none; write "fast", "safe" or "strict"'
        raise RuntimeSettingError("durability=", problem) from None


def kept_by(reply: object) -> int:
    """How many have what was written, by the answer to what `wait_for` gives."""
    # WAIT tells how many replicas have it, WAITAOF first whether the disk has it.
    first = cast("list[object]", reply)[0] if isinstance(reply, list) else reply
    return first if isinstance(first, int) else 0
