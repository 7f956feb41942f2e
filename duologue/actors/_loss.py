"""What becomes of coroutines whose loop was closed under them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Coroutine, Generator
from typing import cast


def abort(task: asyncio.Task[object], error: Exception) -> None:
    """End a coroutine whose loop will never run it again.

    It learns of it by an exception where it waits. What it awaits after that never
    comes, so it ends there.

    Args:
        task: Runs the coroutine.
        error: What it gets.
    """
    # The loop that would end it is gone, so there is nothing to complain of.
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - asyncio's own gather does so
    coroutine = cast("Coroutine[object, None, object]", task.get_coro())
    # What it does about it is its own affair, as with a task that is cancelled.
    with (
        _as_if_on(task.get_loop()),
        contextlib.suppress(Exception, asyncio.CancelledError),
    ):
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            # It has not begun, so it could neither clean up nor answer.
            coroutine.send(None)
        coroutine.throw(error)
        coroutine.close()


@contextlib.contextmanager
def _as_if_on(loop: asyncio.AbstractEventLoop) -> Generator[None, None, None]:
    """Let code that is used to its loop find it, closed as it is."""
    before = _get_running_loop()
    _set_running_loop(loop)
    try:
        yield
    finally:
        _set_running_loop(before)
