"""Wakers: functions, each of which wakes one who waits for a future.

Nearly every future has one waiter at most, so one waker stands for itself and only
several of them make a collection.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeAlias

Waker: TypeAlias = Callable[[], object]


class Crowd(dict[Waker, None]):
    """Several wakers, in the order in which they came; each leaves at once."""


Wakers: TypeAlias = Waker | Crowd | None


def with_waker(wakers: Wakers, waker: Waker) -> Wakers:
    """The wakers and one more."""
    if wakers is None:
        return waker
    if not isinstance(wakers, Crowd):
        wakers = Crowd({wakers: None})
    wakers[waker] = None
    return wakers


def without_waker(wakers: Wakers, waker: Waker) -> Wakers:
    """The wakers without one of them; it need not be there."""
    if isinstance(wakers, Crowd):
        wakers.pop(waker, None)
        return wakers or None
    return None if wakers is waker else wakers


def wake(wakers: Wakers) -> None:
    """Wake everyone who waits, in the order in which they came."""
    if isinstance(wakers, Crowd):
        for waker in wakers:
            waker()
    elif wakers is not None:
        wakers()


class LoopWaker:
    """What wakes a task, from any thread; nothing happens if its loop has closed.

    No function inside of one: that would be six times as large, and thousands wait.

    Attributes:
        waiter: What the task waits for.
    """

    __slots__ = ("_home", "waiter")

    def __init__(self, waiter: asyncio.Future[None]) -> None:
        self.waiter: asyncio.Future[None] = waiter
        self._home = threading.get_ident()

    def __call__(self) -> None:
        """Wake it."""
        waiter = self.waiter
        loop = waiter.get_loop()
        try:
            here = threading.get_ident()
            # A loop may be run by one thread and later by another; asyncio's own say by
            # which. To ask for the running loop takes longer than all of the rest.
            if here == self._home and here == getattr(loop, "_thread_id", here):
                if not waiter.done():
                    waiter.set_result(None)
            else:
                loop.call_soon_threadsafe(_release, waiter)
        except RuntimeError:
            # Nobody waits on a closed loop any more; the others are to hear of it.
            if not loop.is_closed():
                raise


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
