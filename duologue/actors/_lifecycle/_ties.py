"""What ties an actor to others and to time, each made when somebody looks.

Of thousands of actors with relations most have one kind of them.
"""

from __future__ import annotations

from typing import TypeAlias

from pykka import Actor

from duologue.actors._lifecycle._timers import Timer
from duologue.actors._ref import AsyncActorRef

AnyAsyncRef: TypeAlias = AsyncActorRef[Actor]


class Ties:
    """The children, watchers, timers and failures of one actor."""

    __slots__ = ("_children", "_failures", "_timers", "_watched", "_watchers")

    def __init__(self) -> None:
        self._failures: list[float] | None = None
        self._children: dict[AnyAsyncRef, None] | None = None
        self._timers: dict[Timer, None] | None = None
        self._watchers: dict[AnyAsyncRef, None] | None = None
        self._watched: dict[AnyAsyncRef, None] | None = None

    @property
    def failures(self) -> list[float]:
        """When it failed, as far as that still counts."""
        if self._failures is None:
            self._failures = []
        return self._failures

    @property
    def children(self) -> dict[AnyAsyncRef, None]:
        """Those it has started, in the order of their start."""
        if self._children is None:
            self._children = {}
        return self._children

    @property
    def timers(self) -> dict[Timer, None]:
        """Those that run, in the order of their start."""
        if self._timers is None:
            self._timers = {}
        return self._timers

    @property
    def watchers(self) -> dict[AnyAsyncRef, None]:
        """Those who watch it; the lock of the relations is held."""
        if self._watchers is None:
            self._watchers = {}
        return self._watchers

    @property
    def watched(self) -> dict[AnyAsyncRef, None]:
        """Those whom it watches."""
        if self._watched is None:
            self._watched = {}
        return self._watched

    def take_watchers(self) -> list[AnyAsyncRef]:
        """Those who watched it until now; the lock of the relations is held."""
        watchers, self._watchers = self._watchers, None
        return list(watchers or ())
