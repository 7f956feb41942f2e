"""A Pykka future that can be awaited on a loop and waited for in threads."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Generic, TypeAlias, TypeVar, cast

from pykka import Future, Timeout

from duologue.actors._blocking import begin_to_wait, is_host_thread, refuse_to_block

T = TypeVar("T")
U = TypeVar("U")
J = TypeVar("J")
R = TypeVar("R")

ExcInfo: TypeAlias = tuple[
    type[BaseException] | None, BaseException | None, TracebackType | None
]
Hook: TypeAlias = Callable[[float | None], T]

_PENDING, _VALUE, _ERROR, _LAZY = range(4)

# Held for a few instructions at a time, so one lock serves every future.
_lock = threading.Lock()


class _Lazy(Generic[T]):
    """A value that is worked out when somebody asks for it.

    Attributes:
        hook: Gives the value; takes seconds to wait at most.
        sources: The futures that the hook reads, or None if nobody knows.
        lock: Lets one thread at a time work the value out.
    """

    __slots__ = ("hook", "lock", "sources")

    def __init__(
        self, hook: Hook[T], sources: tuple[Future[object], ...] | None
    ) -> None:
        self.hook = hook
        self.sources = sources
        self.lock = threading.RLock()

    def is_ready(self) -> bool:
        """Whether the hook returns without waiting."""
        return self.sources is not None and all(
            isinstance(source, AsyncFuture) and source.is_ready()
            for source in self.sources
        )


class AsyncFuture(Future[T]):
    """A Pykka future for both worlds.

    Await it on any event loop, which keeps running meanwhile; or call `get()` in
    a thread that runs no actors. Any number of tasks and threads may wait, and
    cancelling one of them changes nothing for the others. It holds no lock and no
    event of its own and allocates nothing until somebody waits.
    """

    __slots__ = ("_outcome", "_state", "_wakers")

    def __init__(self) -> None:
        # Pykka's attributes for hooks are not set: this class replaces every
        # method that reads them.
        self._state = _PENDING
        self._outcome: object = None
        self._wakers: list[Callable[[], object]] | None = None

    def __repr__(self) -> str:
        return f"<AsyncFuture {('pending', 'done', 'failed', 'lazy')[self._state]}>"

    def is_ready(self) -> bool:
        """Whether `get()` returns or raises without waiting."""
        if self._state == _LAZY:
            return cast("_Lazy[T]", self._outcome).is_ready()
        return self._state != _PENDING

    def get(self, *, timeout: float | None = None) -> T:
        """Wait for the value in this thread.

        Args:
            timeout: Seconds to wait at most; for ever when left out.

        Returns:
            The value.

        Raises:
            pykka.Timeout: If there is no value in time.
            BlockingCallError: If it would have to wait on a thread that runs
                actors: await the future there.
        """
        if self._state == _PENDING:
            self._block(timeout)
        return self._result(timeout)

    def set(self, value: T | None = None) -> None:
        """Give the future its value and wake everyone who waits.

        Raises:
            queue.Full: If it has a value, an exception or a hook already.
        """
        self._settle(_VALUE, value)

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Let the future raise.

        Args:
            exc_info: The exception; the one being handled when left out.

        Raises:
            queue.Full: If it has a value, an exception or a hook already.
        """
        self._settle(_ERROR, sys.exc_info() if exc_info is None else exc_info)

    def set_get_hook(self, func: Hook[T]) -> None:
        """Let a function give the value when somebody asks for it.

        Args:
            func: Takes the seconds to wait at most and gives the value. When the
                future is awaited, the function runs in the loop's thread pool.

        Raises:
            queue.Full: If the future has a value or an exception already.
        """
        self._settle(_LAZY, _Lazy(func, None), allow_hook=True)

    def filter(
        self: AsyncFuture[Iterable[J]], func: Callable[[J], bool]
    ) -> AsyncFuture[Iterable[J]]:
        """A future with only the items for which `func` is true."""
        return lazily(
            lambda timeout: list(filter(func, self.get(timeout=timeout))), self
        )

    def join(self: AsyncFuture[U], *futures: Future[U]) -> AsyncFuture[Iterable[U]]:
        """A future with the values of this one and the others, as a list."""
        sources = (self, *futures)
        return lazily(
            lambda timeout: [f.get(timeout=timeout) for f in sources], *sources
        )

    def map(self, func: Callable[[T], U]) -> AsyncFuture[U]:
        """A future with the result of `func` for this one's value."""
        return lazily(lambda timeout: func(self.get(timeout=timeout)), self)

    def reduce(
        self: AsyncFuture[Iterable[J]], func: Callable[[R, J], R], *args: R
    ) -> AsyncFuture[R]:
        """A future with the items folded into one value, from left to right."""
        return lazily(
            lambda timeout: functools.reduce(func, self.get(timeout=timeout), *args),
            self,
        )

    def __await__(self) -> Generator[None, None, T]:
        """Wait for the value on the running loop, without blocking it."""
        if self._state == _PENDING:
            yield from self._wait()
        if self._state == _LAZY:
            lazy = cast("_Lazy[T]", self._outcome)
            if lazy.sources is None:
                loop = asyncio.get_running_loop()
                return (yield from loop.run_in_executor(None, self.get))
            yield from _wait_for_all(lazy.sources)
        return self._result(0)

    __iter__ = __await__

    def _settle(self, state: int, outcome: object, *, allow_hook: bool = False) -> None:
        with _lock:
            if self._state != _PENDING and not (allow_hook and self._state == _LAZY):
                raise queue.Full
            # Readers look at the state first, without the lock.
            self._outcome = outcome
            self._state = state
            wakers, self._wakers = self._wakers, None
        if wakers is not None:
            for wake in wakers:
                wake()

    def _watch(self, wake: Callable[[], object]) -> bool:
        with _lock:
            if self._state != _PENDING:
                return False
            if self._wakers is None:
                self._wakers = [wake]
            else:
                self._wakers.append(wake)
            return True

    def _unwatch(self, wake: Callable[[], object]) -> None:
        with _lock:
            if self._wakers is not None and wake in self._wakers:
                self._wakers.remove(wake)

    def _block(self, timeout: float | None) -> None:
        if timeout != 0:
            refuse_to_block("AsyncFuture.get()", instead="await future")
        gate = threading.Lock()
        gate.acquire()
        end_wait = begin_to_wait()

        def wake() -> None:
            end_wait()
            gate.release()

        try:
            opened = not self._watch(wake) or gate.acquire(
                timeout=_lock_timeout(timeout)
            )
        finally:
            end_wait()
            self._unwatch(wake)
        if not opened and self._state == _PENDING:
            raise Timeout(f"{timeout} seconds")

    def _wait(self) -> Generator[None, None, None]:
        waiter = asyncio.get_running_loop().create_future()
        wake = _loop_waker(waiter)
        if not self._watch(wake):
            return
        try:
            yield from waiter
        finally:
            self._unwatch(wake)

    def _wait_until_ready(self) -> Generator[None, None, None]:
        if self._state == _PENDING:
            yield from self._wait()
        if self._state == _LAZY:
            sources = cast("_Lazy[T]", self._outcome).sources
            yield from _in_thread(self) if sources is None else _wait_for_all(sources)

    def _result(self, timeout: float | None) -> T:
        if self._state == _LAZY:
            return self._work_out(timeout)
        if self._state == _VALUE:
            return cast("T", self._outcome)
        raise _exception(cast("ExcInfo", self._outcome))

    def _work_out(self, timeout: float | None) -> T:
        lazy = cast("_Lazy[T]", self._outcome)
        if timeout != 0 and is_host_thread() and not lazy.is_ready():
            refuse_to_block("AsyncFuture.get()", instead="await future")
        if not lazy.lock.acquire(timeout=_lock_timeout(timeout)):
            raise Timeout(f"{timeout} seconds")
        try:
            if self._state == _LAZY:
                value = lazy.hook(timeout)
                self._outcome, self._state = value, _VALUE
            return cast("T", self._outcome)
        finally:
            lazy.lock.release()


def lazily(hook: Hook[T], *sources: Future[U]) -> AsyncFuture[T]:
    """A future whose value a function works out from other futures.

    Args:
        hook: Takes the seconds to wait at most, gives the value.
        sources: Every future that the hook waits for, so that the new one can be
            awaited without a thread.
    """
    future: AsyncFuture[T] = AsyncFuture()
    known = cast("tuple[Future[object], ...]", sources)
    future._settle(_LAZY, _Lazy(hook, known))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # the same idea
    return future


def _lock_timeout(timeout: float | None) -> float:
    return -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)


def _exception(exc_info: ExcInfo) -> BaseException:
    kind, value, traceback = exc_info
    if value is None:
        value = RuntimeError("the future failed") if kind is None else kind()
    return value.with_traceback(traceback)


def _loop_waker(waiter: asyncio.Future[None]) -> Callable[[], object]:
    loop = waiter.get_loop()
    home = threading.get_ident()

    def wake() -> None:
        if threading.get_ident() == home:
            _release(waiter)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_release, waiter)

    return wake


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _wait_for_all(
    sources: tuple[Future[object], ...],
) -> Generator[None, None, None]:
    for source in sources:
        if isinstance(source, AsyncFuture):
            yield from source._wait_until_ready()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # the same idea
        else:
            yield from _in_thread(source)


def _in_thread(source: Future[U]) -> Generator[None, None, None]:
    """Wait in the loop's thread pool for a future that only blocks."""
    job = asyncio.get_running_loop().run_in_executor(None, _outlast, source)
    yield from job


def _outlast(source: Future[U]) -> None:
    # Whoever reads the future raises it again.
    with contextlib.suppress(Exception):
        source.get()
