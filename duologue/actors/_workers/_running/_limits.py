"""What limits the run of a worker: its time, how long it may be silent, how often it is tried."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from duologue.actors._lifecycle._timers import Timer
from duologue.actors._time._seconds import as_delay
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._running._diary import Diary
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import (
    Again,
    Silence,
    TimeOver,
)
from duologue.actors._workers._worker_snapshot import (
    RUNS,
    BodyOutcome,
    Raised,
    begun_again,
    failure_of,
    retrying,
)

_LONGEST: Final = 300.0  # seconds between two attempts

logger = logging.getLogger("duologue.actors")


class Limits(Protocol):
    """The limits of one worker."""

    def begin(self) -> None:
        """Count the time of the worker from now on."""

    def begin_attempt(self) -> None:
        """Expect to hear of the body from now on."""

    def silence(self) -> str | None:
        """Why it is to be stopped if nothing was heard for too long; else look later."""

    def try_again(self, outcome: BodyOutcome, /) -> bool:
        """Arrange another attempt after a failure, if there may be one."""
        ...

    def begin_again(self) -> None:
        """Forget how far the attempt before was."""


def limits_of(job: WorkerJob, operation: Operation, diary: Diary) -> Limits:
    """The limits of a worker, as its terms say."""
    terms = job.terms
    if terms.timeout is terms.heartbeat is None and terms.retries <= 0:
        return _NONE
    return _Counted(job, operation, diary)


class _Counted:
    """The limits of one worker; for use on the loop of its actor.

    Args:
        job: The worker.
        operation: Tells when its body was last heard of.
        diary: Notes something after some seconds.
    """

    __slots__ = ("_begun_at", "_diary", "_job", "_operation", "_retries", "_timer")

    def __init__(self, job: WorkerJob, operation: Operation, diary: Diary) -> None:
        self._job = job
        self._operation = operation
        self._diary = diary
        self._retries = 0
        self._begun_at = 0.0
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Count the time of the worker from now on."""
        if self._job.terms.timeout is not None:
            self._diary.send_after(as_delay(self._job.terms.timeout), TimeOver())

    def begin_attempt(self) -> None:
        """Expect to hear of the body from now on."""
        heartbeat = self._job.terms.heartbeat
        if heartbeat is None:
            return
        self._begun_at = self._job.settings.now()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._diary.send_after(as_delay(heartbeat), Silence())

    def silence(self) -> str | None:
        """Why it is to be stopped if nothing was heard for too long; else look later."""
        heartbeat = self._job.terms.heartbeat or 0.0
        now = self._job.settings.now()
        heard_at = max(self._begun_at, self._operation.last_heard() or 0.0)
        if self._operation.question is not None:
            heard_at = now  # who waits for somebody else is not silent
        left = heard_at + heartbeat - now
        if left > 0.0:
            self._timer = self._diary.send_after(as_delay(left), Silence())
            return None
        reason = f"nothing was heard of it for {heartbeat:g} s"
        logger.warning("%s is stopped: %s", self._job.name, reason)
        return reason

    def try_again(self, outcome: BodyOutcome) -> bool:
        """Arrange another attempt after a failure, if there may be one."""
        job, terms = self._job, self._job.terms
        is_running = job.record.snapshot.state in RUNS
        if not is_running or not isinstance(outcome, Raised):
            return False
        if self._retries >= terms.retries:
            return False
        pause = min(terms.backoff * 2.0**self._retries, _LONGEST)
        self._retries += 1
        failure, now = failure_of(outcome.error), job.settings.now()
        job.record.change(lambda seen: retrying(seen, failure, now))
        error = outcome.error
        logger.warning("%s is tried again in %g s", job.name, pause, exc_info=error)
        self._diary.send_after(as_delay(pause), Again())
        return True

    def begin_again(self) -> None:
        """Forget how far the attempt before was."""
        job = self._job
        self._operation.begin_again()
        job.record.change(lambda seen: begun_again(seen, job.settings.now()))
        self.begin_attempt()


class _Unlimited:
    """No limits: one for all who have none, and there may be thousands."""

    def begin(self) -> None:
        """Count nothing."""

    begin_attempt = begin_again = begin

    def silence(self) -> None:
        """It may be silent."""

    def try_again(self, outcome: BodyOutcome) -> bool:
        """It is over."""
        del outcome
        return False


_NONE: Final = _Unlimited()
