"""The delays before actors begin anew, all of which end with their system."""

from __future__ import annotations

import asyncio

from duologue.actors._time._clock import Clock


class RestartDelays:
    """The restart delays of the actors on one loop; for use on that loop only.

    Attributes:
        is_over: Whether no actor begins anew any more.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self._delays: set[RestartDelay] = set()

    def add(self, restart_delay: RestartDelay) -> None:
        """Let a restart delay end with the others."""
        self._delays.add(restart_delay)

    def discard(self, restart_delay: RestartDelay) -> None:
        """Forget a restart delay that has ended."""
        self._delays.discard(restart_delay)

    def end(self) -> None:
        """End every restart delay now and those to come at once: nothing begins anew."""
        self.is_over = True
        for restart_delay in list(self._delays):
            restart_delay.end()


class RestartDelay:
    """One actor's restart delay before it begins anew."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, delay: float, *, clock: Clock, among: RestartDelays) -> None:
        """Return after `delay` seconds of the clock, or when the restart delay is ended."""
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
        """End the restart delay now; on the loop that waits."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
