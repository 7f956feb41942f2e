"""A program that is nothing but bots: fetch updates until told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from duologue._program import Program, wait_for_end
from duologue.dialogs import Bot
from duologue.transport import PollerSettings

__all__ = ["LongPolling"]


class LongPolling(Program):
    """Fetches updates by long polling and runs the dialogs.

    Args:
        dispatcher: The routers and dialogs.
        engine: Where mailboxes and state are; see `Runtime`. By default what the
            environment variable `DUOLOGUE_ENGINE` says, or a file in `state_dir`, so that
            dialogs go on after a restart.
        settings: How conversations behave.
        state_dir: Where that file is, and the position of the polling; see `Runtime`.
        drain: Seconds for finishing after a signal to stop.
        on_error: Told of errors that nobody awaits; see `Runtime`.
        metrics_port: Where metrics and health are shown; see `Runtime`.

    Raises:
        RuntimeSettingError: The dispatcher, the hook or the time is something else.
        EngineNotAvailableError: The engine is none that this version has.
    """

    def run(
        self,
        *bots: Bot,
        timeout: float = 30,
        limit: int = 100,
        drop_pending_updates: bool = False,
        types: Sequence[str] | None = None,
    ) -> None:
        """Run until SIGINT or SIGTERM; then finish what has begun and return.

        A second signal ends the program at once, without any clean-up. Call it from
        the main thread, where no event loop runs. When the bots work it says so, and
        where their state is, in one line on standard error, unless logging is set up:
        then the log has it.

        Args:
            bots: The bots.
            timeout: Seconds that the messenger may hold a request open. More than
                the messenger allows means as long as it allows.
            limit: Updates in one answer at the most; the same holds for it.
            drop_pending_updates: Whether to skip what came before the start.
            types: Which updates to ask for, in the messenger's words; by default
                those that somebody handles.

        Raises:
            RuntimeSettingError: There is no bot, or this is no place to run.
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MarkerFileError: The position of the polling cannot be read.
            StateFileError: The state cannot be kept in its file, or read from it.
            EngineServerError: The server of the engine is not what is needed.
            BotRunsElsewhereError: Another program runs a bot, from `state_dir`.
        """
        settings = PollerSettings(
            timeout=timeout,
            limit=limit,
            drop_pending_updates=drop_pending_updates,
            types=None if types is None else tuple(types),
        )
        self._run(partial(self._serve, bots, settings))

    async def start(self, *bots: Bot, polling: PollerSettings | None = None) -> None:
        """Run until cancelled, without touching signals.

        Args:
            bots: The bots.
            polling: How to fetch.

        Raises:
            RuntimeSettingError: There is no bot.
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MarkerFileError: The position of the polling cannot be read.
            StateFileError: The state cannot be kept in its file, or read from it.
            EngineServerError: The server of the engine is not what is needed.
            BotRunsElsewhereError: Another program runs a bot, from `state_dir`.
        """
        async with self._runtime(bots, polling or PollerSettings()) as runtime:
            await runtime.wait()

    async def _serve(self, bots: Sequence[Bot], settings: PollerSettings) -> None:
        async with self._runtime(bots, settings) as runtime:
            await wait_for_end(runtime, "polling")
