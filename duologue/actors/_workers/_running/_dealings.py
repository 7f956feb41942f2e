"""What goes on between a worker and its body besides the work: questions, and the end."""

from __future__ import annotations

import asyncio

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._lifecycle._timers import Timer
from duologue.actors._workers._body_reports import BodyReports
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._running._diary import Diary
from duologue.actors._workers._running._talk import BodyTalk
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import Question
from duologue.actors._workers._worker_snapshot import (
    BodyOutcome,
    WorkerSnapshot,
    WorkerState,
)


class Dealings:
    """The questions to one body, and what is known of its end.

    Made when there is one of them: of thousands of workers most only work.

    Args:
        job: The worker.
        operation: What its body reports to.
        diary: Notes what happens.

    Attributes:
        talk: Puts questions to the body.
        reports: Takes what it answers.
        over: Gets the final snapshot.
        pinged: The call of its `ping()`, until that is answered.
        stopped: The call of its `stop()`.
        awaited: The question whose answer the end waits for.
        outcome: How the body has ended; None before that.
        stopped_as: What the worker is when it has ended because it was asked to.
        grace: Seconds to obey a request to stop.
        patience: When that time is over.
        writing: Keeps the end where it outlives the process.
    """

    __slots__ = (
        "awaited",
        "grace",
        "outcome",
        "over",
        "patience",
        "pinged",
        "reports",
        "stopped",
        "stopped_as",
        "talk",
        "writing",
    )

    def __init__(self, job: WorkerJob, operation: Operation, diary: Diary) -> None:
        self.talk: BodyTalk = BodyTalk(job, diary)
        self.reports: BodyReports = BodyReports(job, operation)
        self.over: AsyncFuture[WorkerSnapshot] = AsyncFuture()
        self.pinged: Question | None = None
        self.stopped: Question | None = None
        self.awaited: Question | None = None
        self.outcome: BodyOutcome | None = None
        self.stopped_as: WorkerState = WorkerState.CANCELLED
        self.grace: float = job.settings.grace
        self.patience: Timer | None = None
        self.writing: asyncio.Task[BodyOutcome] | None = None
