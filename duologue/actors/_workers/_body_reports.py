"""What a body says of its work, made into snapshots.

It says so in two ways: by reports to its operation, at any time and from any thread,
and by what its methods `start`, `stop` and `ping` return. Both are taken on the loop of
the worker actor, the reports first, so that the newest words win.
"""

from __future__ import annotations

import logging
from typing import assert_never

from duologue.actors._workers._operation import Operation
from duologue.actors._workers._operation_report import AsyncOperationResult
from duologue.actors._workers._worker_body import IBackgroundWorker
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_snapshot import (
    BodyOutcome,
    Cancelled,
    Ignored,
    Raised,
    Returned,
    WorkerSnapshot,
    said_active,
)

logger = logging.getLogger("duologue.actors")


class BodyReports:
    """The reports of one body; for use on the loop of its actor."""

    __slots__ = ("_complaints", "_job", "_operation")

    def __init__(self, job: WorkerJob, operation: Operation) -> None:
        self._job = job
        self._operation = operation
        self._complaints: tuple[str, ...] = ()

    def hear(self, outcome: BodyOutcome) -> None:
        """Take what a method of the body has returned as a report."""
        match outcome:
            case Returned(result=AsyncOperationResult() as said):
                self._operation.report(said.value, said.text or None)
                self._believe(said)
            case Returned(result=None) | Cancelled() | Ignored():
                pass
            case Returned(result=rubbish):
                complaint = f"returned a {type(rubbish).__name__}, which is ignored"
                self._complain(
                    f"{complaint}; return an AsyncOperationResult or nothing"
                )
            case Raised(error=error):
                self._complain(f"raised {type(error).__name__}", error)
            case _:
                assert_never(outcome)

    def _believe(self, said: AsyncOperationResult) -> None:
        """Show whether a body of m3 is active by its own account."""
        record = self._job.record
        is_of_m3 = isinstance(self._job.body.author, IBackgroundWorker)
        if is_of_m3 and said.is_active is not record.snapshot.says_active:
            record.change(lambda seen: said_active(seen, said.is_active))

    def _complain(self, what: str, error: BaseException | None = None) -> None:
        # Once of each kind: a broken ping() would fill the log.
        if what not in self._complaints:
            self._complaints = (*self._complaints, what)
            logger.warning("a method of %s %s", self._job.name, what, exc_info=error)


def log_end(job: WorkerJob, outcome: BodyOutcome, final: WorkerSnapshot) -> None:
    """Say what went wrong, if something did."""
    if isinstance(outcome, Raised):
        logger.error("%s failed", job.name, exc_info=outcome.error)
    elif isinstance(outcome, Ignored):
        logger.error(
            "%s ignores that it is to stop (%s) and is left behind",
            job.name,
            final.reason or "no reason was given",
        )


def kept_end(job: WorkerJob, written: BodyOutcome) -> WorkerSnapshot | None:
    """The end as it is kept outside of the process; None if it could not be."""
    kept = written.result if isinstance(written, Returned) else None
    if isinstance(kept, WorkerSnapshot):
        return kept
    logger.error("the end of %s is not kept: %s", job.name, written)
    return None
