"""Actors on an event loop, found by ref or by key."""

from __future__ import annotations

# _actor, _ref: what is told something, and how
# _mailbox: where it waits; _hosts: who gives turns; _futures: what comes back
# _lifecycle: children, failures, timers; _system: the lifetime of all
# _directory: actors by key; _workers: long operations; _engine: mail that lasts
# _pykka: what Pykka has; _time: clocks and the observer; testing: time that jumps
from duologue.actors._actor import AsyncActor
from duologue.actors._directory._directory import Directory
from duologue.actors._directory._keyed_ref import KeyedRef
from duologue.actors._engine._engine import (
    Engine,
    FailedMail,
    Letter,
    Mail,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.actors._engine._memory import MemoryEngine
from duologue.actors._futures._ask import Ask
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._hosts._unfinished import Unfinished
from duologue.actors._lifecycle._relations import Terminated
from duologue.actors._lifecycle._supervision import (
    Backoff,
    Escalate,
    Restart,
    Resume,
    Stop,
    Strategy,
)
from duologue.actors._lifecycle._timers import Timer
from duologue.actors._mailbox._bounded import Bounded, Coalesce, coalesce
from duologue.actors._mailbox._dead_letters import DeadLetter, DeadLetterReason
from duologue.actors._pykka._stop_reason import (
    Failed,
    Killed,
    ParentStopped,
    Passivated,
    Stopped,
    StopReason,
    SystemClosed,
)
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system._system import ActorSystem
from duologue.actors._time._clock import Clock, LoopClock, TimerHandle
from duologue.actors._time._observe import Counts, Observer, Observers
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._operation_report import AsyncOperationResult
from duologue.actors._workers._progress._part import PartSnapshot
from duologue.actors._workers._start_policy import StartPolicy
from duologue.actors._workers._worker import Worker
from duologue.actors._workers._worker_body import IBackgroundWorker
from duologue.actors._workers._worker_snapshot import (
    WorkerFailure,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors._workers._workers import Workers

__all__ = [
    "ActorSystem",
    "Ask",
    "AsyncActor",
    "AsyncActorRef",
    "AsyncFuture",
    "AsyncOperationResult",
    "Backoff",
    "Bounded",
    "Clock",
    "Coalesce",
    "Counts",
    "DeadLetter",
    "DeadLetterReason",
    "Directory",
    "Engine",
    "Escalate",
    "Failed",
    "FailedMail",
    "IBackgroundWorker",
    "KeyedRef",
    "Killed",
    "Letter",
    "LoopClock",
    "Mail",
    "MemoryEngine",
    "Observer",
    "Observers",
    "Opened",
    "Operation",
    "Owed",
    "ParentStopped",
    "PartSnapshot",
    "Passivated",
    "Restart",
    "Resume",
    "StartPolicy",
    "Stop",
    "StopReason",
    "Stopped",
    "Strategy",
    "SystemClosed",
    "Terminated",
    "TimedLetter",
    "Timer",
    "TimerHandle",
    "Unfinished",
    "Worker",
    "WorkerFailure",
    "WorkerSnapshot",
    "WorkerState",
    "Workers",
    "coalesce",
]
