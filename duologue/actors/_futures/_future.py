"""A Pykka future that can be awaited on a loop and waited for in threads."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeAlias, TypeVar, cast

from pykka import ActorDeadError, Future, Timeout

from duologue.actors._futures._countdown import Countdown, countdown, lock_timeout
from duologue.actors._futures._set_once import (
    LAZY,
    PENDING,
    VALUE,
    AnyExcInfo,
    SetOnceFuture,
    future_lock,
    refuse_to_wait,
)
from duologue.actors._futures._wait_in_thread import wait_in_thread
from duologue.actors._futures._wakers import LoopWaker
from duologue.errors import OwnEndError

T = TypeVar("T")
U = TypeVar("U")
J = TypeVar("J")
R = TypeVar("R")

GetHook: TypeAlias = Callable[[float | None], T]


class _Lazy(Generic[T]):
    """A value that is worked out when somebody asks for it.

    Attributes:
        hook: Gives the value; takes seconds to wait at most.
        sources: The futures that the hook reads, if that is known: when they are
            ready, it does not wait.
        foreign: A future of another kind, if that is all that the hook reads.
        lock: Lets one thread at a time work the value out.
    """

    __slots__ = ("foreign", "hook", "lock", "sources")

    def __init__(
        self,
        hook: GetHook[T],
        sources: tuple[AsyncFuture[object], ...] = (),
        foreign: Future[T] | None = None,
    ) -> None:
        self.hook = hook
        self.sources = sources
        self.foreign = foreign
        self.lock = threading.RLock()


class AsyncFuture(SetOnceFuture[T]):
    """A Pykka future for both worlds.

    Await it on any event loop, which keeps running meanwhile; or call `get()` in
    a thread that runs no actors. Any number of tasks and threads may wait, and
    cancelling one of them changes nothing for the others. It holds no lock and no
    event of its own and allocates nothing until somebody waits.
    """

    __slots__ = ()

    @classmethod
    def of(cls, future: Future[U]) -> AsyncFuture[U]:
        """A future that can be awaited, whatever the given one is.

        Awaiting a `ThreadingFuture` stops its loop; awaiting this one waits in a
        thread, which ends when the wait is cancelled.

        Args:
            future: Any future of Pykka. An `AsyncFuture` is returned as it is.
        """
        if isinstance(future, AsyncFuture):
            return future
        return _worked_out(
            _Lazy(lambda timeout: future.get(timeout=timeout), foreign=future)
        )

    def __repr__(self) -> str:
        return f"<AsyncFuture {('pending', 'lazy', 'done', 'failed')[self._state]}>"

    def is_ready(self) -> bool:
        """Whether `get()` returns or raises without waiting."""
        if self._state == LAZY:
            return all(part._is_known() for part in self._parts())  # noqa: SLF001 - one class
        return self._state != PENDING

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
        try:
            if self._state == PENDING:
                self._block(timeout)
            if self._state == LAZY:
                return self._get_lazy(countdown(timeout))
            return self._result()
        finally:
            del self  # an exception would keep the frame, and the frame the future

    def set_get_hook(self, func: GetHook[T]) -> None:
        """Let a function give the value when somebody asks for it.

        Args:
            func: Takes the seconds to wait at most and gives the value. When the
                future is awaited, the function runs in the loop's thread pool.

        Raises:
            queue.Full: If the future has a value or an exception already.
        """
        self._settle(LAZY, _Lazy(func), over=LAZY)

    def filter(
        self: AsyncFuture[Iterable[J]], func: Callable[[J], bool]
    ) -> AsyncFuture[Iterable[J]]:
        """A future with only the items for which `func` is true."""
        return _derived(
            lambda timeout: list(filter(func, self.get(timeout=timeout))), self
        )

    def join(self: AsyncFuture[U], *futures: Future[U]) -> AsyncFuture[Iterable[U]]:
        """A future with the values of this one and the others, as a list."""
        sources = (self, *map(AsyncFuture.of, futures))
        return _derived(
            lambda timeout: [f.get(timeout=timeout) for f in sources], *sources
        )

    def map(self, func: Callable[[T], U]) -> AsyncFuture[U]:
        """A future with the result of `func` for this one's value."""
        return _derived(lambda timeout: func(self.get(timeout=timeout)), self)

    def reduce(
        self: AsyncFuture[Iterable[J]], func: Callable[[R, J], R], *args: R
    ) -> AsyncFuture[R]:
        """A future with the items folded into one value, from left to right."""
        return _derived(
            lambda timeout: functools.reduce(func, self.get(timeout=timeout), *args),
            self,
        )

    def __await__(self) -> Generator[None, None, T]:
        """Wait for the value on the running loop, without blocking it."""
        try:
            # Here and in no generator of its own: thousands wait.
            if self._state == PENDING:
                waker = LoopWaker(asyncio.get_running_loop().create_future())
                try:
                    if self._watch(waker):
                        yield from waker.waiter
                except BaseException:
                    # One that was woken is on no list any more.
                    self._unwatch(waker)
                    raise
            if self._state == LAZY:
                return (yield from self._await_lazy())
            return self._result()
        finally:
            del self  # as in get()

    __iter__ = __await__

    def _lazy(self) -> _Lazy[T] | None:
        # Another thread may work it out meanwhile; then this is the value already.
        outcome = self._outcome
        return cast("_Lazy[T]", outcome) if type(outcome) is _Lazy else None

    def _is_known(self) -> bool:
        lazy = self._lazy()
        return self._state != PENDING and (lazy is None or bool(lazy.sources))

    def _is_plain(self) -> bool:
        """Whether its hook has one future to wait for at most, and that no hook."""
        lazy = self._lazy()
        sources = () if lazy is None else lazy.sources
        return not sources or (len(sources) == 1 and sources[0]._state != LAZY)  # noqa: SLF001 - one class

    def _parts(self) -> list[AsyncFuture[object]]:
        """All that it is worked out from, each behind its own sources; itself last."""
        found: dict[AsyncFuture[object], None] = {}
        todo = [cast("AsyncFuture[object]", self)]
        while todo:
            lazy = todo[-1]._lazy()  # noqa: SLF001 - one class
            sources = () if lazy is None else lazy.sources
            missing = [source for source in sources if source not in found]
            if missing:
                todo.extend(reversed(missing))
            else:
                found[todo.pop()] = None
        return list(found)

    def _get_lazy(self, left: Countdown) -> T:
        if not self._is_plain():
            # One by one: a long chain would not fit on the stack.
            for part in self._parts()[:-1]:
                part.get(timeout=left())
        return self._get_from_hook(left)

    def _get_from_hook(self, left: Countdown) -> T:
        lazy = self._lazy()
        if lazy is None:
            return self._result()
        timeout = left()
        if not lazy.sources:
            refuse_to_wait(timeout)
        if not lazy.lock.acquire(blocking=False):
            refuse_to_wait(timeout)
            if not lazy.lock.acquire(timeout=lock_timeout(timeout)):
                raise Timeout(f"{timeout} seconds")
            timeout = left()
        try:
            return self._work_out(lazy, timeout)
        finally:
            lazy.lock.release()

    def _await_lazy(self) -> Generator[None, None, T]:
        for part in self._parts()[:-1]:
            yield from part
        return (yield from self._await_hook())

    def _await_hook(self) -> Generator[None, None, T]:
        lazy = self._lazy()
        if lazy is None:
            return self._result()
        if lazy.foreign is not None:
            return self._keep(lazy, (yield from wait_in_thread(lazy.foreign)))
        if lazy.sources and lazy.lock.acquire(blocking=False):
            try:
                return self._work_out(lazy, 0)
            finally:
                lazy.lock.release()
        # Nobody knows how long the hook takes, or another thread is at it.
        loop = asyncio.get_running_loop()
        return (yield from loop.run_in_executor(None, self.get))

    def _work_out(self, lazy: _Lazy[T], timeout: float | None) -> T:
        if self._outcome is not lazy:
            return self.get(timeout=timeout)
        return self._keep(lazy, lazy.hook(timeout))

    def _keep(self, lazy: _Lazy[T], value: T) -> T:
        with future_lock:
            if self._outcome is lazy:
                self._outcome, self._state = value, VALUE
        return value


class Stopping(AsyncFuture[bool]):
    """A future that says whether an actor was alive when it was asked to stop.

    It is one object, however many actors stop at once: what each of them makes is
    what the garbage collector goes over.
    """

    __slots__ = ()

    def set(self, value: object = None) -> None:  # noqa: ARG002 - any answer says so
        """Note that it was."""
        self._settle(VALUE, outcome=True)

    def set_exception(self, exc_info: AnyExcInfo | None = None) -> None:
        """Note that it was not, or fail for another reason."""
        if exc_info is not None and isinstance(exc_info[1], ActorDeadError):
            self._settle(VALUE, outcome=False)
        else:
            super().set_exception(exc_info)


class OwnEnd(Stopping):
    """What an actor gets that asks itself to stop: to wait for it would never end.

    Args:
        actor: The actor.
    """

    __slots__ = ("_actor",)

    def __init__(self, actor: object) -> None:
        super().__init__()
        self._actor = str(actor)

    def __await__(self) -> Generator[None, None, bool]:
        """Refuse to wait while the actor lives.

        Raises:
            OwnEndError: It does.
        """
        if not self.is_ready():
            raise OwnEndError(self._actor)
        return (yield from super().__await__())


def _derived(hook: GetHook[T], *sources: AsyncFuture[U]) -> AsyncFuture[T]:
    """A future whose value a function works out from others, or fails as they do."""
    return _worked_out(_Lazy(hook, cast("tuple[AsyncFuture[object], ...]", sources)))


def _worked_out(lazy: _Lazy[T]) -> AsyncFuture[T]:
    future: AsyncFuture[T] = AsyncFuture()
    future._settle(LAZY, lazy)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # the same idea
    return future
