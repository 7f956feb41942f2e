"""A runtime and its thread: what starts them also ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import Protocol, cast

from duologue.threads._blocking import Blocking
from duologue.threads._call import LoopCall
from duologue.threads._loop_thread import LoopThread
from duologue.threads._protocols import ThreadedRuntime
from duologue.threads._signals import Signals, until_told


@contextmanager
def in_thread(
    runtime: AbstractAsyncContextManager[object, bool | None],
) -> Generator[ThreadedRuntime]:
    """Run a runtime on a thread of its own; see `Runtime.in_thread`.

    Args:
        runtime: The runtime, not started.

    Yields:
        The runtime, as threads may use it.
    """
    with ExitStack() as stack:
        signals = Signals()
        stack.callback(signals.give_back)
        thread = stack.enter_context(LoopThread("duologue-runtime"))
        blocking = _BlockingRuntime(runtime, thread, signals)
        with blocking:
            # The protocol describes what the bridge does with a Runtime.
            yield cast("ThreadedRuntime", cast("object", blocking))


class _Waiting(Protocol):
    async def wait(self) -> None: ...


class _BlockingRuntime(Blocking):
    """A runtime for threads; signals arrive on the main one, not on the loop's."""

    __slots__ = ("_signals",)

    _signals: Signals

    def __init__(self, target: object, thread: LoopThread, signals: Signals) -> None:
        super().__init__(target, thread)
        object.__setattr__(self, "_signals", signals)

    def run_until_signal(self, *, timeout: float | None = None) -> None:
        """See `Runtime.run_until_signal`."""
        told = asyncio.Event()
        self._signals.take(lambda: self._thread.post(told.set))
        runtime = cast("_Waiting", self._target)
        called = "runtime.run_until_signal()"
        wait = LoopCall(
            self._thread,
            called,
            f"await {called}",
            lambda: until_told(told, runtime.wait()),
        )
        wait.wait(timeout)
