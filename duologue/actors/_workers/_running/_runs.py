"""The run of a body: at first its `start`, then its `run`, perhaps more than once."""

from __future__ import annotations

import asyncio
from typing import Protocol

from duologue.actors._workers._operation import Operation
from duologue.actors._workers._progress._progress import Progress
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import Ended
from duologue.actors._workers._worker_snapshot import BodyOutcome, Cancelled, Ignored


def operation_of(job: WorkerJob) -> Operation:
    """Where a body reports to."""
    record, earlier = job.record, job.record.snapshot
    operation = record.operation = Operation(
        job.name,
        record,
        job.settings.now,
        Progress(earlier.value, earlier.text),
        record.lock,
    )
    if job.durable is not None:
        job.durable.attach(operation)
    record.asks_body = job.body.ping is not None
    return operation


class Reader(Protocol):
    """Who wants to know how bodies end."""

    def came_back(self, event: Ended) -> None:
        """Learn of the end of a body; in any thread."""


class BodyRun:
    """What runs of one body; for use on the loop of its actor.

    Args:
        job: The worker.
        reader: Told of the end.

    Attributes:
        task: What runs on the loop, if it does.
        is_idle: Whether nothing runs: it has not begun, or waits for its next attempt.
    """

    __slots__ = ("_is_cancelled", "_job", "_reader", "is_idle", "task")

    def __init__(self, job: WorkerJob, reader: Reader) -> None:
        self._job = job
        self._reader = reader
        self._is_cancelled = False
        self.task: asyncio.Task[BodyOutcome] | None = None
        self.is_idle: bool = True

    def launch(self) -> None:
        """Call the `run` of the body, in a task or a thread."""
        job = self._job
        job.record.has_left = self.is_idle = False
        if job.body.is_async:
            self.task = job.settings.calls.on_loop(self._work, job.name, self)
        else:
            job.settings.calls.in_thread(self._work, job.name, self)

    def keep(self) -> None:
        """Have what goes on kept, since its worker is not any more."""
        if self.task is not None:
            self._job.settings.calls.keep(self.task)

    def pause(self) -> None:
        """Have nothing run until the next attempt."""
        self.is_idle, self.task = True, None

    def cancel(self) -> bool:
        """Cancel what runs on the loop; once is enough for who obeys."""
        if self.task is None or self._is_cancelled:
            return False
        self._is_cancelled = True
        return self.task.cancel()

    def left_behind(self) -> BodyOutcome:
        """What becomes of it if there is no more time: nothing can end a thread."""
        is_thread = self.task is None and not self.is_idle
        return Ignored() if is_thread else Cancelled()

    def _work(self) -> object:
        operation, body = self._job.record.operation, self._job.body
        if operation is None or operation.is_stop_requested:  # it has ended, or is to
            raise asyncio.CancelledError
        return body.run(*([operation] if body.takes_operation else []))

    def __call__(self, outcome: BodyOutcome) -> None:
        """Tell of the end of what was launched."""
        self._reader.came_back(Ended(outcome))
