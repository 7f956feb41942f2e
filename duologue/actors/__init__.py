"""Actors on an event loop, found by ref or by key."""

from __future__ import annotations

from duologue.actors._actor import AsyncActor
from duologue.actors._clock import Clock, LoopClock, TimerHandle
from duologue.actors._directory import Directory
from duologue.actors._engine import DeadLetter, Engine, Letter, Mail, Opened
from duologue.actors._future import AsyncFuture
from duologue.actors._keyed_ref import KeyedRef
from duologue.actors._memory import MemoryEngine
from duologue.actors._observe import Counts, Observer
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system import ActorSystem

__all__ = [
    "ActorSystem",
    "AsyncActor",
    "AsyncActorRef",
    "AsyncFuture",
    "Clock",
    "Counts",
    "DeadLetter",
    "Directory",
    "Engine",
    "KeyedRef",
    "Letter",
    "LoopClock",
    "Mail",
    "MemoryEngine",
    "Observer",
    "Opened",
    "TimerHandle",
]
