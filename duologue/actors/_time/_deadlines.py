"""Deadlines that all lie the same time ahead, with one timer for all of them.

Equal deadlines come in the order in which they were set, so only the oldest needs a
timer, and one that is met in time costs two steps in a dict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from duologue.actors._time._clock import Clock, TimerHandle

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Names of things that are overdue some seconds after they were added.

    Args:
        clock: Tells the time, and when it is over.
        seconds: How long each has.
        expire: Is called with a name that was not discarded in time.
    """

    __slots__ = ("_clock", "_due", "_expire", "_seconds", "_timer")

    def __init__(
        self, clock: Clock, seconds: float, expire: Callable[[K], object]
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expire = expire
        self._due: dict[K, float] = {}
        self._timer: TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, name: object) -> bool:
        return name in self._due

    def add(self, name: K, now: float) -> None:
        """Set the deadline of a name that has none.

        Args:
            name: The name.
            now: The time by the clock.
        """
        self._due[name] = now + self._seconds
        if self._timer is None:
            self._timer = self._clock.call_later(self._seconds, self._look)

    def discard(self, name: K) -> bool:
        """Forget a name.

        Returns:
            Whether its deadline was still to come.
        """
        return self._due.pop(name, None) is not None

    def clear(self) -> None:
        """Forget all of them."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Let those expire that are overdue, and look again when the next one is."""
        # It stays, so that nobody who adds a name meanwhile sets a second one.
        timer = self._timer
        now = self._clock.time()
        try:
            self._expire_until(now + _ROUNDING)
        finally:
            if self._timer is timer:  # else it has been cleared
                self._timer = self._look_later(now)

    def _look_later(self, now: float) -> TimerHandle | None:
        due = next(iter(self._due.values()), None)
        if due is None:
            return None
        return self._clock.call_later(max(due - now, 0.0), self._look)

    def _expire_until(self, now: float) -> None:
        while self._due:
            name, due = next(iter(self._due.items()))
            # A timer may come a little early, by the rounding of its clock.
            if due > now:
                return
            del self._due[name]
            self._expire(name)


_ROUNDING = 1e-6
