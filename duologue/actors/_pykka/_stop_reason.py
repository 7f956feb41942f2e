"""Stop reasons: why an actor has stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody asked it to stop: by `stop()`, or the end of its system."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised something that nobody was told of.

    Attributes:
        error: What it raised, with its traceback: whoever keeps it keeps the instance
            that raised it in memory.
    """

    error: BaseException


@dataclass(frozen=True, slots=True)
class Killed:
    """Somebody killed it: it handled nothing more and ran no hook."""


@dataclass(frozen=True, slots=True)
class Passivated:
    """It went to sleep; for its key the next message makes another."""


@dataclass(frozen=True, slots=True)
class ParentStopped:
    """Its parent has stopped or begun anew."""


@dataclass(frozen=True, slots=True)
class SystemClosed:
    """Its system ended before it did: it was cut off, or its loop was closed."""


StopReason: TypeAlias = (
    Stopped | Failed | Killed | Passivated | ParentStopped | SystemClosed
)
