"""Failed turns: counted, given up, reported; never handled again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from duologue.actors import Engine, Observer, Opened, Owed
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._delivery._unheard import Unheard
from duologue.dialogs._handling._notices import Announcer, Notices
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._state._commands import ViewRefused
from duologue.dialogs._state._events import DialogUpdate
from duologue.dialogs._state._turn import Debt, Turn
from duologue.errors import (
    ClickRefusedError,
    FencedError,
    ForbiddenError,
    ForgedClickError,
    MessageRefusedError,
    TurnCancelledError,
    TurnTimeoutError,
    ViewError,
    ViewRefusedError,
)

OnError: TypeAlias = Callable[[BaseException, str], None]
_FAILURES = frozenset({"failed", "timeout"})
_REASONS = ("failed", "timeout", "cancelled", "refused", "abandoned")
_logger = logging.getLogger("duologue.dialogs")


class FailedTurns:
    """Sees to the turns that fail.

    Args:
        engine: Keeps the dead letters.
        post: Knows who waits for a message.
        callbacks: Answers presses.
        unheard: Told of errors that somebody may still await.
        observer: Counts.
        on_error: Told of errors that nobody awaits, and where they happened.
        announcer: Tells users.
    """

    def __init__(
        self,
        engine: Engine,
        post: Post,
        callbacks: Callbacks,
        unheard: Unheard,
        *,
        observer: Observer,
        on_error: OnError,
        announcer: Announcer,
    ) -> None:
        self._engine = engine
        self._post = post
        self._callbacks = callbacks
        self._unheard = unheard
        self._observer = observer
        self._on_error = on_error
        self._announcer = announcer
        for reason in _REASONS:
            observer.count("dead_letters", 0, reason=reason)

    def outcome(self, error: Exception) -> str:
        """Count an error of a turn, and say what became of the turn."""
        outcome = _outcome(error)
        if outcome in _FAILURES:
            self._observer.count("handler_errors", error=type(error).__name__)
        return outcome

    async def give_up(
        self,
        opened: Opened,
        error: Exception,
        reason: str,
        *,
        snapshot: bytes | None = None,
        owed: Sequence[Owed] = (),
    ) -> None:
        """Make a dead letter of the message of a turn, and owe what it is answered."""
        await self._engine.fail(
            opened, error=repr(error), retry=False, snapshot=snapshot, owed=owed
        )
        self._observer.count("dead_letters", reason=reason)

    async def abandon(
        self, opened: Opened, pending: Pending | None, error: Exception
    ) -> None:
        """Give back the lease after an error in the handling of errors."""
        with suppress(FencedError):
            await self.give_up(opened, error, "abandoned")
        self._post.pending.remove(opened.mail.id)
        if pending is not None:
            pending.fail(error)
        self._on_error(error, opened.key)

    def notice(
        self, event: Update | None, error: Exception, turn: Turn | None
    ) -> str | None:
        """What the user of a failed turn is told; None if nothing."""
        if event is None or not _is_of_user(event):
            return None
        refusal = None if turn is None else turn.refusal
        return _notice(error, refusal, self._announcer.texts(event))

    def report(
        self,
        opened: Opened,
        pending: Pending | None,
        event: Update | None,
        error: Exception,
        *,
        turn: Turn | None,
        is_handled: bool,
        notice: str | None,
        debt: Debt | None,
    ) -> None:
        """Tell of a failed turn: its user, who waits for it, the log or the hook.

        Args:
            opened: The turn.
            pending: Who waits for it.
            event: What it was about.
            error: Why it failed.
            turn: What was made of it; None if it could not be begun.
            is_handled: Whether an error handler took the error.
            notice: What its user is told.
            debt: What the answer to its press pays.
        """
        is_refused = isinstance(error, ClickRefusedError)
        refusal = None if turn is None else turn.refusal
        if event is not None:
            self._tell_user(event, notice, debt)
            if refusal == "stale" and isinstance(event, Callback) and event.message_id:
                self._announcer.strip(event.bot, event.chat_id, event.message_id)
        self._post.pending.remove(opened.mail.id)
        is_awaited = pending is not None and pending.is_awaited
        if pending is not None:
            is_awaited = pending.fail(error) or is_awaited
        if is_refused:
            level = (
                logging.WARNING if isinstance(error, ForgedClickError) else logging.INFO
            )
            _logger.log(level, "%s", error)
        elif isinstance(error, ViewRefusedError | MessageRefusedError):
            self._report_refused(opened, pending, error, is_handled=is_handled)
        elif not is_handled and not is_awaited:
            self._unheard.take(error, opened.key, pending)

    def _tell_user(self, event: Update, notice: str | None, debt: Debt | None) -> None:
        """Answer a press, or say to whoever did something else what is wrong."""
        if isinstance(event, Callback):
            self._callbacks.finish(event.callback_id, notice, debt)
        else:
            self._announcer.say(event.bot, event.chat_id, notice)

    def _report_refused(
        self,
        opened: Opened,
        pending: Pending | None,
        error: ViewRefusedError | MessageRefusedError,
        *,
        is_handled: bool,
    ) -> None:
        """Tell of what was refused, unless the user has just left."""
        view = None if pending is None else pending.view
        if is_handled or (view is not None and view.is_heard):
            _logger.debug("%s", error)
        else:
            is_left = isinstance(error.__cause__, ForbiddenError)
            tell = _log if is_left else None
            self._unheard.take(error, opened.key, view, tell)


def _log(error: BaseException, _where: str) -> None:
    _logger.warning("%s", error)


def _is_of_user(event: Update) -> bool:
    """Whether a user waits for what comes of it."""
    if not isinstance(event, DialogUpdate):
        return True
    command = event.command
    return isinstance(command, ViewRefused) and command.cause == "update"


def _notice(error: Exception, refusal: str | None, texts: Notices) -> str | None:
    """What a user is told of a failed turn; None if nothing."""
    if isinstance(error, ClickRefusedError):
        if refusal == "again":
            return None
        return texts.foreign if refusal == "foreign" else texts.outdated
    is_left = isinstance(error.__cause__, ForbiddenError)
    is_unshown = isinstance(error, ViewError | ViewRefusedError) and not is_left
    return texts.unshown if is_unshown else None


def _outcome(error: Exception) -> str:
    if isinstance(error, TurnTimeoutError):
        return "timeout"
    if isinstance(error, TurnCancelledError):
        return "cancelled"
    kinds = ClickRefusedError | ViewRefusedError | MessageRefusedError
    is_refused = isinstance(error, kinds)
    return "refused" if is_refused else "failed"
