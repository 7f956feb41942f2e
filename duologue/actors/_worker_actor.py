"""The actor behind a background worker: it owns the state and never does the work.

The body runs in a task or a thread; what it reports, how it ends and what its methods
say come in as messages. None of them makes the actor wait, so it answers at once
whatever the body does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TypeAlias, assert_never

from pykka import ActorDeadError

from duologue.actors._actor import AsyncActor
from duologue.actors._clock import TimerHandle
from duologue.actors._future import AsyncFuture
from duologue.actors._operation import Operation
from duologue.actors._operation_report import AsyncOperationResult, clean_text
from duologue.actors._worker_body import Call, IBackgroundWorker
from duologue.actors._worker_job import Job
from duologue.actors._worker_messages import (
    Begin,
    Ended,
    Event,
    GraceOver,
    Message,
    Overdue,
    Ping,
    Question,
    Reported,
    Said,
    Started,
    Stop,
    TimeOver,
)
from duologue.actors._worker_snapshot import (
    Cancelled,
    Ignored,
    Outcome,
    Raised,
    Returned,
    WorkerSnapshot,
    WorkerState,
    begun,
    ended,
    reported,
    stopping,
)

logger = logging.getLogger("duologue.actors")

Answer: TypeAlias = WorkerSnapshot | AsyncFuture[WorkerSnapshot]


class WorkerActor(AsyncActor):
    """Owns the state of one worker.

    Args:
        job: What to do.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._record = job.record
        self._operation = Operation(job.name, lambda: self._post(Reported()))
        self._record.has_news = self._has_news
        self._work: asyncio.Task[Outcome] | None = None
        self._outcome: Outcome | None = None
        self._asked_to_start: Question | None = None
        self._pinged: Question | None = None
        self._stopped: Question | None = None
        self._awaited: Question | None = None
        self._over: AsyncFuture[WorkerSnapshot] = AsyncFuture()
        self._timers: dict[type, TimerHandle] = {}
        self._grace = job.grace
        self._is_timed_out = False
        self._is_cancelled = False
        self._complaints: set[str] = set()

    def on_receive(self, message: Message) -> Answer | None:
        """Handle one of the messages above. None of them waits."""
        if self._record.snapshot.state.is_final:
            return self._record.snapshot
        match message:
            case Begin():
                return self._begin()
            case Ping():
                return self._answer_ping()
            case Stop(reason=reason, grace=grace):
                return self._stop_work(reason, grace)
            case _:
                self._note(message)
                return None

    def _note(self, event: Event) -> None:
        match event:
            case Reported():
                self._take_report()
            case Started(outcome=outcome):
                self._started(outcome)
            case Said(question=question, outcome=outcome):
                self._said(question, outcome)
            case Overdue(question=question):
                self._overdue(question)
            case Ended(outcome=outcome):
                self._ended(outcome)
            case GraceOver():
                self._force()
            case TimeOver():
                self._time_over()
            case _:
                assert_never(event)

    async def on_stop(self) -> None:  # type: ignore[override] # Pykka's is not async
        """When the system closes first: end the body, as far as that can be done."""
        work = self._work
        if not self._record.snapshot.state.is_final:
            await self._tell_of_closing()
            left = Ignored() if work is None else Cancelled()
            self._conclude(self._outcome or left)
        if work is not None and not work.done():
            self._cancel_work()
            await asyncio.wait({work}, timeout=self._grace)

    async def _tell_of_closing(self) -> None:
        is_told = self._record.snapshot.state is WorkerState.CANCELLING
        if self._outcome is None and not is_told:
            self._request_stop("the actor system was closed")
        if self._stopped is not None and self._stopped.task is not None:
            await asyncio.wait({self._stopped.task}, timeout=self._job.ping_timeout)

    def _begin(self) -> Answer:
        if self._job.timeout is not None:
            self._later(self._job.timeout, TimeOver())
        start = self._job.body.start
        if start is None:
            self._run()
            return self._record.snapshot
        question = self._asked_to_start = Question()
        question.expect(self._after(self._job.ping_timeout, Overdue(question)))
        self._work = self._call(
            start, lambda outcome: self._came_back(Started(outcome))
        )
        return question.answer

    def _started(self, outcome: Outcome) -> None:
        self._work = None
        if not isinstance(outcome, Returned):
            self._ended(outcome)
        else:
            self._hear(outcome)
            if self._operation.is_stop_requested:
                self._ended(Cancelled())
            else:
                self._run()
        if self._asked_to_start is not None:
            self._asked_to_start.settle(self._record.snapshot)

    def _run(self) -> None:
        job = self._job
        self._record.has_left = False
        self._publish(begun(self._record.snapshot, job.clock.time()))

        def work() -> object:
            if self._operation.is_stop_requested:
                raise asyncio.CancelledError
            return job.body.run(
                *([self._operation] if job.body.takes_operation else [])
            )

        def tell(outcome: Outcome) -> None:
            self._came_back(Ended(outcome))

        if job.body.is_async:
            self._work = job.calls.on_loop(work, job.name, tell)
        else:
            job.calls.in_thread(work, job.name, tell)

    def _take_report(self) -> None:
        report = self._operation.take()
        if report is not None:
            now = self._job.clock.time()
            self._publish(reported(self._record.snapshot, report, now))

    def _has_news(self) -> bool:
        """Whether a ping may learn more than the snapshot says; in any thread."""
        return self._job.body.ping is not None or self._operation.has_news()

    def _answer_ping(self) -> Answer:
        self._take_report()
        if self._outcome is not None:
            return self._over
        ping = self._job.body.ping
        is_running = self._record.snapshot.started_at is not None
        if ping is None or not is_running or self._stopped is not None:
            return self._record.snapshot
        if self._pinged is None:
            self._pinged = Question()
            self._ask(ping, self._pinged)
        elif self._pinged.answer.is_ready():
            return self._record.snapshot  # the last call still hangs
        return self._pinged.answer

    def _stop_work(self, reason: str, grace: float | None) -> Answer:
        if self._outcome is not None:
            return self._over
        if grace is not None:
            self._grace = grace
        if self._record.snapshot.state is not WorkerState.CANCELLING:
            self._request_stop(reason)
        elif grace is not None:
            self._later(grace, GraceOver())
        return self._record.snapshot if self._stopped is None else self._stopped.answer

    def _request_stop(self, reason: str) -> None:
        body = self._job.body
        reason = clean_text(reason) or ""
        self._publish(stopping(self._record.snapshot, reason, self._job.clock.time()))
        self._operation.request_stop(reason)
        self._later(self._grace, GraceOver())
        if body.stop is not None:
            self._stopped = Question()
            self._ask(body.stop, self._stopped)
        elif isinstance(body.author, IBackgroundWorker):
            IBackgroundWorker.stop(body.author)
        if not body.hears_of_stops:
            self._cancel_work()

    def _force(self) -> None:
        if self._outcome is not None:
            return
        if self._cancel_work():
            self._later(self._grace, GraceOver())
        else:
            self._conclude(Ignored())

    def _cancel_work(self) -> bool:
        """Cancel what runs on the loop; once is enough for who obeys."""
        if self._work is None or self._is_cancelled:
            return False
        self._is_cancelled = True
        return self._work.cancel()

    def _time_over(self) -> None:
        snapshot = self._record.snapshot
        if self._outcome is None and snapshot.state is not WorkerState.CANCELLING:
            self._is_timed_out = True
            reason = f"it took longer than {self._job.timeout:g} s"
            self._request_stop(reason)

    def _ended(self, outcome: Outcome) -> None:
        """The body has ended; hear its last words, then reach the end state."""
        self._take_report()
        self._outcome = outcome
        ping = self._job.body.ping
        if self._stopped is not None:
            if self._stopped.answer.is_ready():
                self._conclude(outcome)
            self._awaited = self._stopped
        elif ping is None or self._record.snapshot.started_at is None:
            self._conclude(outcome)
        elif self._pinged is None:
            self._ask_for_last_words(ping)
        else:
            # Never twice at once: the last words come after the present ones.
            self._awaited = self._pinged
            overdue = Overdue(self._pinged)
            self._pinged.expect(self._after(self._job.ping_timeout, overdue))

    def _ask_for_last_words(self, ping: Call) -> None:
        self._pinged = self._awaited = Question(is_final=True)
        self._ask(ping, self._pinged)

    def _said(self, question: Question, outcome: Outcome) -> None:
        is_ping = question is self._pinged
        if is_ping:
            self._pinged = None
        # After stop() has been called its words count, and not those of ping().
        if not is_ping or self._stopped is None:
            self._hear(outcome)
        question.settle(self._record.snapshot)
        if question is not self._awaited or self._outcome is None:
            return
        ping = self._job.body.ping
        if is_ping and not question.is_final and ping is not None:
            self._ask_for_last_words(ping)
        else:
            self._conclude(self._outcome)

    def _overdue(self, question: Question) -> None:
        question.settle(self._record.snapshot)
        if question is self._awaited and self._outcome is not None:
            self._conclude(self._outcome)

    def _hear(self, outcome: Outcome) -> None:
        """Take what a method of the body has returned as a report."""
        self._take_report()
        match outcome:
            case Returned(result=AsyncOperationResult(value=value, text=text)):
                self._operation.report(value, text or None)
                self._take_report()
            case Returned(result=None) | Cancelled() | Ignored():
                pass
            case Returned(result=rubbish):
                said = f"returned a {type(rubbish).__name__}, which is ignored"
                self._complain(f"{said}; return an AsyncOperationResult or nothing")
            case Raised(error=error):
                self._complain(f"raised {type(error).__name__}", error)
            case _:
                assert_never(outcome)

    def _complain(self, what: str, error: BaseException | None = None) -> None:
        """Log what is wrong with a method of the body, once of each kind."""
        if what not in self._complaints:
            self._complaints.add(what)
            logger.warning("a method of %s %s", self._job.name, what, exc_info=error)

    def _conclude(self, outcome: Outcome) -> None:
        """Reach the end state and go."""
        self._operation.close()
        self._record.has_news = bool
        for timer in self._timers.values():
            timer.cancel()
        now = self._job.clock.time()
        final = ended(self._record.snapshot, outcome, now, timed_out=self._is_timed_out)
        self._publish(final)
        self._over.set(final)
        for question in (self._asked_to_start, self._pinged, self._stopped):
            if question is not None:
                question.settle(final)
                if question.task is not None:
                    question.task.cancel()
        self._log(outcome)
        if final.state is not WorkerState.LOST or self._record.has_left:
            self._job.left()
        self._job.finished()
        if not self.actor_stopped.is_set():
            self.stop()

    def _log(self, outcome: Outcome) -> None:
        if isinstance(outcome, Raised):
            logger.error("%s failed", self._job.name, exc_info=outcome.error)
        elif isinstance(outcome, Ignored):
            logger.error(
                "%s ignores that it is to stop (%s) and is left behind",
                self._job.name,
                self._record.snapshot.reason or "no reason was given",
            )

    def _call(
        self, call: Call, tell: Callable[[Outcome], object]
    ) -> asyncio.Task[Outcome] | None:
        if call.is_async:
            return self._job.calls.on_loop(call.function, self._job.name, tell)
        self._job.calls.as_errand(call.function, tell)
        return None

    def _ask(self, call: Call, question: Question) -> None:
        question.expect(self._after(self._job.ping_timeout, Overdue(question)))
        question.task = self._call(
            call, lambda outcome: self._post(Said(question, outcome))
        )

    def _came_back(self, event: Started | Ended) -> None:
        """The body has ended, or its start(); in any thread."""
        # In this order: whoever finds it lost afterwards looks at the mark.
        self._record.has_left = True
        if self._record.snapshot.state is WorkerState.LOST:
            logger.info("%s, left behind earlier, has ended", self._job.name)
            self._job.left()
        self._post(event)

    def _later(self, delay: float, event: GraceOver | TimeOver) -> None:
        """Arrange one of the two ends of patience, in place of an earlier one."""
        earlier = self._timers.get(type(event))
        if earlier is not None:
            earlier.cancel()
        self._timers[type(event)] = self._after(delay, event)

    def _after(self, delay: float, event: Event) -> TimerHandle:
        return self._job.clock.call_later(delay, self._post, event)

    def _post(self, message: Message) -> None:
        # What comes after the end changes nothing any more.
        with contextlib.suppress(ActorDeadError):
            if self.actor_ref.is_alive():
                self.actor_ref.tell(message)

    def _publish(self, snapshot: WorkerSnapshot) -> None:
        self._record.publish(snapshot)
