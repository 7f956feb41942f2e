"""The way of bots to their messengers: who cannot get there holds nobody else up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from duologue.actors import Clock
from duologue.dialogs import Bot, bot_key
from duologue.errors import MessengerUnavailableError, RateLimitedError

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_logger = logging.getLogger("duologue")


class Connecting:
    """Connects bots, each on its own.

    Entering the block ends when all have tried and at least one is connected. The
    others go on trying until the end of the block.

    Args:
        bots: The bots.
        clock: Tells when to try again.
        limit: Seconds after which to give up if none is connected; None for never.

    Attributes:
        connected: Those that were connected when the block was entered.
        late: The others.
    """

    def __init__(
        self, bots: Sequence[Bot], *, clock: Clock, limit: float | None
    ) -> None:
        self.connected: tuple[Bot, ...] = ()
        self.late: tuple[Bot, ...] = ()
        self._bots = tuple(bots)
        self._clock = clock
        self._limit = limit
        self._tasks: list[asyncio.Task[None]] = []
        self._delayed = 0
        self._is_one_there = False
        self._has_tried = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnauthorizedError: A messenger does not know a bot's token.
            MessengerUnavailableError: No messenger can be reached.
            RateLimitedError: They refused all tries for being too many.
        """
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._connect(bot)) for bot in self._bots]
        for task in self._tasks:
            task.add_done_callback(lambda _: self._has_tried.set())
        try:
            await self._wait_for_one()
        except BaseException:
            await self._cancel()
            raise
        there = list(zip(self._bots, self._tasks, strict=True))
        self.connected = tuple(bot for bot, task in there if task.done())
        self.late = tuple(bot for bot, task in there if not task.done())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._cancel()

    async def arrival(self, bot: Bot) -> None:
        """Wait until a late bot is connected.

        Raises:
            MessengerError: Its messenger does not want it.
        """
        await asyncio.shield(self._tasks[self._bots.index(bot)])

    async def _wait_for_one(self) -> None:
        while not self._is_enough():
            self._has_tried.clear()
            await self._has_tried.wait()

    def _is_enough(self) -> bool:
        done = [task for task in self._tasks if task.done()]
        for task in done:
            task.result()  # raises what a messenger said
        going = len(self._tasks) - len(done)
        return not going or bool(done and going <= self._delayed)

    async def _connect(self, bot: Bot) -> None:
        pause = _FIRST_PAUSE
        began = self._clock.time()
        told: set[type[Exception]] = set()
        while True:
            try:
                await bot.start()
            except (MessengerUnavailableError, RateLimitedError) as error:
                asked = error.retry_after if isinstance(error, RateLimitedError) else 0
                if self._is_time_up(self._clock.time() - began + asked):
                    raise
                self._tell(error, told)
            else:
                self._delayed -= bool(told)
                self._is_one_there = True
                if told:
                    _logger.warning("%s answers now", bot_key(bot))
                return
            await self._clock.sleep(max(pause, asked))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _tell(self, error: Exception, told: set[type[Exception]]) -> None:
        """Say once of each kind of failure that a bot is delayed by it."""
        if type(error) not in told:
            _logger.warning("%s; trying again %s", error, self._effort())
        if not told:
            self._delayed += 1
        told.add(type(error))
        self._has_tried.set()

    def _is_time_up(self, waited: float) -> bool:
        limit = self._limit
        return limit is not None and waited >= limit and not self._is_one_there

    def _effort(self) -> str:
        if self._limit is None or len(self._bots) > 1:
            return "until it answers"
        return f"for {self._limit:g} s"

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
