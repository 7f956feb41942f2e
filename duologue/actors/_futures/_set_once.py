"""A value that is set once, and those who wait for it: threads and tasks."""

from __future__ import annotations

import queue
import sys
import threading
from types import TracebackType
from typing import TypeAlias, TypeVar, cast

from pykka import Future, Timeout

from duologue.actors._futures._blocking import begin_to_wait, refuse_to_block
from duologue.actors._futures._countdown import lock_timeout
from duologue.actors._futures._wakers import (
    Waker,
    Wakers,
    wake,
    with_waker,
    without_waker,
)

T = TypeVar("T")

AnyExcInfo: TypeAlias = tuple[
    type[BaseException] | None, BaseException | None, TracebackType | None
]

# A future goes from one to a later one only.
PENDING, LAZY, VALUE, ERROR = range(4)

# Held for a few instructions at a time, so one lock serves every future.
future_lock = threading.RLock()


class SetOnceFuture(Future[T]):
    """The half of a future that is set and waited for.

    Any number of tasks and threads may wait, and cancelling one of them changes
    nothing for the others. It holds no lock and no event of its own and allocates
    nothing until somebody waits.
    """

    __slots__ = ("_outcome", "_state", "_wakers")

    def __init__(self) -> None:
        # Pykka's attributes for hooks are not set: the methods that read them are
        # all replaced.
        self._state = PENDING
        self._outcome: object = None
        self._wakers: Wakers = None

    def set(self, value: T | None = None) -> None:
        """Give the future its value and wake everyone who waits.

        Raises:
            queue.Full: If it has a value, an exception or a hook already.
        """
        self._settle(VALUE, value)

    def set_exception(self, exc_info: AnyExcInfo | None = None) -> None:
        """Let the future raise.

        Args:
            exc_info: The exception; the one being handled when left out.

        Raises:
            queue.Full: If it has a value, an exception or a hook already.
        """
        self._settle(ERROR, sys.exc_info() if exc_info is None else exc_info)

    def _settle(self, state: int, outcome: object, *, over: int = PENDING) -> None:
        """Reach a state from `over` or from one before it."""
        with future_lock:
            if self._state > over:
                raise queue.Full
            # Readers look at the state first, without the lock.
            self._outcome = outcome
            self._state = state
            wakers, self._wakers = self._wakers, None
        if wakers is not None:
            wake(wakers)

    def _watch(self, waker: Waker) -> bool:
        with future_lock:
            self._wakers = with_waker(self._wakers, waker)
            # In this order: a signal handler may have settled it just now.
            if self._state == PENDING:
                return True
            self._wakers = None
            return False

    def _unwatch(self, waker: Waker) -> None:
        if self._state == PENDING:  # else it has let go of everyone
            with future_lock:
                self._wakers = without_waker(self._wakers, waker)

    def _block(self, timeout: float | None) -> None:
        """Wait in this thread until somebody has set it."""
        refuse_to_wait(timeout)
        gate = threading.Lock()
        gate.acquire()
        end_wait = begin_to_wait()

        def waker() -> None:
            end_wait()
            gate.release()

        try:
            opened = not self._watch(waker) or gate.acquire(
                timeout=lock_timeout(timeout)
            )
        finally:
            end_wait()
            self._unwatch(waker)
        if not opened and self._state == PENDING:
            raise Timeout(f"{timeout} seconds")

    def _result(self) -> T:
        if self._state != ERROR:
            return cast("T", self._outcome)
        try:
            raise _exception(cast("AnyExcInfo", self._outcome))
        finally:
            del self  # an exception would keep the frame, and the frame the future


def refuse_to_wait(timeout: float | None) -> None:
    """Raise on a thread that runs actors, unless the wait takes no time.

    Raises:
        BlockingCallError: If actors run on the current thread.
    """
    if timeout != 0:
        refuse_to_block("AsyncFuture.get()", instead="await future")


def _exception(exc_info: AnyExcInfo) -> BaseException:
    kind, value, traceback = exc_info
    if value is None:
        value = RuntimeError("the future failed") if kind is None else kind()
    return value.with_traceback(traceback)
