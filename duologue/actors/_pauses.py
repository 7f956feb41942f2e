"""The pauses before actors begin anew, all of which end with their system."""

from __future__ import annotations

import asyncio

from duologue.actors._clock import Clock


class Pauses:
    """The pauses of the actors on one loop; for use on that loop only.

    Attributes:
        is_over: Whether no actor begins anew any more.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self._pauses: set[Pause] = set()

    def add(self, pause: Pause) -> None:
        """Let a pause end with the others."""
        self._pauses.add(pause)

    def discard(self, pause: Pause) -> None:
        """Forget a pause that has ended."""
        self._pauses.discard(pause)

    def end(self) -> None:
        """End every pause now and those to come at once: nothing begins anew."""
        self.is_over = True
        for pause in list(self._pauses):
            pause.end()


class Pause:
    """One actor's pause before it begins anew."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, delay: float, *, clock: Clock, among: Pauses) -> None:
        """Return after `delay` seconds of the clock, or when the pause is ended."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        timer = clock.call_later(delay, self.end)
        among.add(self)
        try:
            await waiter
        finally:
            timer.cancel()
            among.discard(self)

    def end(self) -> None:
        """End the pause now; on the loop that waits."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
