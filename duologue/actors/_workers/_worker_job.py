"""The job of a worker actor: a body, and what is needed to run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from duologue.actors._time._clock import Clock
from duologue.actors._workers._durable import DurableWork
from duologue.actors._workers._worker import WorkerRecord
from duologue.actors._workers._worker_body import Body
from duologue.actors._workers._worker_calls import BodyCalls

Executor: TypeAlias = Literal["async", "thread", "process"]
"""Where a body runs: on the loop, in a thread of its own, in a process of its own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the start of a worker says of its run.

    Attributes:
        timeout: Seconds the worker may take; None for any number.
        executor: Where its body runs; None for where its kind does.
        heartbeat: Seconds for which nothing may be heard of it; None for any number.
        retries: How often it is tried again after it has raised.
        backoff: Seconds before the first retry; each later one waits twice as long.
    """

    timeout: float | None = None
    executor: Executor | None = None
    heartbeat: float | None = None
    retries: int = 0
    backoff: float = 1.0


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
