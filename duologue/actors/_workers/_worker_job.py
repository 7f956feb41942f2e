"""The job of a worker actor: a body, and what is needed to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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
class WorkerSettings:
    """What the workers of a program have in common.

    Attributes:
        now: Tells the time, in any thread.
        calls: Runs the author's code.
        grace: Seconds to obey a request to stop.
        ping_timeout: Seconds for the body to answer.
        ttl: Seconds for which the end of a worker is known.
        home: Told of the ends.
    """

    now: Callable[[], float]
    calls: BodyCalls
    grace: float
    ping_timeout: float
    ttl: float
    home: Home


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What a worker actor is to do, and with what.

    Attributes:
        name: What to call the worker in the log and in lists of threads.
        body: What runs.
        record: Where the actor writes what it knows.
        terms: What the start says.
        settings: What all of them have in common.
        durable: Keeps it outside of the process; None if nobody does.
    """

    name: str
    body: Body
    record: WorkerRecord
    terms: Terms
    settings: WorkerSettings
    durable: DurableWork | None = None
