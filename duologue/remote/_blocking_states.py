"""State and long operations of another program, for programs with threads."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.remote._operations import OperationStatus, RemoteOperation
from duologue.remote._states import RemoteState, Value
from duologue.remote._thread import LoopThread


class BlockingState:
    """A `RemoteState` for threads."""

    def __init__(self, state: RemoteState, thread: LoopThread) -> None:
        self._state = state
        self._thread = thread

    def __str__(self) -> str:
        return str(self._state)

    def get(self, key: str | None = None, *, timeout: float = 5.0) -> Value:
        """See `RemoteState.get`."""
        return self._thread.run(self._state.get(key, timeout=timeout))

    def set(self, *, timeout: float = 5.0, **values: object) -> Value:
        """See `RemoteState.set`."""
        return self._thread.run(self._state.set(timeout=timeout, **values))

    def incr(self, key: str, by: float = 1, *, timeout: float = 5.0) -> Value:
        """See `RemoteState.incr`."""
        return self._thread.run(self._state.incr(key, by, timeout=timeout))


class BlockingOperation:
    """A `RemoteOperation` for threads."""

    def __init__(self, operation: RemoteOperation, thread: LoopThread) -> None:
        self._operation = operation
        self._thread = thread

    @property
    def id(self) -> str:
        """The operation."""
        return self._operation.id

    def ping(self) -> OperationStatus:
        """See `RemoteOperation.ping`."""
        return self._thread.run(self._operation.ping())

    def stop(self, reason: str = "") -> OperationStatus:
        """See `RemoteOperation.stop`."""
        return self._thread.run(self._operation.stop(reason))

    def watch(self) -> Iterator[OperationStatus]:
        """See `RemoteOperation.watch`."""
        states = self._operation.watch()

        async def following() -> OperationStatus | None:
            return await anext(states, None)

        try:
            while (status := self._thread.run(following())) is not None:
                yield status
        finally:
            self._thread.run(states.aclose())
