"""Actors on an event loop, found by ref or by key."""

from __future__ import annotations

from duologue.actors._actor import AsyncActor
from duologue.actors._clock import Clock, LoopClock, TimerHandle
from duologue.actors._directory import Directory
from duologue.actors._engine import DeadLetter, Engine, Letter, Mail, Opened
from duologue.actors._future import AsyncFuture
from duologue.actors._keyed_ref import KeyedRef
from duologue.actors._memory import MemoryEngine
from duologue.actors._observe import Counts, Observer, Observers
from duologue.actors._operation import Operation
from duologue.actors._operation_report import AsyncOperationResult
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system import ActorSystem
from duologue.actors._worker import Worker
from duologue.actors._worker_body import IBackgroundWorker
from duologue.actors._worker_snapshot import WorkerFailure, WorkerSnapshot, WorkerState
from duologue.actors._workers import StartPolicy, Workers

__all__ = [
    "ActorSystem",
    "AsyncActor",
    "AsyncActorRef",
    "AsyncFuture",
    "AsyncOperationResult",
    "Clock",
    "Counts",
    "DeadLetter",
    "Directory",
    "Engine",
    "IBackgroundWorker",
    "KeyedRef",
    "Letter",
    "LoopClock",
    "Mail",
    "MemoryEngine",
    "Observer",
    "Observers",
    "Opened",
    "Operation",
    "StartPolicy",
    "TimerHandle",
    "Worker",
    "WorkerFailure",
    "WorkerSnapshot",
    "WorkerState",
    "Workers",
]
