"""What the gauges of a runtime read."""

from __future__ import annotations

from duologue.actors import ActorSystem, Engine, Workers
from duologue.dialogs import Conversations
from duologue.transport.http import Operations


def show_load(
    operations: Operations,
    engine: Engine,
    *,
    system: ActorSystem,
    conversations: Conversations,
    workers: Workers,
) -> None:
    """Have the gauges read what waits at each scrape."""
    watch, load = operations.watch, conversations.load
    watch("messages_waiting", engine.waiting)
    watch("dead_letter_entries", lambda: len(engine.dead_letters()))
    watch("messages_unfinished", lambda: load()["messages_unfinished"])
    watch("screens_busy", lambda: load()["screens_busy"])
    watch("callbacks_open", lambda: load()["callbacks_open"])
    operations.watch_each("actors", system.directory.by_class)
    operations.sample_each("worker_states", workers.by_state)
