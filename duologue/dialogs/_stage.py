"""What turns work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from duologue.actors import Engine, Observer
from duologue.dialogs._callbacks import Callbacks
from duologue.dialogs._dispatcher import Dispatcher
from duologue.dialogs._ports import Bot
from duologue.dialogs._post import Post
from duologue.dialogs._presenter import Presenter
from duologue.dialogs._tasks import Tasks

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
        jobs: Owns the tasks that authors start.
        bots: The bots by `messenger.id`.
        observer: Counts.
        on_error: Told of errors that nobody awaits, and where they happened.
        turn_timeout: Seconds that a turn may take.
        stale_notice: What a user sees who presses a button that is gone.
    """

    engine: Engine
    dispatcher: Dispatcher
    post: Post
    presenter: Presenter
    callbacks: Callbacks
    jobs: Tasks
    bots: Mapping[str, Bot]
    observer: Observer
    on_error: OnError
    turn_timeout: float = 30.0
    stale_notice: str = "This button no longer works."
