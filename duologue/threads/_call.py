"""A call: a function that runs on the loop while the thread that wants it waits."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Generic, Protocol, TypeVar, cast

from duologue.errors import CallCancelledError, CallTimeoutError, CallUnansweredError
from duologue.threads._loop_thread import LoopThread

T = TypeVar("T")

_PATIENCE = 1.0  # seconds for a cancelled call to end


class ThreadFuture(Generic[T]):
    """What the loop settles once, and a thread waits for.

    It is no `concurrent.futures.Future`, because settling one of those takes a lock
    that its waiter holds for moments. A signal handler or a finaliser that runs in
    such a moment and waits for the loop would keep the loop from ever answering.
    """

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self._latch.acquire()
        self._value: T | None = None
        self._error: BaseException | None = None
        self._is_settled = False

    @property
    def is_settled(self) -> bool:
        """Whether it is known."""
        return self._is_settled

    def succeed(self, value: T) -> None:
        """Settle it with a value."""
        self._value = value
        self._settle()

    def fail(self, error: BaseException) -> None:
        """Settle it with an error."""
        self._error = error
        self._settle()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait so many seconds until it is settled; tell whether it is."""
        seconds = -1 if timeout is None else timeout
        if not self._is_settled and self._latch.acquire(timeout=seconds):
            self._latch.release()
        return self._is_settled

    def get(self) -> T:
        """Give the value of one that is settled, or raise its error."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def _settle(self) -> None:
        self._is_settled = True
        self._latch.release()


class Surroundings(Protocol):
    """The `with` block in which a call is made."""

    def admit(self, call: LoopCall) -> None:
        """Let a call take part in the fate of the block.

        Raises:
            BaseException: The block has failed already.
        """

    def forget(self, call: LoopCall) -> None:
        """Note that a call has ended; called on the loop."""


surroundings: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)


class LoopCall:
    """One function on the loop, and its outcome for a thread.

    If the function gives a coroutine, that is awaited. Errors name the call and, where
    it must not block, its awaitable form (`instead`). `then` is called on the loop at
    the end of the call, with its error.

    Raises:
        BlockingCallError: Made on a thread that must not wait.
        ForkedError: Made in a fork of the process.
        RuntimeStoppedError: The loop is closed.
    """

    def __init__(
        self,
        thread: LoopThread,
        name: str,
        instead: str,
        function: Callable[[], object],
        *,
        then: Callable[[BaseException | None], None] | None = None,
    ) -> None:
        thread.refuse(name, instead)
        self._outcome: ThreadFuture[object] = ThreadFuture()
        self._thread = thread
        self._name = name
        self._instead = instead
        self._function = function
        self._then = then
        self._task: asyncio.Task[None] | None = None
        self._reason: Exception | None = None
        self._block = surroundings.get()
        if self._block is not None:
            self._block.admit(self)
        thread.submit(self)

    def begin(self) -> None:
        """Run the function; called on the loop."""
        if self._reason is not None:  # it was cancelled on its way to the loop
            self._end(error=self._reason)
            return
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            self._end(error=error)
            return
        if inspect.iscoroutine(result):
            self._task = asyncio.get_running_loop().create_task(self._finish(result))
            self._task.add_done_callback(lambda _: self._give_up(result))
        else:
            self._end(result)

    def cancel(self, reason: Exception) -> None:
        """Let it end soon with this error, unless it has ended; called on the loop."""
        if not self._outcome.is_settled:
            self._reason = reason
            if self._task is not None:
                self._task.cancel()

    def fail(self, reason: Exception) -> None:
        """Let it end now with this error, unless it has ended."""
        if not self._outcome.is_settled:
            self._end(error=reason)

    def is_answered(self, timeout: float | None = None) -> bool:
        """Wait for the outcome and leave it there; the call goes on in any case.

        Raises:
            BlockingCallError: Used on a thread that must not wait.
            ForkedError: Used in a fork of the process.
        """
        self._thread.refuse(self._name, self._instead)
        return self._outcome.wait(timeout)

    def wait(self, timeout: float | None = None) -> object:
        """Wait for the outcome. Whoever leaves early, by a signal, cancels the call.

        Raises:
            BlockingCallError: Used on a thread that must not wait.
            ForkedError: Used in a fork of the process.
            CallTimeoutError: The time is up, and the call is cancelled.
            CallUnansweredError: The time is up, and the loop does not say whether
                the call is cancelled.
            BaseException: Whatever the function raised.
        """
        self._thread.refuse(self._name, self._instead)
        try:
            late = self._late(timeout)
        except BaseException:  # a signal
            self._thread.cancel(self, CallCancelledError(self._name))
            raise
        if late is not None:
            raise late
        return self._outcome.get()

    def _late(self, timeout: float | None) -> CallTimeoutError | None:
        if self._outcome.wait(timeout):
            return None
        late = CallTimeoutError(self._name, timeout or 0.0)
        self._thread.cancel(self, late)
        if self._outcome.wait(_PATIENCE):
            return None
        return CallUnansweredError(self._name, timeout or 0.0)

    async def _finish(self, work: Coroutine[object, object, object]) -> None:
        try:
            result = await work
        except asyncio.CancelledError:
            raise  # `_give_up` says why
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            self._end(error=error)
        else:
            self._end(result)

    def _give_up(self, work: Coroutine[object, object, object]) -> None:
        work.close()  # if it was cancelled before its first step
        self.fail(self._reason or CallCancelledError(self._name))

    def _end(self, value: object = None, *, error: BaseException | None = None) -> None:
        self._thread.ended(self)
        if self._block is not None:
            self._block.forget(self)
        if self._then is not None:
            self._then(error)
        if error is None:
            self._outcome.succeed(value)
        else:
            self._outcome.fail(error)
