"""Time as a collaborator: read it, wait for it, be called later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Protocol, TypeVarTuple, runtime_checkable

Ts = TypeVarTuple("Ts")


class TimerHandle(Protocol):
    """A call that has been arranged for later."""

    def cancel(self) -> None:
        """Call it off; does nothing when it has run already."""


class Clock(Protocol):
    """The clock port: monotonic seconds, timers, sleep."""

    def time(self) -> float:
        """The current time in seconds; it never goes back."""
        ...

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts
    ) -> TimerHandle:
        """Call `callback(*args)` on the loop in `delay` seconds.

        Args:
            delay: Seconds from now.
            callback: What to call; it must not block.
            args: Its arguments.

        Returns:
            The handle that calls it off.
        """
        ...

    async def sleep(self, delay: float) -> None:
        """Return after `delay` seconds."""


class LoopClock:
    """The clock of an event loop, real or virtual.

    Args:
        loop: Whose time it is; the loop that runs at the moment of each call
            when left out. A clock that names its loop tells the time to every
            thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    def time(self) -> float:
        """The time of the loop in seconds; it never goes back."""
        return (self._loop or asyncio.get_running_loop()).time()

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts
    ) -> TimerHandle:
        """Call `callback(*args)` on the loop in `delay` seconds.

        Call it on the thread of the loop.
        """
        return self._its_loop().call_later(delay, callback, *args)

    async def sleep(self, delay: float) -> None:
        """Return after `delay` seconds of the running loop."""
        await asyncio.sleep(delay)

    def _its_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop or asyncio.get_running_loop()


def in_any_thread(clock: Clock) -> Clock:
    """A clock of the running loop that tells its time to every thread."""
    if isinstance(clock, LoopClock):
        return LoopClock(asyncio.get_running_loop())
    return clock


@runtime_checkable
class TimesTurns(Protocol):
    """A loop that says itself how long turns take, as in virtual time.

    Attributes:
        turn_time: Seconds that never go back.
    """

    turn_time: Callable[[], float]


def turn_time(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """What tells actors on a loop, in seconds, how long their turns take."""
    return loop.turn_time if isinstance(loop, TimesTurns) else perf_counter
