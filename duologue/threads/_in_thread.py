"""A runtime and its thread: what starts them also ends them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import cast

from duologue.threads._blocking import Blocking
from duologue.threads._calls_of_runtime import ThreadedRuntime
from duologue.threads._loop_thread import LoopThread


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
    with LoopThread("duologue-runtime") as thread:
        blocking = Blocking(runtime, thread)
        with blocking:
            # The protocol describes what the bridge does with a Runtime.
            yield cast("ThreadedRuntime", cast("object", blocking))
