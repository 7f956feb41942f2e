"""Failed turns: reported, offered to error handlers, never handled again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from duologue.actors import Opened
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._receipts import Waiter
from duologue.dialogs._state._commands import Drawn, decode
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._turns._execution import Execution
from duologue.dialogs._turns._playing import Playing
from duologue.dialogs._turns._stage import Stage
from duologue.errors import (
    ClickRefusedError,
    FencedError,
    ForgedClickError,
    TurnAbortedError,
    TurnCancelledError,
    TurnTimeoutError,
)

_FAILURES = frozenset({"failed", "timeout"})
_REASONS = ("failed", "timeout", "cancelled", "refused", "abandoned")
_logger = logging.getLogger("duologue.dialogs")


class FailedTurns:
    """Sees to the turns that fail.

    Args:
        stage: What turns work with.
        execution: Tells what a message was about.
        playing: Plays the turns of error handlers.
    """

    def __init__(self, stage: Stage, execution: Execution, playing: Playing) -> None:
        self._stage = stage
        self._execution = execution
        self._playing = playing
        for reason in _REASONS:
            stage.observer.count("dead_letters", 0, reason=reason)

    async def report(
        self,
        opened: Opened,
        turn: Turn | None,
        waiter: Waiter | None,
        error: Exception,
    ) -> None:
        """Report a failed turn; its message is not handled again."""
        outcome = _outcome(error)
        self._playing.count(turn, outcome)
        if outcome in _FAILURES:
            kind = type(error).__name__
            self._stage.observer.count("handler_errors", error=kind)
        event = self._event(opened, waiter)
        is_handled = event is not None and await self._try_handlers(
            opened, event, error
        )
        if not is_handled:
            await self._give_up(opened, error, outcome)
        self._close(opened, waiter, event, error, is_handled=is_handled)

    async def abandon(
        self, opened: Opened, waiter: Waiter | None, error: Exception
    ) -> None:
        """Give back the lease after an error in the handling of errors."""
        with suppress(FencedError):
            await self._give_up(opened, error, "abandoned")
        self._stage.post.waiters.remove(opened.mail.id)
        if waiter is not None:
            waiter.fail(error)
        self._stage.on_error(error, opened.key)

    async def _give_up(self, opened: Opened, error: Exception, reason: str) -> None:
        await self._stage.engine.fail(opened, error=repr(error), retry=False)
        self._stage.observer.count("dead_letters", reason=reason)

    def _close(
        self,
        opened: Opened,
        waiter: Waiter | None,
        event: Update | None,
        error: Exception,
        *,
        is_handled: bool,
    ) -> None:
        is_refused = isinstance(error, ClickRefusedError)
        if isinstance(event, Callback):
            notice = self._stage.stale_notice if is_refused and not is_handled else None
            self._stage.callbacks.finish(event.callback_id, notice)
        self._stage.post.waiters.remove(opened.mail.id)
        is_awaited = waiter is not None and waiter.promise.is_awaited
        if waiter is not None:
            is_awaited = waiter.fail(error) or is_awaited
        if is_refused:
            level = (
                logging.WARNING if isinstance(error, ForgedClickError) else logging.INFO
            )
            _logger.log(level, "%s", error)
        elif not is_handled and not is_awaited:
            promise = None if waiter is None else waiter.promise
            self._stage.unheard.take(error, opened.key, promise)

    def _event(self, opened: Opened, waiter: Waiter | None) -> Update | None:
        try:
            command = decode(opened.mail.body)
            if isinstance(command, Drawn):
                self._stage.presenter.confirmed(opened.key, command.stack_id)
            return self._execution.event(self._playing.turn(opened), command, waiter)
        except Exception as error:  # noqa: BLE001  # it may be why the turn failed
            _logger.debug("no event for %s: %r", opened.key, error)
            return None

    async def _try_handlers(
        self, opened: Opened, event: Update, error: Exception
    ) -> bool:
        """Let error handlers react, in a turn of their own that begins anew."""
        if not self._stage.dispatcher.has_error_handlers():
            return False
        turn = self._playing.turn(opened)
        if isinstance(event, Callback):
            turn.callback = event
        work = self._execution.execute_error(turn, event, error)
        try:
            is_handled = await self._playing.play(turn, self._stage.turn_timeout, work)
            if is_handled:
                await self._playing.commit(opened, turn, keep=False)
                self._playing.release(turn)
        except asyncio.CancelledError as cancelled:
            self._playing.withdraw(turn, cancelled)
            if self._playing.is_cut_off():
                await self._stage.engine.fail(opened, error="cancelled", retry=True)
                raise
            self._stage.on_error(TurnCancelledError(opened.key), opened.key)
            return False
        except Exception as second:  # noqa: BLE001  # whatever an error handler raises
            self._playing.withdraw(turn, second)
            self._stage.on_error(second, opened.key)
            return False
        except (SystemExit, BaseExceptionGroup) as abort:
            self._playing.withdraw(turn, abort)
            aborted = TurnAbortedError(opened.key, repr(abort))
            self._stage.on_error(aborted, opened.key)
            return False
        return is_handled


def _outcome(error: Exception) -> str:
    if isinstance(error, TurnTimeoutError):
        return "timeout"
    if isinstance(error, TurnCancelledError):
        return "cancelled"
    return "refused" if isinstance(error, ClickRefusedError) else "failed"
