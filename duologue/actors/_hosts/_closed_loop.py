"""A loop that is closed under its actors: noticing it, and ending what ran there.

The failure: a program, a test runner or a framework closes the loop while a system is
open on it. asyncio tells nobody. Threads that wait for an answer, tasks of other loops and
watchers elsewhere would wait for ever; with this they get `SystemClosedError`. Nothing
runs on the loop any more, so all of it happens in the thread that closes it, or that finds
it closed when it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import cast

from duologue.actors._mailbox._mailbox import Mailbox
from duologue.actors._pykka._stop_reason import SystemClosed
from duologue.errors import SystemClosedError


class _WatchedClose:
    """Stands in front of the `close()` of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._close = loop.close
        self.callbacks: list[Callable[[], object]] = []

    def __call__(self) -> None:
        self._close()
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


def when_closed(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], object]
) -> Callable[[], None]:
    """Have something called when a loop is closed, by the thread that closes it.

    A loop that lets nobody replace its `close` is not watched. What is called must not
    raise.

    Returns:
        What calls it off.
    """
    close: object = loop.close
    if not isinstance(close, _WatchedClose):
        close = _WatchedClose(loop)
        try:
            setattr(loop, "close", close)  # noqa: B010 - it is typed as a method
        except AttributeError:
            return _nothing
    close.callbacks.append(callback)
    watch = close

    def forget() -> None:
        if callback in watch.callbacks:
            watch.callbacks.remove(callback)
        if not watch.callbacks and vars(loop).get("close") is watch:
            del loop.close

    return forget


def _nothing() -> None:
    """There is nothing to call off."""


def end_without_loop(
    mailboxes: Sequence[Mailbox], tasks: Mapping[Mailbox, asyncio.Task[object]]
) -> None:
    """End actors whose loop is closed, and the coroutines that some of them are in.

    Whoever waits for one gets `SystemClosedError`. Coroutines end where they are; they
    can clean up as long as they do not await.
    """
    for mailbox in mailboxes:
        mailbox.stop(SystemClosed())
        # Before a coroutine ends, which closes its mailbox.
        mailbox.foresee_end(SystemClosedError(mailbox.name))
    for mailbox, task in tasks.items():
        abort(task, SystemClosedError(mailbox.name))
    for mailbox in mailboxes:
        mailbox.close()


def abort(task: asyncio.Task[object], error: Exception) -> None:
    """End a coroutine whose loop will never run it again.

    It learns of it by an exception where it waits. What it awaits after that never
    comes, so it ends there.
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
