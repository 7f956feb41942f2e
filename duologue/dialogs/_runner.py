"""Runs turns: from a message in a mailbox to its commit and its effects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from duologue.actors import AsyncActor, Opened
from duologue.dialogs._address import Address
from duologue.dialogs._commands import Command, Drawn, HandleUpdate, decode
from duologue.dialogs._execution import DiscardedError, Execution
from duologue.dialogs._modes import ShowMode
from duologue.dialogs._ports import Update
from duologue.dialogs._receipts import Waiter
from duologue.dialogs._snapshot import Snapshot
from duologue.dialogs._stage import Stage
from duologue.dialogs._turn import Draw, Turn, enter_turn, leave_turn
from duologue.dialogs._updates import Callback
from duologue.errors import (
    ClickRefusedError,
    FencedError,
    ForgedClickError,
    TurnAbortedError,
    TurnCancelledError,
    TurnTimeoutError,
    UnknownBotError,
)

T = TypeVar("T")
_BATCH = 8
_FAILURES = frozenset({"failed", "timeout"})
_REASONS = ("failed", "timeout", "cancelled", "refused", "abandoned")
_logger = logging.getLogger("duologue.dialogs")


class TurnRunner:
    """Runs the turns of all addresses.

    Args:
        stage: What they work with.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._execution = Execution(stage)
        self._is_stopping = False
        for reason in _REASONS:
            stage.observer.count("dead_letters", 0, reason=reason)

    async def run(self, key: str) -> None:
        """Handle the mail of a leased address: a batch, then others get their turn."""
        opened = await self._stage.engine.open(key)
        handled = 0
        while opened is not None:
            handled += 1
            opened = await self._handle(opened, keep=handled < _BATCH)

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._is_stopping = True

    async def _handle(self, opened: Opened, *, keep: bool) -> Opened | None:
        waiter = self._stage.post.waiters.get(opened.mail.id)
        try:
            if waiter is not None:
                waited = self._stage.clock.time() - waiter.since
                self._stage.observer.record("mailbox_wait_seconds", waited)
            return await self._run_turn(opened, waiter, keep=keep)
        except Exception as error:  # noqa: BLE001  # no error may keep the lease
            await self._abandon(opened, waiter, error)
            return None

    async def _run_turn(
        self, opened: Opened, waiter: Waiter | None, *, keep: bool
    ) -> Opened | None:
        started = self._stage.clock.time()
        turn: Turn | None = None
        try:
            turn = self._turn(opened)
            return await self._attempt(opened, turn, waiter, keep=keep)
        except FencedError as error:
            self._count(turn, "fenced")
            _logger.warning("%s", error)
        except DiscardedError as discarded:
            self._count(turn, "discarded")
            return await self._discard(opened, waiter, discarded.error, keep=keep)
        except asyncio.CancelledError:
            if self._is_cut_off():
                await self._stage.engine.fail(opened, error="cancelled", retry=True)
                raise
            await self._fail(opened, turn, waiter, TurnCancelledError(opened.key))
        except Exception as error:  # noqa: BLE001  # whatever a handler raises
            await self._fail(opened, turn, waiter, error)
        except (SystemExit, BaseExceptionGroup) as error:
            # It ends this turn; what a handler raises never ends the program.
            aborted = TurnAbortedError(opened.key, repr(error))
            await self._fail(opened, turn, waiter, aborted)
        finally:
            seconds = self._stage.clock.time() - started
            dialog = _dialog(turn)
            self._stage.observer.record("turn_duration_seconds", seconds, dialog=dialog)
        return None

    def _count(self, turn: Turn | None, outcome: str) -> None:
        observer = self._stage.observer
        observer.count("turns", dialog=_dialog(turn), outcome=outcome)
        if turn is not None and turn.fate is not None:
            fate = turn.fate if outcome == "committed" else outcome
            observer.count("updates", bot=turn.address.bot, outcome=fate)

    async def _attempt(
        self, opened: Opened, turn: Turn, waiter: Waiter | None, *, keep: bool
    ) -> Opened | None:
        command = _command(opened, waiter)
        work = self._execution.execute(turn, command, waiter)
        try:
            outcome = await self._play(turn, self._limit(waiter), work)
            _check_block(waiter)
            following = await self._commit(opened, turn, keep=keep)
        except BaseException as error:
            self._withdraw(turn, error)
            raise
        try:
            drawn = self._announce(turn, command)
        except Exception as error:  # noqa: BLE001  # what is committed stays so
            drawn = None
            self._stage.on_error(error, opened.key)
        self._stage.post.waiters.remove(opened.mail.id)
        if waiter is not None:
            waiter.promise.resolve(outcome, drawn)
        return following

    def _announce(self, turn: Turn, command: Command) -> asyncio.Future[None] | None:
        """Let out what the commit has made real; tell when it is on the screen."""
        self._count(turn, "committed")
        drawn = self._release(turn)
        key = turn.address.key
        if isinstance(command, Drawn):
            self._stage.presenter.confirmed(key, command.stack_id)
        elif drawn is None and not isinstance(command, HandleUpdate):
            drawn = self._stage.presenter.in_flight(key, command.stack_id)
        return drawn

    async def _abandon(
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

    def _is_cut_off(self) -> bool:
        """Tell whether everything stops, or just this turn has been cancelled."""
        task = asyncio.current_task()
        if task is None or self._is_stopping:
            return True
        while task.cancelling():
            task.uncancel()
        return False

    def _turn(self, opened: Opened) -> Turn:
        address = Address.parse(opened.key)
        bot = self._stage.bots.get(address.bot)
        if bot is None:
            raise UnknownBotError(address.bot, tuple(self._stage.bots))
        snapshot = Snapshot(opened.snapshot, self._stage.dispatcher.state_by_name)
        return Turn(address, bot, snapshot=snapshot)

    def _limit(self, waiter: Waiter | None) -> float:
        if waiter is None or waiter.lending is None:
            return self._stage.turn_timeout
        return self._stage.turn_timeout + waiter.lending.timeout

    async def _play(self, turn: Turn, limit: float, work: Awaitable[T]) -> T:
        """Run the body of a turn, within the time it may take."""
        token = enter_turn(turn)
        deadline = asyncio.timeout(limit)
        try:
            async with deadline:
                result = await work
        except TimeoutError:
            if not deadline.expired():
                raise
            raise TurnTimeoutError(turn.address.key, limit) from None
        finally:
            turn.end()
            leave_turn(token)
        if deadline.expired():  # the handler has swallowed its cancellation
            raise TurnTimeoutError(turn.address.key, limit)
        return result

    async def _commit(self, opened: Opened, turn: Turn, *, keep: bool) -> Opened | None:
        following = await self._stage.engine.commit(
            opened,
            snapshot=turn.snapshot.encode() if turn.is_changed else None,
            outbox=turn.outbox,
            keep=keep,
        )
        if turn.outbox:
            self._stage.post.released(turn.outbox)
        return following

    def _withdraw(self, turn: Turn, error: BaseException) -> None:
        for undo in turn.undo:
            undo()
        if turn.outbox:
            self._stage.post.withdraw(turn.outbox, _cause(error, turn.address.key))

    def _release(self, turn: Turn) -> asyncio.Future[None] | None:
        """Let out what the commit has made real."""
        drawn = None
        answered = None
        for draw in turn.draws:
            if turn.callback is not None and _can_answer(turn, turn.callback, draw):
                answered = draw.callback_id = turn.callback.callback_id
                draw.pressed_id = draw.message_id
                draw.notification = turn.answers.get(answered)
            drawn = self._stage.presenter.show(turn.address, turn.bot, draw)
        for callback_id, text in turn.answers.items():
            if callback_id != answered:
                self._stage.callbacks.finish(callback_id, text)
        if turn.callback is not None and turn.callback.callback_id != answered:
            self._stage.callbacks.finish(turn.callback.callback_id)
        for name, effect in turn.effects:
            self._stage.effects.start(effect(), name)
        for name, job in turn.jobs:
            self._stage.jobs.start(job(), name)
        return drawn

    async def _discard(
        self,
        opened: Opened,
        waiter: Waiter | None,
        error: BaseException,
        *,
        keep: bool,
    ) -> Opened | None:
        following = await self._stage.engine.commit(opened, snapshot=None, keep=keep)
        self._stage.post.waiters.remove(opened.mail.id)
        if waiter is not None:
            waiter.promise.fail(error)
        return following

    async def _fail(
        self,
        opened: Opened,
        turn: Turn | None,
        waiter: Waiter | None,
        error: Exception,
    ) -> None:
        """Report a failed turn; its message is not handled again."""
        outcome = _outcome(error)
        self._count(turn, outcome)
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
            return self._execution.event(self._turn(opened), command, waiter)
        except Exception as error:  # noqa: BLE001  # it may be why the turn failed
            _logger.debug("no event for %s: %r", opened.key, error)
            return None

    async def _try_handlers(
        self, opened: Opened, event: Update, error: Exception
    ) -> bool:
        """Let error handlers react, in a turn of their own that begins anew."""
        if not self._stage.dispatcher.has_error_handlers():
            return False
        turn = self._turn(opened)
        if isinstance(event, Callback):
            turn.callback = event
        work = self._execution.execute_error(turn, event, error)
        try:
            is_handled = await self._play(turn, self._stage.turn_timeout, work)
            if is_handled:
                await self._commit(opened, turn, keep=False)
                self._release(turn)
        except asyncio.CancelledError as cancelled:
            self._withdraw(turn, cancelled)
            if self._is_cut_off():
                await self._stage.engine.fail(opened, error="cancelled", retry=True)
                raise
            self._stage.on_error(TurnCancelledError(opened.key), opened.key)
            return False
        except Exception as second:  # noqa: BLE001  # whatever an error handler raises
            self._withdraw(turn, second)
            self._stage.on_error(second, opened.key)
            return False
        except (SystemExit, BaseExceptionGroup) as abort:
            self._withdraw(turn, abort)
            aborted = TurnAbortedError(opened.key, repr(abort))
            self._stage.on_error(aborted, opened.key)
            return False
        return is_handled


class DialogActor(AsyncActor):
    """Runs the turns of one address; its mailbox in the engine is the queue.

    Args:
        key: The address.
        runner: Runs the turns.
    """

    def __init__(self, key: str, runner: TurnRunner) -> None:
        super().__init__()
        self._key = key
        self._runner = runner

    def __str__(self) -> str:
        return f"the actor of {self._key}"

    async def on_receive(self, message: object) -> None:
        """Wake up: there is mail."""
        del message
        await self._runner.run(self._key)


def _command(opened: Opened, waiter: Waiter | None) -> Command:
    """Read the message, unless it is an update that this process has parsed."""
    if waiter is not None and waiter.update is not None:
        return HandleUpdate(waiter.update.raw)
    return decode(opened.mail.body)


def _check_block(waiter: Waiter | None) -> None:
    """Make sure that the block of `fg()` ended well, whatever middlewares did.

    Raises:
        DiscardedError: It raised.
    """
    if waiter is None or waiter.lending is None or not waiter.lending.left.done():
        return
    error = waiter.lending.left.result()
    if error is not None:
        raise DiscardedError(error)


def _cause(error: BaseException, key: str) -> Exception:
    """What the receipts of a failed turn's outbox tell."""
    if isinstance(error, DiscardedError):
        error = error.error
    return error if isinstance(error, Exception) else TurnCancelledError(key)


def _can_answer(turn: Turn, callback: Callback, draw: Draw) -> bool:
    """Tell whether a drawing may travel in the answer to the press that caused it."""
    return (
        callback.message is not None
        and callback.message.id == draw.message_id
        and draw.mode is ShowMode.EDIT
        and draw.view is not None
        and turn.bot.capabilities.answer_carries_view
    )


def _dialog(turn: Turn | None) -> str:
    return "none" if turn is None else turn.dialog


def _outcome(error: Exception) -> str:
    if isinstance(error, TurnTimeoutError):
        return "timeout"
    if isinstance(error, TurnCancelledError):
        return "cancelled"
    return "refused" if isinstance(error, ClickRefusedError) else "failed"
