"""A program that is nothing but bots: fetch updates until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from duologue.dialogs import Bot, Dispatcher
from duologue.runtime import Runtime
from duologue.transport import PollerSettings

__all__ = ["LongPolling"]

_logger = logging.getLogger("duologue")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class LongPolling:
    """Fetches updates by long polling and runs the dialogs.

    Args:
        dispatcher: The routers and dialogs.
        state_dir: Where the position of the polling is kept; see `Runtime`.
        drain: Seconds for finishing after a signal to stop.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        state_dir: str | os.PathLike[str] | None = None,
        drain: float = 10.0,
    ) -> None:
        self._dispatcher = dispatcher
        self._state_dir = state_dir
        self._drain = drain

    def run(
        self,
        *bots: Bot,
        timeout: float = 30,
        limit: int = 100,
        drop_pending_updates: bool = False,
        types: Sequence[str] | None = None,
    ) -> None:
        """Run until SIGINT or SIGTERM; then finish what has begun and return.

        A second signal ends the program at once.

        Args:
            bots: The bots.
            timeout: Seconds that the messenger may hold a request open.
            limit: Updates in one answer at the most.
            drop_pending_updates: Whether to skip what came before the start.
            types: Which updates to ask for, in the messenger's words; by default
                those that somebody handles.

        Raises:
            UnauthorizedError: A messenger does not know a bot's token.
        """
        settings = PollerSettings(
            timeout=timeout,
            limit=limit,
            drop_pending_updates=drop_pending_updates,
            types=None if types is None else tuple(types),
        )
        asyncio.run(self._run_until_signal(bots, settings))

    async def start(self, *bots: Bot, polling: PollerSettings | None = None) -> None:
        """Run until cancelled, without touching signals.

        Args:
            bots: The bots.
            polling: How to fetch.
        """
        async with self._runtime(bots, polling or PollerSettings()) as runtime:
            await runtime.wait()

    def _runtime(self, bots: Sequence[Bot], settings: PollerSettings) -> Runtime:
        return Runtime(
            self._dispatcher,
            bots,
            polling=settings,
            state_dir=self._state_dir,
            drain=self._drain,
            start_timeout=None,
        )

    async def _run_until_signal(
        self, bots: Sequence[Bot], settings: PollerSettings
    ) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._serve(bots, settings))

            def stop() -> None:
                _logger.info("stopping; a second signal ends the program at once")
                for number in _SIGNALS:
                    loop.remove_signal_handler(number)
                task.cancel()

            for number in _SIGNALS:
                loop.add_signal_handler(number, stop)
            await asyncio.wait([task])
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    async def _serve(self, bots: Sequence[Bot], settings: PollerSettings) -> None:
        with suppress(asyncio.CancelledError):
            async with self._runtime(bots, settings) as runtime:
                with suppress(asyncio.CancelledError):
                    await runtime.wait()
