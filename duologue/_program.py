"""A program that is nothing but bots: what polling and webhooks share of it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
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

__all__: list[str] = []

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
        self, bots: Sequence[Bot], *, polling: PollerSettings | None = ...
    ) -> Runtime: ...


class Program:
    """Bots in a program of their own; see `LongPolling` and `Webhook`."""

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

    def _runtime(self, bots: Sequence[Bot], settings: PollerSettings | None) -> Runtime:
        if not bots:
            name = type(self).__name__
            problem = "there is no bot; write run(Bot()) or `await start(Bot())`"
            raise RuntimeSettingError(name, problem)
        return self._make(bots, polling=settings)

    def _run(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Run until SIGINT or SIGTERM, from the main thread.

        Args:
            serve: Works until it is cancelled.
        """
        _check_place(type(self).__name__)
        try:
            with _no_closed_stderr():
                asyncio.run(_run_until_signal(serve))
        except DuologueError as error:
            # The error says what to do; the way through the runtime would hide it.
            raise error.with_traceback(None) from None


async def _run_until_signal(serve: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await serve()

    task = loop.create_task(work())
    late: list[asyncio.TimerHandle] = []

    def stop() -> None:
        late.append(loop.call_later(_PATIENCE, _logger.warning, _FINISHING))
        task.cancel()

    with at_first_signal(lambda: loop.call_soon_threadsafe(stop)):
        await asyncio.wait([task])
    for timer in late:
        timer.cancel()
    await task


async def wait_for_end(runtime: Runtime, does: str) -> None:
    """Say that the bots of a runtime work, and wait until they do no more.

    Args:
        runtime: The runtime, which runs.
        does: What they do, such as `polling`.
    """
    if not _logger.hasHandlers():  # the log would say it
        place, names = place_of(runtime.engine), _names(runtime.bots)
        if not runtime.engine.durable and does == "polling":
            place += ", so a slow handler makes every user wait"
        _say(f"{does} as {names}, state in {place}; Ctrl+C ends it")
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


def _check_place(name: str) -> None:
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
            f"`await {name}(dispatcher).start(bot)`"
        )
    else:
        return
    raise RuntimeSettingError(f"{name}.run()", problem)
