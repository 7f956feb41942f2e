"""The job of a worker actor: a body, and what is needed to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from duologue.actors._time._clock import Clock
from duologue.actors._workers._durable import DurableWork
from duologue.actors._workers._worker import WorkerRecord
from duologue.actors._workers._worker_body import Body
from duologue.actors._workers._worker_calls import BodyCalls


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What a worker actor is to do, and with what.

    Attributes:
        body: What runs.
        record: Where the actor writes what it knows.
        clock: Tells the time.
        calls: Runs the author's code.
        timeout: Seconds the worker may take; None for any number.
        grace: Seconds to obey a request to stop.
        ping_timeout: Seconds for the body to answer.
        ttl: Seconds for which its end is known.
        left: Called, in any thread, when the body runs no more.
        finished: Called on the loop when the worker has reached its end state.
        durable: Keeps it outside of the process; None if nobody does.
    """

    body: Body
    record: WorkerRecord
    clock: Clock
    calls: BodyCalls
    timeout: float | None
    grace: float
    ping_timeout: float
    ttl: float
    left: Callable[[], object]
    finished: Callable[[], object]
    durable: DurableWork | None = None

    @property
    def name(self) -> str:
        """What to call the worker in the log and in lists of threads."""
        return f"worker {self.record.snapshot.id} ({self.body.kind})"
