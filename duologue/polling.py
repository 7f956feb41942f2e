"""A program that is nothing but bots: fetch updates until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from duologue.dialogs import Bot, Dispatcher
from duologue.errors import DuologueError
from duologue.runtime import Runtime
from duologue.transport import PollerSettings

__all__ = ["LongPolling"]

_logger = logging.getLogger("duologue")
_PATIENCE = 1.0  # seconds of finishing that need no word
_FINISHING = "finishing what has begun; a second signal ends the program at once"
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

        A second signal ends the program at once, without any clean-up.

        Args:
            bots: The bots.
            timeout: Seconds that the messenger may hold a request open. More than
                the messenger allows means as long as it allows.
            limit: Updates in one answer at the most; the same holds for it.
            drop_pending_updates: Whether to skip what came before the start.
            types: Which updates to ask for, in the messenger's words; by default
                those that somebody handles.

        Raises:
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MarkerFileError: The position of the polling cannot be read.
        """
        settings = PollerSettings(
            timeout=timeout,
            limit=limit,
            drop_pending_updates=drop_pending_updates,
            types=None if types is None else tuple(types),
        )
        try:
            asyncio.run(self._run_until_signal(bots, settings))
        except DuologueError as error:
            # The error says what to do; the way through the runtime would hide it.
            raise error.with_traceback(None) from None

    async def start(self, *bots: Bot, polling: PollerSettings | None = None) -> None:
        """Run until cancelled, without touching signals.

        Args:
            bots: The bots.
            polling: How to fetch.

        Raises:
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MarkerFileError: The position of the polling cannot be read.
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
        task = loop.create_task(self._serve(bots, settings))

        late: list[asyncio.TimerHandle] = []

        def stop() -> None:
            late.append(loop.call_later(_PATIENCE, _logger.warning, _FINISHING))
            task.cancel()

        with _at_first_signal(lambda: loop.call_soon_threadsafe(stop)):
            await asyncio.wait([task])
        for timer in late:
            timer.cancel()
        await task

    async def _serve(self, bots: Sequence[Bot], settings: PollerSettings) -> None:
        with suppress(asyncio.CancelledError):
            async with self._runtime(bots, settings) as runtime:
                with suppress(asyncio.CancelledError):
                    await runtime.wait()


@contextmanager
def _at_first_signal(act: Callable[[], object]) -> Generator[None, None, None]:
    """Call a function at the first signal, and end the program at the second.

    Without the loop: a handler that blocks it does not make the program deaf. Without
    an exception: it would be raised in whatever runs, and could be lost there.
    """

    def first(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, _die)
        act()

    before = {number: signal.signal(number, first) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _die(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
