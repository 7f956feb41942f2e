"""Talk to a body: its methods are called, and their answers waited for, but not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from duologue.actors._time._seconds import as_delay
from duologue.actors._workers._running._diary import Diary
from duologue.actors._workers._worker_body import BodyMethod
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import (
    Answered,
    Overdue,
    Question,
)
from duologue.actors._workers._worker_snapshot import BodyOutcome


class BodyTalk:
    """Calls the methods of one body; for use on the loop of its actor.

    Args:
        job: Whose body it is.
        diary: Notes what has happened.
    """

    __slots__ = ("_diary", "_job")

    def __init__(self, job: WorkerJob, diary: Diary) -> None:
        self._job = job
        self._diary = diary

    def call(
        self, method: BodyMethod, tell: Callable[[BodyOutcome], object]
    ) -> asyncio.Task[BodyOutcome] | None:
        """Call a method; the task if it runs on the loop."""
        calls = self._job.settings.calls
        if method.is_async:
            task = calls.on_loop(method.function, self._job.name, tell)
            calls.keep(task)
            return task
        calls.as_errand(method.function, tell)
        return None

    def put(self, question: Question, method: BodyMethod) -> None:
        """Put a question to the body."""
        question.task = self.call(
            method, lambda outcome: self._diary.post(Answered(question, outcome))
        )

    def expect(self, question: Question) -> None:
        """Wait for the answer, from now on."""
        delay = as_delay(self._job.settings.ping_timeout)
        question.expect(self._diary.send_after(delay, Overdue(question)))

    def ask(self, question: Question, method: BodyMethod) -> None:
        """Put a question, and wait for the answer."""
        self.put(question, method)
        self.expect(question)
