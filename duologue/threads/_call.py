"""A call: a function that runs on the loop while the thread that wants it waits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Protocol

from duologue.errors import CallCancelledError, CallTimeoutError, CallUnansweredError
from duologue.threads._loop_thread import LoopThread

_PATIENCE = 1.0  # seconds for a cancelled call to end


class Surroundings(Protocol):
    """The `with` block in which a call is made."""

    def admit(self, call: Call) -> None:
        """Take part in its fate; raises if the block has failed already."""


surroundings: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)


class Call:
    """One function on the loop, and its outcome for a thread.

    Args:
        thread: Where it runs.
        name: What it is called in errors.
        instead: The awaitable form of it.
        function: What to run; if it gives a coroutine, that is awaited.

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
    ) -> None:
        thread.refuse(name, instead)
        self.outcome: Future[object] = Future()
        self._thread = thread
        self._name = name
        self._function = function
        self._task: asyncio.Task[None] | None = None
        self._reason: Exception | None = None
        block = surroundings.get()
        if block is not None:
            block.admit(self)
        self.outcome.add_done_callback(lambda _: thread.ended(self))
        thread.submit(self)

    def begin(self) -> None:
        """Run the function; called on the loop."""
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            self.outcome.set_exception(error)
            return
        if inspect.iscoroutine(result):
            self._task = asyncio.get_running_loop().create_task(self._finish(result))
            self._task.add_done_callback(lambda _: self._give_up(result))
        else:
            self.outcome.set_result(result)

    def cancel(self, reason: Exception) -> None:
        """Let it end soon with this error, unless it has ended; called on the loop."""
        if self._task is not None and not self.outcome.done():
            self._reason = reason
            self._task.cancel()

    def wait(self, timeout: float | None = None, *, keep: bool = False) -> object:
        """Wait for the outcome. Whoever leaves early, by a signal, cancels the call.

        Args:
            timeout: Seconds to wait; None for as long as it takes.
            keep: Whether the call goes on when the time is up.

        Returns:
            What the function gave.

        Raises:
            CallTimeoutError: The time is up, and the call is cancelled.
            CallUnansweredError: The time is up, and the loop does not say whether
                the call is cancelled.
            BaseException: Whatever the function raised.
        """
        try:
            late = self._late(timeout, keep=keep)
        except BaseException:  # a signal
            if not keep:
                self._thread.cancel(self, CallCancelledError(self._name))
            raise
        if late is not None:
            raise late
        return self.outcome.result()

    def _late(self, timeout: float | None, *, keep: bool) -> CallTimeoutError | None:
        if self._is_answered(timeout):
            return None
        late = CallTimeoutError(self._name, timeout or 0.0)
        if keep:
            return late
        self._thread.cancel(self, late)
        if self._is_answered(_PATIENCE):
            return None
        return CallUnansweredError(self._name, timeout or 0.0)

    def _is_answered(self, timeout: float | None) -> bool:
        try:
            self.outcome.exception(timeout)
        except TimeoutError:
            return self.outcome.done()
        return True

    async def _finish(self, work: Coroutine[object, object, object]) -> None:
        try:
            result = await work
        except asyncio.CancelledError:
            raise  # `_give_up` says why
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)

    def _give_up(self, work: Coroutine[object, object, object]) -> None:
        work.close()  # if it was cancelled before its first step
        if not self.outcome.done():
            self.outcome.set_exception(self._reason or CallCancelledError(self._name))
