"""The same calls for programs with threads: each waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Protocol, Self, TypeVar, overload

from duologue.messages._recipients import Result
from duologue.remote._blocking_states import BlockingOperation, BlockingState
from duologue.remote._doors import Accepted
from duologue.remote._operations import RemoteOperation
from duologue.remote._refs import Named, RemoteDialog, RemoteReceipt, RemoteRef
from duologue.remote._states import RemoteState
from duologue.remote._thread import LoopThread

T = TypeVar("T")


class AsyncRuntime(Protocol):
    """A `RemoteRuntime`, as it is needed here."""

    async def close(self) -> None:
        """Give back connections."""
        ...

    def dialog(
        self,
        bot: str,
        *,
        chat_id: int,
        user_id: int | None = None,
        thread_id: int | None = None,
    ) -> RemoteDialog:
        """The dialogs of a user in a chat."""
        ...

    def actor(self, type: str, key: str) -> RemoteRef:  # noqa: A002  # the word of refs
        """An actor of an exposed class."""
        ...

    def ref(self, text: str) -> RemoteRef:
        """The ref that a text is."""
        ...

    def state(
        self,
        state: type[object] | str,
        *,
        bot: str | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> RemoteState:
        """The State of a class, for a place."""
        ...

    def operation(self, id: str) -> RemoteOperation:  # noqa: A002  # the word of operations
        """A long operation."""
        ...


class BlockingResult:
    """A `RemoteReceipt` for threads: `wait()` gives the outcome."""

    def __init__(self, receipt: RemoteReceipt, thread: LoopThread) -> None:
        self._receipt = receipt
        self._thread = thread

    @property
    def id(self) -> str:
        """The message."""
        return self._receipt.id

    def wait(self, timeout: float | None = None) -> Result:
        """Wait for the outcome.

        Args:
            timeout: Seconds for it; None to wait for ever.

        Raises:
            TimeoutError: The time is up.
            DuologueError: What its turn has failed of.
        """

        async def waited() -> Result:
            async with asyncio.timeout(timeout):
                return await self._receipt

        return self._thread.run(waited())


class BlockingRef:
    """A ref for threads; its calls are those of `RemoteDialog` and `RemoteRef`."""

    def __init__(self, ref: RemoteRef, thread: LoopThread) -> None:
        self._ref = ref
        self._thread = thread

    def __str__(self) -> str:
        return str(self._ref)

    def __repr__(self) -> str:
        return f"<blocking {self._ref!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlockingRef) and other._ref == self._ref

    def __hash__(self) -> int:
        return hash(self._ref)

    def tell(
        self,
        message: object,
        *,
        id: str | None = None,  # noqa: A002  # the word of the envelope
        expires_in: float | None = None,
    ) -> Accepted:
        """See `RemoteRef.tell`."""
        return self._thread.run(self._ref.tell(message, id=id, expires_in=expires_in))

    @overload
    def ask(
        self, message: object, answer: None = None, *, timeout: float = 5.0
    ) -> object: ...

    @overload
    def ask(self, message: object, answer: type[T], *, timeout: float = 5.0) -> T: ...

    def ask(
        self, message: object, answer: type[T] | None = None, *, timeout: float = 5.0
    ) -> T | object:
        """See `RemoteRef.ask`."""
        return self._thread.run(self._ref.ask(message, answer, timeout=timeout))

    def start(
        self,
        state: str | Named,
        data: object = None,
        *,
        mode: str = "normal",
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> BlockingResult:
        """See `RemoteDialog.start`."""
        dialog = self._dialog()
        call = dialog.start(state, data, mode=mode, show_mode=show_mode, id=id)
        return self._result(call)

    def update(
        self,
        data: dict[str, object] | None = None,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> BlockingResult:
        """See `RemoteDialog.update`."""
        return self._result(self._dialog().update(data, show_mode=show_mode, id=id))

    def done(
        self,
        result: object = None,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> BlockingResult:
        """See `RemoteDialog.done`."""
        return self._result(self._dialog().done(result, show_mode=show_mode, id=id))

    def switch_to(
        self,
        state: str | Named,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> BlockingResult:
        """See `RemoteDialog.switch_to`."""
        return self._result(self._dialog().switch_to(state, show_mode=show_mode, id=id))

    def _dialog(self) -> RemoteDialog:
        if not isinstance(self._ref, RemoteDialog):
            raise TypeError(f"{self._ref} is no dialog; tell it something instead")
        return self._ref

    def _result(self, call: Coroutine[object, object, RemoteReceipt]) -> BlockingResult:
        return BlockingResult(self._thread.run(call), self._thread)


class BlockingRemoteRuntime:
    """A `RemoteRuntime` for threads, a script or a task queue; any thread may call.

    Args:
        remote: The runtime.
    """

    def __init__(self, remote: AsyncRuntime) -> None:
        self._remote = remote
        self._thread = LoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give back connections, and end the thread."""
        self.close()

    def close(self) -> None:
        """Give back connections, and end the thread."""
        self._thread.run(self._remote.close())
        self._thread.close()

    def dialog(
        self,
        bot: str,
        *,
        chat_id: int,
        user_id: int | None = None,
        thread_id: int | None = None,
    ) -> BlockingRef:
        """See `RemoteRuntime.dialog`."""
        ref = self._remote.dialog(
            bot, chat_id=chat_id, user_id=user_id, thread_id=thread_id
        )
        return BlockingRef(ref, self._thread)

    def actor(self, type: str, key: str) -> BlockingRef:  # noqa: A002  # the word of refs
        """See `RemoteRuntime.actor`."""
        return BlockingRef(self._remote.actor(type, key), self._thread)

    def ref(self, text: str) -> BlockingRef:
        """See `RemoteRuntime.ref`."""
        return BlockingRef(self._remote.ref(text), self._thread)

    def state(
        self,
        state: type[object] | str,
        *,
        bot: str | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> BlockingState:
        """See `RemoteRuntime.state`."""
        found = self._remote.state(
            state,
            bot=bot,
            chat_id=chat_id,
            user_id=user_id,
            operation_id=operation_id,
        )
        return BlockingState(found, self._thread)

    def operation(self, id: str) -> BlockingOperation:  # noqa: A002  # the word of operations
        """See `RemoteRuntime.operation`."""
        return BlockingOperation(self._remote.operation(id), self._thread)
