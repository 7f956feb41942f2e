"""Messages to a worker actor: requests from outside, events from its body."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from duologue.actors._futures._ask import Ask
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._lifecycle._timers import Timer
from duologue.actors._workers._worker_snapshot import BodyOutcome, WorkerSnapshot

WorkerAnswer: TypeAlias = WorkerSnapshot | AsyncFuture[WorkerSnapshot]


@dataclass(frozen=True, slots=True)
class Begin:
    """Let the body start that has waited for its turn."""


@dataclass(frozen=True, slots=True)
class Ping(Ask[WorkerAnswer]):
    """Say how far the work is."""


@dataclass(frozen=True, slots=True)
class StopWork(Ask[WorkerAnswer]):
    """Ask the body to end.

    Attributes:
        reason: Why.
        grace: Seconds for it to obey; None for the usual ones.
        by: Who asks.
    """

    reason: str
    grace: float | None = None
    by: str = ""


@dataclass(eq=False, slots=True)
class Question:
    """A call of `ping()` or `stop()` of the body, and those who wait for the answer.

    Attributes:
        answer: Gets the snapshot with what the body said, or when it is overdue.
        is_final: Whether it asks for the last words.
        timer: When it is overdue.
        task: The call, if it runs on the loop.
    """

    answer: AsyncFuture[WorkerSnapshot] = field(default_factory=AsyncFuture)
    is_final: bool = False
    timer: Timer | None = None
    task: asyncio.Task[BodyOutcome] | None = None

    def expect(self, timer: Timer) -> None:
        """Wait for the answer until the timer fires, and not the one before."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer

    def settle(self, snapshot: WorkerSnapshot) -> None:
        """Answer those who wait, if nobody has done so."""
        if self.timer is not None:
            self.timer.cancel()
        if not self.answer.is_ready():
            self.answer.set(snapshot)


@dataclass(frozen=True, slots=True)
class Reported:
    """The operation has a report to fetch."""


@dataclass(frozen=True, slots=True)
class Started:
    """The `start()` of the body has ended."""

    outcome: BodyOutcome


@dataclass(frozen=True, slots=True)
class Answered:
    """A question was answered by the body."""

    question: Question
    outcome: BodyOutcome


@dataclass(frozen=True, slots=True)
class Overdue:
    """A question has not been answered in time."""

    question: Question


@dataclass(frozen=True, slots=True)
class Ended:
    """The `run()` of the body has ended."""

    outcome: BodyOutcome


@dataclass(frozen=True, slots=True)
class Written:
    """The end is kept, or cannot be."""

    outcome: BodyOutcome


@dataclass(frozen=True, slots=True)
class GraceOver:
    """The body was asked to end and had its time."""


@dataclass(frozen=True, slots=True)
class TimeOver:
    """The worker has taken longer than it may."""


@dataclass(frozen=True, slots=True)
class Silence:
    """It is time to look when the body was last heard of."""


@dataclass(frozen=True, slots=True)
class Again:
    """The pause before the next attempt is over."""


Request: TypeAlias = Ping | StopWork
BodyEvent: TypeAlias = Reported | Started | Answered | Ended | Written
TimerEvent: TypeAlias = Overdue | GraceOver | TimeOver | Silence | Again
WorkerEvent: TypeAlias = BodyEvent | TimerEvent
WorkerMessage: TypeAlias = Begin | Request | WorkerEvent
