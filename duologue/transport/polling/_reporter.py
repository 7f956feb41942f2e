"""What a poller tells operators: numbers for each event, words for each outage."""

from __future__ import annotations

import logging

from duologue.actors import Clock, Observer
from duologue.dialogs import Bot, bot_key
from duologue.errors import UnauthorizedError
from duologue.transport.polling._outage import Outage
from duologue.transport.polling._steps import (
    ActionFailed,
    Fetched,
    HandedOver,
    HandOver,
    Load,
    Loaded,
    Pause,
    Poll,
    PollerAction,
    PollerEvent,
    Save,
    Saved,
    Woke,
)

_logger = logging.getLogger("duologue.transport")


class Reporter:
    """Reports on the polling for one bot."""

    def __init__(self, source: Bot, *, observer: Observer, clock: Clock) -> None:
        self.last_success: float | None = None
        self.polls_since: float | None = None
        self._bot_id = source.id
        self._bot = bot_key(source)
        self._observer = observer
        self._clock = clock
        self._polls = self._outage("polling", "poll_errors")
        self._intake = self._outage("handing over updates", "intake_errors")
        self._store = self._outage("saving the marker", "marker_errors")
        observer.count("slow_batches", 0, bot=self._bot)

    def note(self, action: PollerAction, event: PollerEvent) -> None:
        """Report what came of an action."""
        match action, event:
            case Load(), Loaded():
                self.polls_since = self._clock.time()
            case Poll(), Fetched():
                self.last_success = self._clock.time()
                self._observer.count("polls", bot=self._bot)
                self._polls.over()
            case Poll(), ActionFailed(error) if not isinstance(
                error, UnauthorizedError
            ):
                self._polls.failed(error)
            case HandOver(), HandedOver(error=Exception() as error) | ActionFailed(
                error
            ):
                self._intake.failed(error)
            case HandOver(), HandedOver():
                self._intake.over()
            case Save(), Saved():
                self._store.over()
            case Save(), ActionFailed(error):
                self._store.failed(error)
            case Pause(seconds), Woke():
                self._observer.record("poller_pause_seconds", seconds, bot=self._bot)
            case _:
                pass

    def late(self, unfinished: int, seconds: float) -> None:
        """Report that a batch takes long."""
        self._observer.count("slow_batches", bot=self._bot)
        _logger.warning(
            "a batch of %d updates for bot %s is unfinished after %g s, and no more "
            "are fetched until it is done; look for a slow handler",
            unfinished,
            self._bot_id,
            seconds,
        )

    def ended(self, error: Exception) -> None:
        """Report that polling cannot go on."""
        self._observer.count("poller_failures", bot=self._bot)
        _logger.error("polling for bot %s has ended: %s", self._bot_id, error)

    def _outage(self, activity: str, name: str) -> Outage:
        return Outage(
            f"{activity} for bot {self._bot_id}",
            name,
            bot=self._bot,
            observer=self._observer,
            clock=self._clock,
        )
