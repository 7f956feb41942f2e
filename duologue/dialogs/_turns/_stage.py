"""What turns work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from duologue.actors import Clock, Engine, Observer
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._delivery._unheard import Unheard
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._progress._workers import DialogWorkers
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._presenter import Presenter

OnError: TypeAlias = Callable[[BaseException, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What turns work with; one for a runtime.

    Attributes:
        engine: Mailboxes and snapshots.
        dispatcher: The routers and dialogs.
        post: Takes commands, and knows who waits for them.
        presenter: Draws.
        callbacks: Answers presses.
        effects: Owns the short work that commits cause.
        jobs: Owns the tasks that authors start.
        workers: Starts and stops background workers.
        bots: The bots by `messenger.id`.
        observer: Counts and measures.
        clock: Tells how long things take.
        unheard: Told of the errors of turns, which somebody may still await.
        on_error: Told of errors that nobody awaits, and where they happened.
        turn_timeout: Seconds that a turn may take.
        stale_notice: What a user sees who presses a button that is gone.
    """

    engine: Engine
    dispatcher: Dispatcher
    post: Post
    presenter: Presenter
    callbacks: Callbacks
    effects: Tasks
    jobs: Tasks
    workers: DialogWorkers
    bots: Mapping[str, Bot]
    observer: Observer
    clock: Clock
    unheard: Unheard
    on_error: OnError
    turn_timeout: float = 30.0
    stale_notice: str = "This button no longer works."
