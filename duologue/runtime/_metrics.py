"""What operators see of a runtime, if somebody wants to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial

from duologue import __version__
from duologue.actors import (
    ActorSystem,
    Clock,
    Counts,
    Engine,
    LoopClock,
    Observer,
    Observers,
    Workers,
)
from duologue.dialogs import Conversations
from duologue.runtime._settings import check_metrics
from duologue.transport._watched import WatchedEngine
from duologue.transport.http import MetricsRegistry, Operations


class Metrics:
    """The numbers and the health of a runtime; off until they are turned on.

    Args:
        registry: Where the numbers appear; one of its own when left out.
        host: What the door binds.
        port: Which port; None opens no door.

    Attributes:
        shown: What operators see; None while it is off.

    Raises:
        RuntimeSettingError: The port is something else, or there is a host without one.
    """

    def __init__(
        self, registry: MetricsRegistry | None, *, host: str, port: int | None
    ) -> None:
        check_metrics(port, host)
        self.shown: Operations | None = None
        self._make: Callable[[], Operations] = partial(
            Operations, registry, host=host, port=port
        )

    @property
    def url(self) -> str | None:
        """Where the numbers are; None without a door."""
        place = None if self.shown is None else self.shown.address
        return None if place is None else f"{place.url}/metrics"

    def turn_on(self, observer: Observer | None) -> Observer:
        """Show what happens from now on.

        Returns:
            Who is to be told of it: the given observer is too.

        Raises:
            RuntimeSettingError: The registry is something else.
        """
        self.shown = self._make()
        mine = self.shown.observer
        return mine if observer is None else Observers(observer, mine)

    def open(self, clock: Clock, engine: str) -> AbstractAsyncContextManager[None]:
        """Show what is on for as long as the block runs; see `Operations.open`."""
        if self.shown is None:
            return nullcontext()
        if isinstance(clock, LoopClock):
            # Its thread may be another one than that which scrapes.
            clock = LoopClock(asyncio.get_running_loop())
        return self.shown.open(clock, version=__version__, engine=engine)

    def tell_of(self, engine: Engine, observer: Observer) -> None:
        """Have an engine tell of its own work, if somebody watches."""
        is_watched = self.shown is not None or not isinstance(observer, Counts)
        if is_watched and isinstance(engine, WatchedEngine):
            engine.observe(observer)

    def show_load(
        self,
        engine: Engine,
        *,
        system: ActorSystem,
        conversations: Conversations,
        workers: Workers,
    ) -> None:
        """Have the gauges read what waits at each scrape."""
        if self.shown is None:
            return
        watch, load = self.shown.watch, conversations.load
        watch("messages_waiting", engine.waiting)
        watch("timers_waiting", engine.timed)
        watch("dead_letter_entries", lambda: len(engine.dead_letters()))
        watch("messages_unfinished", lambda: load()["messages_unfinished"])
        watch("screens_busy", lambda: load()["screens_busy"])
        watch("callbacks_open", lambda: load()["callbacks_open"])
        if isinstance(engine, WatchedEngine):
            for name, read in engine.gauges().items():
                watch(name, read)
        self.shown.watch_each("actors", system.directory.by_class)
        self.shown.sample_each("worker_states", workers.by_state)
        self.shown.watch_engine(lambda: conversations.problem, engine.parked)
