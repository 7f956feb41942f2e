"""What a poller does next: a function from where it stands and what happened.

Nothing here waits, sends or writes. An action is carried out by `PollerRun`, and
its outcome comes back as an event.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import assert_never

from duologue.dialogs import Batch
from duologue.errors import (
    EngineUnavailableError,
    FencedError,
    RateLimitedError,
    UnauthorizedError,
)
from duologue.transport.polling._markers import Position
from duologue.transport.polling._steps import (
    ActionFailed,
    Commit,
    DeadlinePassed,
    End,
    Fetched,
    HandedOver,
    HandOver,
    Load,
    Loaded,
    MarkerCommitted,
    Pause,
    Poll,
    PollerAction,
    PollerEvent,
    PollerProgress,
    PollerSettings,
    Save,
    Saved,
    StopAsked,
    Woke,
)

# Seconds between tries while the messenger fails: random, so that bots which
# lost it together do not come back together; the ceiling doubles to the last.
_SHORTEST = 1.0
_LONGEST = 60.0
_DOUBLINGS = 6


class Rules:
    """Decides; the settings and the dice are all that it knows."""

    def __init__(self, settings: PollerSettings, dice: random.Random) -> None:
        self._settings = settings
        self._dice = dice

    def first(self) -> PollerProgress:
        """Where a poller stands before anything has happened."""
        return PollerProgress(dropping=self._settings.drop_pending_updates)

    def after(self, progress: PollerProgress, event: PollerEvent) -> PollerProgress:  # noqa: C901, PLR0911 - one for each event
        """Tell where the poller stands after an event; `doing` is the new action."""
        match event:
            case Loaded(position):
                return self._loaded(progress, position)
            case Fetched(batch):
                return self._fetched(replace(progress, failures=0), batch)
            case Saved():
                return self._saved(_stored(progress))
            case HandedOver():
                return self._handed_over(progress, event)
            case Woke():
                return replace(progress, doing=progress.again)
            case MarkerCommitted():
                return replace(progress, doing=End())
            case ActionFailed(FencedError()) if not progress.stopping:
                # Another process polls by now: what it has saved counts.
                return replace(self.first(), dropping=False)
            case ActionFailed(error):
                return self._failed(progress, error)
            case StopAsked():
                return self._stop_asked(replace(progress, stopping=True))
            case DeadlinePassed(rest):
                return replace(progress, batch=rest, doing=End())
            case _:
                assert_never(event)

    def _loaded(self, progress: PollerProgress, position: Position) -> PollerProgress:
        progress = replace(progress, marker=position.marker, saved=position)
        if not position.kept:
            return self._go_on(progress)
        if progress.dropping:
            return self._go_on(replace(progress, marker=position.after))
        kept = position.kept
        return replace(
            progress,
            batch=kept,
            after=position.after,
            doing=HandOver(kept, position.after),
        )

    def _fetched(self, progress: PollerProgress, batch: Batch) -> PollerProgress:
        updates = tuple(batch.updates)
        # Without a marker in the answer the old one stays (it may be null).
        after = progress.marker if batch.marker is None else batch.marker
        if progress.dropping:
            return self._dropped(progress, len(updates), after)
        if not updates:
            return self._moved(progress, after)
        progress = replace(progress, batch=updates, after=after)
        if progress.marker is None:
            # Nobody may deliver these again: they go to the disk first.
            return replace(progress, doing=Save(Position(None, updates, after)))
        return replace(progress, doing=HandOver(updates, after))

    def _dropped(
        self, progress: PollerProgress, count: int, after: int | None
    ) -> PollerProgress:
        # The queue has run out when a batch is smaller than one before it; to
        # wait for an empty one would drop for ever in a busy chat.
        if count < progress.largest or count == 0 or after == progress.marker:
            return self._moved(replace(progress, dropping=False), after)
        progress = replace(progress, marker=after, largest=count)
        return self._go_on(progress)

    def _moved(self, progress: PollerProgress, marker: int | None) -> PollerProgress:
        progress = replace(progress, marker=marker, batch=())
        if Position(marker) == progress.saved:
            return self._go_on(progress)
        return replace(progress, doing=Save(Position(marker)))

    def _saved(self, progress: PollerProgress) -> PollerProgress:
        if progress.batch and progress.stopping:
            return replace(progress, doing=End())  # they wait on the disk
        if progress.batch:
            return replace(progress, doing=HandOver(progress.batch, progress.after))
        return self._go_on(progress)

    def _handed_over(
        self, progress: PollerProgress, event: HandedOver
    ) -> PollerProgress:
        if not event.rest:
            return self._moved(progress, progress.after)
        progress = replace(progress, batch=event.rest)
        if progress.stopping:
            return replace(progress, doing=End())
        return self._try_again(progress, HandOver(event.rest, progress.after))

    def _failed(self, progress: PollerProgress, error: Exception) -> PollerProgress:  # noqa: PLR0911 - one for each action
        if isinstance(error, EngineUnavailableError):
            return self._try_again(progress, progress.doing)
        match progress.doing:
            case Load():
                return replace(progress, doing=End(error))
            case Save(position) if not position.kept:
                # The messenger learns the marker all the same; an old file
                # costs repeated deliveries, a stopped bot costs more.
                return self._saved(progress)
            case Commit() | End():
                return replace(progress, doing=End())
            case Poll() if isinstance(error, UnauthorizedError):
                return replace(progress, doing=End(error))
            case Poll() if isinstance(error, RateLimitedError):
                seconds = max(error.retry_after, _SHORTEST)
                return replace(progress, doing=Pause(seconds), again=progress.doing)
            case action:
                return self._try_again(progress, action)

    def _try_again(
        self, progress: PollerProgress, action: PollerAction
    ) -> PollerProgress:
        failures = progress.failures + 1
        seconds = backoff(failures, self._dice)
        return replace(progress, failures=failures, doing=Pause(seconds), again=action)

    def _stop_asked(self, progress: PollerProgress) -> PollerProgress:
        match progress.doing:
            case Poll() | Load():
                return self._go_on(progress)
            case Pause() if isinstance(progress.again, Poll):
                return self._go_on(progress)
            case Pause():
                return replace(progress, doing=End())
            case _:
                return progress  # what is in hand ends first

    def _go_on(self, progress: PollerProgress) -> PollerProgress:
        marker = progress.marker
        if not progress.stopping:
            timeout = 0.0 if progress.dropping else self._settings.timeout
            return replace(progress, doing=Poll(marker, timeout))
        return replace(progress, doing=End() if marker is None else Commit(marker))


def left_behind(progress: PollerProgress) -> Position | None:
    """Tell what the store shall hold after the end; None if it does so already.

    The messenger has not been told of the batch: without the store it comes whole.
    """
    position = Position(progress.marker, progress.batch, progress.after)
    return position if progress.batch and position != progress.saved else None


def _stored(progress: PollerProgress) -> PollerProgress:
    if not isinstance(progress.doing, Save):
        return progress
    return replace(progress, failures=0, saved=progress.doing.position)


def backoff(failures: int, dice: random.Random) -> float:
    """Tell how many seconds to wait after so many failures in a row.

    Args:
        failures: At least one.
        dice: Where the jitter comes from.
    """
    ceiling = min(_LONGEST, _SHORTEST * 2 ** min(failures, _DOUBLINGS))
    return dice.uniform(_SHORTEST, ceiling)
