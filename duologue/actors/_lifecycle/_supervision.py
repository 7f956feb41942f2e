"""Supervision: an actor that fails goes on, begins anew, or stops.

An actor fails when it raises something that nobody is told of: in `on_start`, or while
it handles a message that was told and not asked. Here is decided what follows; nothing
is done.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never, final

from duologue.actors._time._seconds import is_positive_seconds, is_seconds
from duologue.errors import SupervisionSettingError


def _check(setting: str, value: object, *, is_right: bool) -> None:
    if not is_right:
        raise SupervisionSettingError(setting, repr(value))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long an actor pauses before it begins anew: longer after each failure.

    Attributes:
        initial: Seconds after the first failure.
        factor: How many times longer each further pause is.
        maximum: Seconds that no pause exceeds.

    Raises:
        SupervisionSettingError: If a number is negative or not finite, or the factor
            less than 1.
    """

    initial: float = 0.1
    factor: float = 2.0
    maximum: float = 30.0

    def __post_init__(self) -> None:
        _check("initial", self.initial, is_right=is_seconds(self.initial))
        is_factor = is_seconds(self.factor) and self.factor >= 1
        _check("factor", self.factor, is_right=is_factor)
        _check("maximum", self.maximum, is_right=is_seconds(self.maximum))

    def delay(self, failures: int) -> float:
        """The pause in seconds.

        Args:
            failures: How many failures came before this one.
        """
        try:
            growth = float(self.factor) ** failures if self.initial else 1.0
            return min(self.initial * growth, self.maximum)
        except OverflowError:
            return self.maximum


@final
@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the next message, as if nothing had happened; log the error.

    An actor whose `on_start` failed has nothing to go on with: it stops.
    """


@final
@dataclass(frozen=True, slots=True)
class Restart:
    """Begin anew, with the same arguments, ref and mailbox.

    Attributes:
        max_restarts: How often within the window; one failure more is escalated.
        within: The window, in seconds.
        backoff: How long to pause before.

    Raises:
        SupervisionSettingError: If a number is not of its kind.
    """

    max_restarts: int = 5
    within: float = 60.0
    backoff: Backoff = Backoff()

    def __post_init__(self) -> None:
        is_count = type(self.max_restarts) is int and self.max_restarts >= 0
        _check("max_restarts", self.max_restarts, is_right=is_count)
        _check("within", self.within, is_right=is_positive_seconds(self.within))
        _check("backoff", self.backoff, is_right=_is_backoff(self.backoff))


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """Stop, as an actor of Pykka does."""


@final
@dataclass(frozen=True, slots=True)
class Escalate:
    """Stop, and let the parent fail with `ChildFailedError`."""


Strategy: TypeAlias = Resume | Restart | Stop | Escalate

_STRATEGIES = (Resume, Restart, Stop, Escalate)


class Ending(Enum):
    """How an actor ends that does not begin anew."""

    STOP = "stop"
    ESCALATE = "escalate"


def _is_backoff(value: object) -> bool:
    return isinstance(value, Backoff)


def decide(strategy: Strategy, failures: int) -> float | Ending:
    """What follows when an actor cannot simply go on, after so many earlier failures.

    Returns:
        Seconds after which it begins anew, or how it ends.
    """
    match strategy:
        case Restart(max_restarts=most, backoff=backoff):
            return backoff.delay(failures) if failures < most else Ending.ESCALATE
        case Escalate():
            return Ending.ESCALATE
        case Stop() | Resume():
            return Ending.STOP
        case _:
            assert_never(strategy)


def count_old(failures: Sequence[float], strategy: Strategy, now: float) -> int:
    """How many failures, the oldest first, do not count any more."""
    within = strategy.within if isinstance(strategy, Restart) else -math.inf
    return bisect_right(failures, now - within)


def check_strategy(strategy: object) -> None:
    """See to it that a value is a strategy.

    Raises:
        SupervisionSettingError: If it is not.
    """
    _check("supervision", strategy, is_right=type(strategy) in _STRATEGIES)
