"""A program that is nothing but bots: fetch updates until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol, runtime_checkable

from duologue.actors import Engine
from duologue.dialogs import Bot, Dispatcher, Settings, bot_key
from duologue.dialogs._description._dispatcher import checked_dispatcher
from duologue.errors import BotNotStartedError, DuologueError, RuntimeSettingError
from duologue.runtime import OnError, Runtime
from duologue.runtime._engines import SQLITE, named_engine, place_of
from duologue.threads._signals import at_first_signal
from duologue.transport import PollerSettings

__all__ = ["LongPolling"]

_logger = logging.getLogger("duologue")
_PATIENCE = 1.0  # seconds of finishing that need no word
_FINISHING = "finishing what has begun; a second signal ends the program at once"


@runtime_checkable
class _Placed(Protocol):
    """A bot that knows where its messenger is."""

    @property
    def base_url(self) -> str: ...


class _Make(Protocol):
    """Makes the runtime of a program."""

    def __call__(
        self, bots: Sequence[Bot], *, polling: PollerSettings = ...
    ) -> Runtime: ...


class LongPolling:
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

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        engine: Engine | str | None = None,
        settings: Settings = Settings(),  # noqa: B008  # it is frozen
        state_dir: str | os.PathLike[str] | None = None,
        drain: float = 10.0,
        on_error: OnError | None = None,
        metrics_port: int | None = None,
    ) -> None:
        self._make: _Make = partial(
            Runtime,
            checked_dispatcher(dispatcher),
            engine=SQLITE if engine is None and not named_engine() else engine,
            settings=settings,
            state_dir=state_dir,
            drain=drain,
            start_timeout=None,
            on_error=on_error,
            metrics_port=metrics_port,
        )
        self._make([])  # what cannot be used is refused here already

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
            BotRunsElsewhereError: Another program runs a bot, from `state_dir`.
        """
        settings = PollerSettings(
            timeout=timeout,
            limit=limit,
            drop_pending_updates=drop_pending_updates,
            types=None if types is None else tuple(types),
        )
        _check_place()
        try:
            with _no_closed_stderr():
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
            RuntimeSettingError: There is no bot.
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MarkerFileError: The position of the polling cannot be read.
            StateFileError: The state cannot be kept in its file, or read from it.
            BotRunsElsewhereError: Another program runs a bot, from `state_dir`.
        """
        async with self._runtime(bots, polling or PollerSettings()) as runtime:
            await runtime.wait()

    def _runtime(self, bots: Sequence[Bot], settings: PollerSettings) -> Runtime:
        if not bots:
            problem = "there is no bot; write run(Bot()) or `await start(Bot())`"
            raise RuntimeSettingError("LongPolling", problem)
        return self._make(bots, polling=settings)

    async def _run_until_signal(
        self, bots: Sequence[Bot], settings: PollerSettings
    ) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(bots, settings))

        late: list[asyncio.TimerHandle] = []

        def stop() -> None:
            late.append(loop.call_later(_PATIENCE, _logger.warning, _FINISHING))
            task.cancel()

        with at_first_signal(lambda: loop.call_soon_threadsafe(stop)):
            await asyncio.wait([task])
        for timer in late:
            timer.cancel()
        await task

    async def _serve(self, bots: Sequence[Bot], settings: PollerSettings) -> None:
        with suppress(asyncio.CancelledError):
            async with self._runtime(bots, settings) as runtime:
                if not _logger.hasHandlers():  # the log would say it
                    place = place_of(runtime.engine)
                    _say(f"polling as {_names(bots)}, state in {place}; Ctrl+C ends it")
                with suppress(asyncio.CancelledError):
                    await runtime.wait()


def _names(bots: Sequence[Bot]) -> str:
    """Name the bots that work, and their messengers."""
    named: list[str] = []
    for bot in bots:
        with suppress(BotNotStartedError):  # its messenger cannot be reached yet
            place = f" at {bot.base_url}" if isinstance(bot, _Placed) else ""
            named.append(bot_key(bot) + place)
    return ", ".join(named)


def _say(line: str) -> None:
    """Show a line to whoever has started the program, if anybody can see it."""
    with suppress(AttributeError, OSError):  # none, or nobody reads it
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def _no_closed_stderr() -> Generator[None, None, None]:
    """Put `None` for a standard error that is closed, as Python does without one.

    With a closed one and no handler, each line of the log raises `ValueError` in
    whoever writes it: `logging.Handler.handleError` survives `OSError` and `None`.
    """
    stderr = sys.stderr
    if stderr is not None and stderr.closed:
        sys.stderr = None
    try:
        yield
    finally:
        sys.stderr = stderr


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check_place() -> None:
    """Make sure that a program can run from here.

    Raises:
        RuntimeSettingError: It cannot.
    """
    if threading.current_thread() is not threading.main_thread():
        problem = (
            "only the main thread gets the signals that end it; in another one write "
            "`with Runtime(dispatcher, [bot]).in_thread():`"
        )
    elif _is_in_loop():
        problem = (
            "an event loop runs here already; write "
            "`await LongPolling(dispatcher).start(bot)`"
        )
    else:
        return
    raise RuntimeSettingError("LongPolling.run()", problem)
