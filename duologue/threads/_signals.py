"""The signals that ask a program to end: the first in order, the second at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

from duologue.errors import RuntimeSettingError

SignalHandler: TypeAlias = Callable[[int, FrameType | None], object]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """SIGINT and SIGTERM, from the first wait for them until they are given back."""

    def __init__(self) -> None:
        self._before: list[Callable[[], object]] = []

    def take(self, act: Callable[[], object]) -> None:
        """Call a function at the first signal, and end the program at the second.

        Without the loop: a handler that blocks it does not make the program deaf.
        Without an exception: it would be raised in whatever runs, and could be lost
        there.

        Raises:
            RuntimeSettingError: Called on another than the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            problem = (
                "only the main thread gets the signals that end a program; wait "
                "there, or use wait() here"
            )
            raise RuntimeSettingError("run_until_signal()", problem)

        def first(_number: int, _frame: FrameType | None) -> None:
            for number in _SIGNALS:
                signal.signal(number, _die)
            act()

        known = [(number, signal.signal(number, first)) for number in _SIGNALS]
        if not self._before:
            self._before = [_giving_back(*each) for each in known]

    def give_back(self) -> None:
        """Let the signals do again what they did before."""
        while self._before:
            self._before.pop()()


@contextmanager
def at_first_signal(act: Callable[[], object]) -> Generator[None, None, None]:
    """Take the signals for as long as the block runs; see `Signals.take`."""
    signals = Signals()
    signals.take(act)
    try:
        yield
    finally:
        signals.give_back()


async def until_told(
    told: asyncio.Event, work: Coroutine[object, object, None]
) -> None:
    """Wait until somebody says so, or until some work fails.

    Raises:
        Exception: What the work has raised.
    """
    loop = asyncio.get_running_loop()
    working, waiting = loop.create_task(work), loop.create_task(told.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not told.is_set():
            await working
        await waiting
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.wait((working, waiting))


def _giving_back(
    number: signal.Signals, before: SignalHandler | int | None
) -> Callable[[], object]:
    # None stands for a handler that was not set by Python, and cannot be.
    return lambda: signal.signal(number, signal.SIG_DFL if before is None else before)


def _die(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
