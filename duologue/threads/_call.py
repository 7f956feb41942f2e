"""A call: a function that runs on the loop while the thread that wants it waits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Protocol

from duologue.errors import CallCancelledError, CallTimeoutError, CallUnansweredError
from duologue.threads._loop_thread import LoopThread
from duologue.threads._outcome import Outcome

_PATIENCE = 1.0  # seconds for a cancelled call to end


class Surroundings(Protocol):
    """The `with` block in which a call is made."""

    def admit(self, call: Call) -> None:
        """Let a call take part in the fate of the block.

        Raises:
            BaseException: The block has failed already.
        """

    def forget(self, call: Call) -> None:
        """Note that a call has ended; called on the loop."""


surroundings: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)


class Call:
    """One function on the loop, and its outcome for a thread.

    Args:
        thread: Where it runs.
        name: What it is called in errors.
        instead: The awaitable form of it.
        function: What to run; if it gives a coroutine, that is awaited.
        then: Called on the loop when it has ended, with its error.

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
        self._outcome: Outcome[object] = Outcome()
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

        Args:
            timeout: Seconds to wait; None for as long as it takes.

        Raises:
            BlockingCallError: Used on a thread that must not wait.
            ForkedError: Used in a fork of the process.
        """
        self._thread.refuse(self._name, self._instead)
        return self._outcome.wait(timeout)

    def wait(self, timeout: float | None = None) -> object:
        """Wait for the outcome. Whoever leaves early, by a signal, cancels the call.

        Args:
            timeout: Seconds to wait; None for as long as it takes.

        Returns:
            What the function gave.

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
