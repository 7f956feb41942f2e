"""The job of a worker actor: a body, and what is needed to run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from duologue.actors._time._clock import Clock
from duologue.actors._workers._durable import DurableWork
from duologue.actors._workers._start_policy import Terms
from duologue.actors._workers._worker import WorkerRecord
from duologue.actors._workers._worker_body import Body
from duologue.actors._workers._worker_calls import BodyCalls


class Home(Protocol):
    """Who has started a worker."""

    def left(self, job: WorkerJob) -> None:
        """Its body runs no more; in any thread, and perhaps twice."""
        ...

    def ended(self, job: WorkerJob) -> None:
        """It has reached its end state; on the loop."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What a worker actor is to do, and with what.

    Attributes:
        body: What runs.
        record: Where the actor writes what it knows.
        clock: Tells the time.
        calls: Runs the author's code.
        terms: What the start says.
        grace: Seconds to obey a request to stop.
        ping_timeout: Seconds for the body to answer.
        ttl: Seconds for which its end is known.
        home: Told of the ends.
        durable: Keeps it outside of the process; None if nobody does.
    """

    body: Body
    record: WorkerRecord
    clock: Clock
    calls: BodyCalls
    terms: Terms
    grace: float
    ping_timeout: float
    ttl: float
    home: Home
    durable: DurableWork | None = None

    @property
    def name(self) -> str:
        """What to call the worker in the log and in lists of threads."""
        return f"worker {self.record.snapshot.id} ({self.body.kind})"
