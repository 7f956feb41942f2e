"""What the bridge makes of background workers, as type checkers see it."""

from __future__ import annotations

from typing import Protocol, Self

from duologue.actors import StartPolicy, WorkerSnapshot, WorkerState
from duologue.actors._workers._progress._questions import Answer
from duologue.actors._workers._start_policy import Executor


class BlockingSnapshots(Protocol):
    """The snapshots of a worker: `for snapshot in worker.watch():`."""

    def __iter__(self) -> Self:
        """Iterate until the final snapshot."""
        ...

    def __next__(self) -> WorkerSnapshot:
        """Wait for the next one."""
        ...

    def next(self, timeout: float | None = None) -> WorkerSnapshot:
        """Wait for the next one; after a `CallTimeoutError` nothing is lost."""
        ...


class BlockingWorker(Protocol):
    """A `Worker`."""

    @property
    def id(self) -> str:
        """What it is known by."""
        ...

    @property
    def snapshot(self) -> WorkerSnapshot:
        """The last that is known, without asking."""
        ...

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        ...

    def ping(self, *, timeout: float | None = None) -> WorkerSnapshot:
        """See `Worker.ping`."""
        ...

    def stop(
        self, reason: str = "", *, by: str = "", timeout: float | None = None
    ) -> WorkerSnapshot:
        """See `Worker.stop`."""
        ...

    def answer(self, answer: Answer, *, timeout: float | None = None) -> bool:
        """See `Worker.answer`."""
        ...

    def finished(self, *, timeout: float | None = None) -> WorkerSnapshot:
        """See `Worker.finished`."""
        ...

    def watch(self, *, timeout: float | None = None) -> BlockingSnapshots:
        """See `Worker.watch`."""
        ...


class BlockingWorkers(Protocol):
    """The `Workers` of a runtime."""

    def start(
        self,
        body: object,
        *,
        id: str | None = None,  # noqa: A002  # the name users know it by
        key: str | None = None,
        policy: StartPolicy = StartPolicy.JOIN,
        owner: str = "",
        timeout: float | None = None,
        executor: Executor | None = None,
        heartbeat: float | None = None,
        retries: int = 0,
        backoff: float = 1.0,
    ) -> BlockingWorker:
        """See `Workers.start`; `timeout` is the worker's, as it is there."""
        ...

    def get(
        self,
        id: str,  # noqa: A002  # the name users know it by
        *,
        owner: str | None = None,
        timeout: float | None = None,
    ) -> BlockingWorker:
        """See `Workers.get`."""
        ...

    def find(
        self,
        id: str,  # noqa: A002  # the name users know it by
        *,
        owner: str | None = None,
        timeout: float | None = None,
    ) -> WorkerSnapshot:
        """See `Workers.find`."""
        ...

    def ask_to_stop(
        self,
        id: str,  # noqa: A002  # the name users know it by
        reason: str = "",
        *,
        timeout: float | None = None,
    ) -> None:
        """See `Workers.ask_to_stop`."""
        ...

    def forget(
        self,
        id: str,  # noqa: A002  # the name users know it by
        *,
        owner: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """See `Workers.forget`."""
        ...

    def running(
        self, key: str, *, owner: str = "", timeout: float | None = None
    ) -> BlockingWorker | None:
        """See `Workers.running`."""
        ...

    def of(
        self,
        owner: str,
        *,
        key: str | None = None,
        is_active: bool | None = None,
        timeout: float | None = None,
    ) -> list[BlockingWorker]:
        """See `Workers.of`."""
        ...

    def by_state(self, *, timeout: float | None = None) -> dict[WorkerState, int]:
        """See `Workers.by_state`."""
        ...
