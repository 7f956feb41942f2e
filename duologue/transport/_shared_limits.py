"""The calls of a bot that works in several processes, which share what is allowed."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

from duologue.actors import Clock
from duologue.errors import EngineUnavailableError
from duologue.transport._limits import TokenBucket

# Seconds for which calls are taken at once: so few that those of a process which does not
# make them are soon back, and enough that one in five asks.
_SLICE = 0.2
_PAUSE = 1.0  # seconds until an engine that did not answer is asked again


@runtime_checkable
class Allowance(Protocol):
    """Gives out the calls that all processes of a bot may make together."""

    async def allow(
        self, name: str, capacity: int, seconds: float, wanted: int, pause: float
    ) -> tuple[int, float]:
        """Take some calls.

        Args:
            name: Whose calls.
            capacity: How many may be taken in any window.
            seconds: The length of the window.
            wanted: How many are wanted.
            pause: Seconds in which nobody gets any; 0 for none.

        Returns:
            How many may be made, and if none, the seconds until it is worth to ask again.

        Raises:
            EngineUnavailableError: The engine does not answer.
        """
        ...


class SharedBucket(TokenBucket):
    """A bucket whose tokens several processes share."""

    __slots__ = ("_allowance", "_granted", "_name", "_paused", "_until", "_wanted")

    def __init__(
        self,
        capacity: int,
        period: float,
        *,
        clock: Clock,
        name: str,
        allowance: Allowance,
    ) -> None:
        """Make a bucket that is empty until it has asked.

        Args:
            capacity: Calls in a window, of all processes together.
            period: Length of the window in seconds.
            clock: Tells the time.
            name: Names the bucket among those of the allowance.
            allowance: Gives out the tokens.
        """
        super().__init__(capacity, period, clock=clock)
        self._name = name
        self._allowance = allowance
        self._wanted = max(round(capacity * _SLICE), 1)
        self._granted = 0
        self._until = float("-inf")
        self._paused = 0.0

    def is_free(self, now: float) -> bool:
        """Tell whether a token is there and nobody waits for one."""
        return self._granted > 0 and now < self._until and super().is_free(now)

    def note(self, now: float) -> None:
        """Take a token that has just been called available."""
        super().note(now)
        self._granted -= 1

    def pause(self, seconds: float) -> None:
        """Give out nothing for a while, in no process."""
        super().pause(seconds)
        self._paused = max(self._paused, seconds)
        self._granted = 0

    async def wait(self) -> float:
        """Wait until a token is there, and tell when that is.

        Only for the holder of the turn.
        """
        while True:
            now = await super().wait()
            if self._granted > 0 and now < self._until:
                return now
            await self._ask()

    async def _ask(self) -> None:
        """Take tokens for a slice of time."""
        asked = self.clock.time()
        pause, self._paused = self._paused, 0.0
        try:
            granted, wait = await self._allowance.allow(
                self._name,
                self._capacity,
                self._return_after + _SLICE,
                self._wanted,
                pause,
            )
        except EngineUnavailableError:
            self._paused = pause
            granted, wait = 0, _PAUSE
        except asyncio.CancelledError:
            self._paused = pause
            raise
        if granted:
            self._granted, self._until = granted, asked + _SLICE
        else:
            await self.clock.sleep(wait)
