"""The worker actor: it owns the state of a worker and never does the work.

The body runs in a task or a thread; what it reports, how it ends and what its methods
say come in as messages. None of them makes the actor wait, so it answers at once
whatever the body does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import cached_property
from typing import assert_never

from duologue.actors._actor import AsyncActor
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._mailbox._envelope import RuntimeEnvelope
from duologue.actors._time._seconds import as_delay
from duologue.actors._workers._body_reports import kept_end, log_end
from duologue.actors._workers._operation_report import clean_text
from duologue.actors._workers._running._dealings import Dealings
from duologue.actors._workers._running._limits import limits_of
from duologue.actors._workers._running._runs import BodyRun, operation_of
from duologue.actors._workers._worker import WorkerRecord
from duologue.actors._workers._worker_body import BodyMethod, IBackgroundWorker
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import (
    Again,
    Answered,
    Begin,
    BodyEvent,
    Ended,
    GraceOver,
    Overdue,
    Ping,
    Question,
    Reported,
    Silence,
    Started,
    StopWork,
    TimeOver,
    TimerEvent,
    WorkerAnswer,
    WorkerEvent,
    WorkerMessage,
    Written,
)
from duologue.actors._workers._worker_snapshot import (
    RUNS,
    BodyOutcome,
    Cancelled,
    Ignored,
    Returned,
    WorkerSnapshot,
    WorkerState,
    begun,
    ended,
    stopping,
)

logger = logging.getLogger("duologue.actors")

_CLOSED = "the actor system was closed"


class WorkerActor(AsyncActor):
    """The state of one worker, changed by messages."""

    def __init__(
        self, job: WorkerJob, begun: AsyncFuture[WorkerSnapshot] | None = None
    ) -> None:
        super().__init__()
        self._job = job
        self._operation = operation_of(job)
        self._run = BodyRun(job, self)
        self._asked_to_start = None if begun is None else Question(begun)
        self._limits = limits_of(job, self._operation, self)

    @property
    def _record(self) -> WorkerRecord:
        return self._job.record

    @cached_property
    def _dealings(self) -> Dealings:
        return Dealings(self._job, self._operation, self)

    def on_start(self) -> None:
        """Begin, unless it is not its turn yet; without a message, so without a queue."""
        if self._asked_to_start is not None:
            self._begin(self._asked_to_start)

    def on_receive(self, message: WorkerMessage) -> WorkerAnswer | None:
        """Handle a request or an event. None of them waits."""
        if self._record.snapshot.state.is_final:
            return self._record.snapshot
        match message:
            case Begin():
                self._begin(Question())
                return None
            case Ping():
                return self._answer_ping()
            case StopWork():
                return self._stop_work(message)
            case _:
                self._note(message)
                return None

    def _note(self, event: BodyEvent | TimerEvent) -> None:
        match event:
            case Reported():
                _ = self._record.snapshot  # those who wait for it are woken
            case Started(outcome=outcome):
                self._started(outcome)
            case Answered(question=question, outcome=outcome):
                self._said(question, outcome)
            case Ended(outcome=outcome):
                self._ended(outcome)
            case Written(outcome=outcome):
                self._written(outcome)
            case _:
                self._wake(event)

    def _wake(self, event: TimerEvent) -> None:
        match event:
            case Overdue(question=question):
                self._overdue(question)
            case GraceOver():
                self._force()
            case TimeOver():
                timeout = self._job.terms.timeout
                self._run_out(
                    WorkerState.TIMED_OUT, f"it took longer than {timeout:g} s"
                )
            case Silence():
                self._listen()
            case Again():
                self._again()
            case _:
                assert_never(event)

    async def on_stop(self) -> None:  # type: ignore[override] # Pykka's is not async
        """When the system closes first: end the body, as far as that can be done."""
        work = self._run.task
        if not self._record.snapshot.state.is_final:
            await self._tell_of_closing()
            self._finish(self._dealings.outcome or self._run.left_behind())
        if work is not None and not work.done():
            self._run.cancel()
            await asyncio.wait({work}, timeout=self._dealings.grace)

    def _after_end(self) -> None:
        """End without a last turn, if the system had no time for one."""
        if self._record.snapshot.state.is_final:
            return
        self._operation.request_stop(_CLOSED)
        with contextlib.suppress(RuntimeError):  # of a loop that is closed
            self._finish(self._dealings.outcome or self._run.left_behind())
            self._run.cancel()

    async def _tell_of_closing(self) -> None:
        is_told = self._record.snapshot.state is WorkerState.CANCELLING
        if self._dealings.outcome is None and not is_told:
            self._tell_to_stop(StopWork(_CLOSED))
        stopped = self._dealings.stopped
        if stopped is not None and stopped.task is not None:
            timeout = self._job.settings.ping_timeout
            await asyncio.wait({stopped.task}, timeout=timeout)

    def _begin(self, question: Question) -> None:
        self._asked_to_start = question
        self._run.is_idle = False
        self._limits.begin()
        start = self._job.body.start
        if start is None:
            self._run_body()
            self._let_be()
            return
        if self._job.durable is None:  # else it is safe when this is answered
            self._dealings.talk.expect(question)
        self._run.task = self._dealings.talk.call(
            start, lambda outcome: self.came_back(Started(outcome))
        )

    def _started(self, outcome: BodyOutcome) -> None:
        self._run.task = None
        if not isinstance(outcome, Returned):
            self._ended(outcome)
        else:
            self._dealings.reports.hear(outcome)
            if self._operation.is_stop_requested:
                self._ended(Cancelled())
            else:
                self._run_body()
        self._let_be()

    def _let_be(self) -> None:
        """Answer who waits for the start."""
        question, self._asked_to_start = self._asked_to_start, None
        if question is not None:
            question.settle(self._record.snapshot)

    def _run_body(self) -> None:
        now = self._job.settings.now()
        self._record.change(lambda seen: begun(seen, now))
        self._limits.begin_attempt()
        self._run.launch()

    def _answer_ping(self) -> WorkerAnswer:
        if self._dealings.outcome is not None:
            return self._dealings.over
        ping = self._job.body.ping
        has_begun = self._record.snapshot.started_at is not None
        is_running = has_begun and not self._run.is_idle
        if ping is None or not is_running or self._dealings.stopped is not None:
            return self._record.snapshot
        pinged = self._dealings.pinged
        if pinged is None:
            pinged = self._dealings.pinged = Question()
            self._dealings.talk.ask(pinged, ping)
        elif pinged.answer.is_ready():
            return self._record.snapshot  # the last call still hangs
        return pinged.answer

    def _stop_work(self, wish: StopWork) -> WorkerAnswer:
        if self._dealings.outcome is not None:
            return self._dealings.over
        if wish.grace is not None:
            self._dealings.grace = wish.grace
        if self._record.snapshot.state is not WorkerState.CANCELLING:
            self._request_stop(wish)
        elif wish.grace is not None:
            self._wait_for_end()
        stopped = self._dealings.stopped
        return self._record.snapshot if stopped is None else stopped.answer

    def _request_stop(self, wish: StopWork) -> None:
        self._tell_to_stop(wish)
        if self._run.is_idle:
            self._conclude(Cancelled())
            return
        self._wait_for_end()
        if self._dealings.stopped is not None:
            self._dealings.talk.expect(self._dealings.stopped)

    def _tell_to_stop(self, wish: StopWork) -> None:
        body = self._job.body
        reason, by = clean_text(wish.reason) or "", clean_text(wish.by) or ""
        now = self._job.settings.now()
        self._record.change(lambda seen: stopping(seen, reason, now, by=by))
        self._operation.request_stop(reason)
        if body.stop is not None and not self._run.is_idle:
            self._dealings.stopped = Question()
            self._dealings.talk.put(self._dealings.stopped, body.stop)
        elif isinstance(body.author, IBackgroundWorker):
            IBackgroundWorker.stop(body.author)
        if not body.hears_of_stops:
            self._run.cancel()

    def _wait_for_end(self) -> None:
        """Be patient for as long as the grace says, from now on."""
        if self._dealings.patience is not None:
            self._dealings.patience.cancel()
        self._dealings.patience = self.send_after(
            as_delay(self._dealings.grace), GraceOver()
        )

    def _force(self) -> None:
        if self._dealings.outcome is not None:
            return
        if self._run.cancel():
            self._wait_for_end()
        else:
            self._conclude(Ignored())

    def _run_out(self, state: WorkerState, reason: str) -> None:
        """Stop it because its time is over."""
        snapshot = self._record.snapshot
        if (
            self._dealings.outcome is None
            and snapshot.state is not WorkerState.CANCELLING
        ):
            self._dealings.stopped_as = state
            self._request_stop(StopWork(reason))

    def _listen(self) -> None:
        if self._record.snapshot.state in RUNS:
            reason = self._limits.silence()
            if reason is not None:
                self._run_out(WorkerState.LOST, reason)

    def _again(self) -> None:
        if self._record.snapshot.state is WorkerState.RETRYING:
            self._limits.begin_again()
            self._run.launch()

    def _ended(self, outcome: BodyOutcome) -> None:
        """The body has ended; hear its last words, then reach the end state."""
        if self._limits.try_again(outcome):
            self._run.pause()
            return
        self._dealings.outcome = outcome
        ping = self._job.body.ping
        stopped = self._dealings.stopped
        if stopped is not None:
            if stopped.answer.is_ready():
                self._conclude(outcome)
            self._dealings.awaited = stopped
        elif ping is None or self._record.snapshot.started_at is None:
            self._conclude(outcome)
        elif self._dealings.pinged is None:
            self._ask_for_last_words(ping)
        else:
            # Never twice at once: the last words come after the present ones.
            self._dealings.awaited = self._dealings.pinged
            self._dealings.talk.expect(self._dealings.pinged)

    def _ask_for_last_words(self, ping: BodyMethod) -> None:
        self._dealings.pinged = self._dealings.awaited = Question(is_final=True)
        self._dealings.talk.ask(self._dealings.pinged, ping)

    def _said(self, question: Question, outcome: BodyOutcome) -> None:
        is_ping = question is self._dealings.pinged
        if is_ping:
            self._dealings.pinged = None
        # After stop() has been called its words count, and not those of ping().
        if not is_ping or self._dealings.stopped is None:
            self._dealings.reports.hear(outcome)
        question.settle(self._record.snapshot)
        if question is not self._dealings.awaited or self._dealings.outcome is None:
            return
        ping = self._job.body.ping
        if is_ping and not question.is_final and ping is not None:
            self._ask_for_last_words(ping)
        else:
            self._conclude(self._dealings.outcome)

    def _overdue(self, question: Question) -> None:
        question.settle(self._record.snapshot)
        if question is self._dealings.awaited and self._dealings.outcome is not None:
            self._conclude(self._dealings.outcome)

    def _conclude(self, outcome: BodyOutcome) -> None:
        """Reach the end state and go; where it is kept, when that is written."""
        durable = self._job.durable
        if durable is None:
            self._finish(outcome)
        elif self._dealings.writing is None:
            self._dealings.outcome = outcome
            final = self._final(outcome)
            calls = self._job.settings.calls
            self._dealings.writing = calls.on_loop(
                lambda: durable.end(final),
                self._job.name,
                lambda written: self.post(Written(written)),
            )
            calls.keep(self._dealings.writing)

    def _written(self, outcome: BodyOutcome) -> None:
        kept = kept_end(self._job, outcome)
        self._finish(self._dealings.outcome or Ignored(), kept)

    def _final(self, outcome: BodyOutcome) -> WorkerSnapshot:
        last = self._record.snapshot
        self._operation.close()
        self._record.asks_body = False
        now, ttl = self._job.settings.now(), self._job.settings.ttl
        return ended(last, outcome, now, ttl=ttl, stopped=self._dealings.stopped_as)

    def _finish(self, outcome: BodyOutcome, kept: WorkerSnapshot | None = None) -> None:
        final = self._final(outcome) if kept is None else kept
        self._record.change(lambda _: final)
        self._record.operation = None  # it holds this actor, and what the body holds
        dealings = self._dealings
        dealings.over.set(final)
        for question in (self._asked_to_start, dealings.pinged, dealings.stopped):
            if question is not None:
                question.settle(final)
                if question.task is not None:
                    question.task.cancel()
        self._run.keep()
        log_end(self._job, outcome, final)
        if final.state is not WorkerState.LOST or self._record.has_left:
            self._job.settings.home.left(self._job)
        self._job.settings.home.ended(self._job)
        if not self.actor_stopped.is_set():
            self.stop()

    def came_back(self, event: Started | Ended) -> None:
        """The body has ended, or its start(); in any thread."""
        # In this order: whoever finds it lost afterwards looks at the mark.
        self._record.has_left = True
        if self._record.snapshot.state is WorkerState.LOST:
            logger.info("%s, left behind earlier, has ended", self._job.name)
            self._job.settings.home.left(self._job)
        self.post(event)

    def post(self, event: WorkerEvent) -> None:
        """Note something that happened; in any thread, and in vain after the end."""
        self.actor_inbox.put_from_runtime(RuntimeEnvelope(event))
