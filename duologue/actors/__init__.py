"""Actors on an event loop, found by ref or by key."""

from __future__ import annotations

from duologue.actors._actor import AsyncActor
from duologue.actors._ask import Ask
from duologue.actors._bounded import Bounded, Coalesce, coalesce
from duologue.actors._clock import Clock, LoopClock, TimerHandle
from duologue.actors._dead_letters import DeadLetter, DeadLetterReason
from duologue.actors._directory import Directory
from duologue.actors._engine import Engine, FailedMail, Letter, Mail, Opened
from duologue.actors._future import AsyncFuture
from duologue.actors._keyed_ref import KeyedRef
from duologue.actors._life import Terminated
from duologue.actors._memory import MemoryEngine
from duologue.actors._observe import Counts, Observer, Observers
from duologue.actors._operation import Operation
from duologue.actors._operation_report import AsyncOperationResult
from duologue.actors._ref import AsyncActorRef
from duologue.actors._stop_reason import (
    Failed,
    Killed,
    ParentStopped,
    Passivated,
    Stopped,
    StopReason,
    SystemClosed,
)
from duologue.actors._supervision import (
    Backoff,
    Escalate,
    Restart,
    Resume,
    Stop,
    Strategy,
)
from duologue.actors._system import ActorSystem
from duologue.actors._timers import Timer
from duologue.actors._unfinished import Unfinished
from duologue.actors._worker import Worker
from duologue.actors._worker_body import IBackgroundWorker
from duologue.actors._worker_snapshot import WorkerFailure, WorkerSnapshot, WorkerState
from duologue.actors._workers import StartPolicy, Workers

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
    "ParentStopped",
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
