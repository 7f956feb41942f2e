"""Runs turns: from a message in a mailbox to its commit and what that lets out.

A turn is one coroutine, told in `TurnRunner._attempt`:

1. open: a working copy of the state, and the message;
2. handle: what the message asks for, within its time, and render what it changed
   (`Handling`);
3. commit: state, the end of this message and messages for others, all at once;
4. release: drawings, answers, tasks, receipts.

Until 3 nothing of it is visible, and a turn that fails, is cancelled or takes too long
leaves nothing behind but a report (`FailedTurns`). After 3 it is done, whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import TypeVar

from duologue.actors import Clock, Engine, Observer, Opened
from duologue.actors._time._deadlines import Deadlines
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._screen._screens import Order
from duologue.dialogs._state._commands import (
    Command,
    Drawn,
    HandleUpdate,
    ViewRefused,
    decode,
)
from duologue.dialogs._state._events import DialogUpdate
from duologue.dialogs._state._snapshot import Snapshot, take_apart
from duologue.dialogs._state._turn import Turn, current_turn
from duologue.dialogs._turns._dialog_actors import DialogActor
from duologue.dialogs._turns._discarded import DiscardedError, cause_of, check_block
from duologue.dialogs._turns._failed_turns import FailedTurns, OnError
from duologue.dialogs._turns._handling import Handling
from duologue.dialogs._turns._release import Release
from duologue.errors import (
    FencedError,
    TurnAbortedError,
    TurnCancelledError,
    TurnTimeoutError,
    UnknownBotError,
)

# How many messages a mailbox may have handled before others that wait get its lease.
_BATCH = 8
T = TypeVar("T")
_logger = logging.getLogger("duologue.dialogs")


class TurnRunner:
    """Runs the turns of all addresses."""

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        bots: Mapping[str, Bot],
        *,
        post: Post,
        handling: Handling,
        release: Release,
        failed: FailedTurns,
        clock: Clock,
        observer: Observer,
        on_error: OnError,
        timeout: float,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._bots = bots
        self._post = post
        self._handling = handling
        self._release = release
        self._failed = failed
        self._clock = clock
        self._observer = observer
        self._on_error = on_error
        self._timeout = timeout
        self._deadlines = Deadlines[Turn](clock, timeout, _cut_short)
        self._is_stopping = False

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._is_stopping = True
        self._deadlines.clear()

    async def run(self, actor: DialogActor) -> None:
        """Handle one message of an actor whose mailbox this process has leased."""
        opened, actor.following = actor.following, None
        actor.inbox.has_mail = False  # until the engine says otherwise
        if opened is None:
            opened = await self._engine.open(actor.key)
            actor.handled = 0
        if opened is None:
            return
        actor.handled += 1
        pending = self._post.pending.get(opened.mail.id)
        try:
            actor.following = await self._run(actor, opened, pending)
        except Exception as error:  # noqa: BLE001  # no error may keep the lease
            await self._failed.abandon(opened, pending, error)
        if actor.following is not None:
            actor.inbox.has_mail = True

    async def _run(
        self, actor: DialogActor, opened: Opened, pending: Pending | None
    ) -> Opened | None:
        """Run a turn, and see to it that its failure is nobody else's."""
        started = actor.used = self._clock.time()
        if pending is not None:
            self._observer.record("mailbox_wait_seconds", started - pending.since)
        turn: Turn | None = None
        try:
            turn = self._open(actor, opened)
            return await self._attempt(actor, opened, turn, pending, started)
        except FencedError as error:
            self._count(turn, "fenced")
            _logger.warning("%s", error)
        except DiscardedError as discarded:
            self._count(turn, "discarded")
            return await self._discard(actor, opened, pending, discarded.error)
        except asyncio.CancelledError:
            if self._is_cut_off(actor):
                await self._engine.fail(opened, error="cancelled", retry=True)
                raise
            await self._fail(
                actor, opened, turn, pending, TurnCancelledError(actor.key)
            )
        except Exception as error:  # noqa: BLE001  # whatever a handler raises
            if turn is not None and error is turn.moot:
                # Its dialog has moved on: an outcome of the call, and nobody's fault.
                self._count(turn, "refused")
                _logger.info("%s", error)
                return await self._discard(actor, opened, pending, error)
            await self._fail(actor, opened, turn, pending, error)
        except (SystemExit, BaseExceptionGroup) as error:
            # It ends this turn; what a handler raises never ends the program.
            aborted = TurnAbortedError(actor.key, repr(error))
            await self._fail(actor, opened, turn, pending, aborted)
        finally:
            seconds = self._clock.time() - started
            dialog = "none" if turn is None else turn.dialog
            self._observer.record("turn_duration_seconds", seconds, dialog=dialog)
        return None

    async def _attempt(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        pending: Pending | None,
        started: float,
    ) -> Opened | None:
        command = _command(opened, pending)
        work = self._handling.execute(turn, command, pending)
        try:
            outcome = await self._within_time(turn, work, pending, started)
            if pending is not None and pending.lending is not None:
                check_block(pending.lending)
            keep = actor.handled < _BATCH
            following = await self._commit(actor, opened, turn, keep=keep)
        except BaseException as error:
            self._withdraw(turn, error)
            raise
        if turn.callback is not None:
            actor.pressed = turn.callback.message_id, turn.callback.payload
        elif isinstance(command, HandleUpdate):
            actor.pressed = None
        view = self._let_out(actor, turn, command)
        self._post.pending.remove(opened.mail.id)
        if pending is not None:
            pending.resolve(outcome, view)
        return following

    def _open(self, actor: DialogActor, opened: Opened) -> Turn:
        """Make a turn with a working copy of the state.

        Raises:
            UnknownBotError: The runtime does not have the bot of the address.
        """
        address = Address.parse(actor.key)
        bot = self._bots.get(address.bot)
        if bot is None:
            raise UnknownBotError(address.bot, tuple(self._bots))
        if actor.stored.text is not opened.snapshot:
            actor.stored = take_apart(opened.snapshot)
        snapshot = Snapshot(actor.stored, self._dispatcher.state_by_name)
        turn = Turn(address, bot, snapshot=snapshot, keyboards=actor.keyboards)
        turn.pressed = actor.pressed
        return turn

    async def _within_time(
        self,
        turn: Turn,
        work: Coroutine[object, object, T],
        pending: Pending | None,
        started: float,
    ) -> T:
        """Run the body of a turn.

        Raises:
            TurnTimeoutError: It took too long.
            Exception: Whatever the body raises.
        """
        task = turn.task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        seconds, timer = self._timeout, None
        if pending is not None and pending.lending is not None:
            seconds += pending.lending.timeout
            timer = self._clock.call_later(seconds, _cut_short, turn)
        else:
            self._deadlines.add(turn, started)
        token = current_turn.set(turn)
        try:
            result = await work
        except asyncio.CancelledError:
            # Somebody else may have cancelled it as well; see asyncio.timeout().
            if turn.is_overdue and task is not None and task.uncancel() <= before:
                raise TurnTimeoutError(turn.address.key, seconds) from None
            raise
        except BaseException:
            if turn.is_overdue and task is not None:
                task.uncancel()
            raise
        finally:
            if timer is None:
                self._deadlines.discard(turn)
            else:
                timer.cancel()
            turn.end()
            current_turn.reset(token)
        if turn.is_overdue:  # the handler has swallowed its cancellation
            if task is not None:
                task.uncancel()
            raise TurnTimeoutError(turn.address.key, seconds)
        return result

    async def _commit(
        self, actor: DialogActor, opened: Opened, turn: Turn, *, keep: bool = False
    ) -> Opened | None:
        """Make what a turn has changed real.

        Returns:
            The next message if there is one and it is to be begun.

        Raises:
            FencedError: Another one has taken the address over.
        """
        stored = turn.snapshot.encode() if turn.is_changed else None
        following = await self._engine.commit(
            opened,
            snapshot=None if stored is None else stored.text,
            outbox=turn.outbox,
            keep=keep,
        )
        if stored is not None:
            actor.stored = stored
        if turn.outbox:
            self._post.released(turn.outbox)
        return following

    def _withdraw(self, turn: Turn, error: BaseException) -> None:
        """Take back what a turn without a commit has prepared."""
        for undo in turn.undo:
            undo()
        if turn.outbox:
            self._post.withdraw(turn.outbox, cause_of(error, turn.address.key))

    def _let_out(
        self, actor: DialogActor, turn: Turn, command: Command
    ) -> Order | None:
        """Let out what the commit has made real; what is committed stays so."""
        try:
            self._count(turn, "committed")
            return self._release.let_out(actor, turn, command)
        except Exception as error:  # noqa: BLE001  # whatever a bot or an effect raises
            self._on_error(error, actor.key)
            return None

    async def _discard(
        self,
        actor: DialogActor,
        opened: Opened,
        pending: Pending | None,
        error: BaseException,
    ) -> Opened | None:
        following = await self._engine.commit(
            opened, snapshot=None, keep=actor.handled < _BATCH
        )
        self._post.pending.remove(opened.mail.id)
        if pending is not None:
            pending.fail(error)
        return following

    async def _fail(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn | None,
        pending: Pending | None,
        error: Exception,
    ) -> None:
        """Report a failed turn; let error handlers react in a turn of their own."""
        outcome = self._failed.outcome(error)
        self._count(turn, outcome)
        event = self._event(actor, opened, pending)
        is_handled = False
        if event is not None and self._dispatcher.has_error_handlers():
            second = self._open(actor, opened)
            if isinstance(event, Callback):
                second.callback = event
            work = self._handling.execute_error(second, event, error)
            is_handled = await self._try(actor, opened, second, work)
        if not is_handled:
            await self._settle(actor, opened, event, error, outcome)
        self._failed.report(
            opened, pending, event, error, turn=turn, is_handled=is_handled
        )

    async def _settle(
        self,
        actor: DialogActor,
        opened: Opened,
        event: Update | None,
        error: Exception,
        outcome: str,
    ) -> None:
        """End a failed turn whose error no handler took."""
        command = event.command if isinstance(event, DialogUpdate) else None
        if not isinstance(command, ViewRefused):
            await self._failed.give_up(opened, error, outcome)
            return
        second = self._open(actor, opened)
        self._handling.step_back(second, command)
        await self._commit(actor, opened, second)

    def _event(
        self, actor: DialogActor, opened: Opened, pending: Pending | None
    ) -> Update | None:
        """What error handlers are told that the failed turn was about."""
        try:
            command = decode(opened.mail.body)
            if isinstance(command, Drawn):
                self._release.confirmed(actor, command.stack_id)
            return self._handling.event(self._open(actor, opened), command, pending)
        except Exception as error:  # noqa: BLE001  # it may be why the turn failed
            _logger.debug("no event for %s: %r", actor.key, error)
            return None

    async def _try(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        work: Coroutine[object, object, bool],
    ) -> bool:
        """Run the turn of error handlers; tell whether one of them took the error."""
        problem: BaseException
        try:
            if not await self._within_time(turn, work, None, self._clock.time()):
                return False
            await self._commit(actor, opened, turn, keep=False)
        except asyncio.CancelledError as cancelled:
            self._withdraw(turn, cancelled)
            if self._is_cut_off(actor):
                await self._engine.fail(opened, error="cancelled", retry=True)
                raise
            problem = TurnCancelledError(actor.key)
        except Exception as error:  # noqa: BLE001  # whatever an error handler raises
            self._withdraw(turn, error)
            problem = error
        except (SystemExit, BaseExceptionGroup) as abort:
            self._withdraw(turn, abort)
            problem = TurnAbortedError(actor.key, repr(abort))
        else:
            self._let_out(actor, turn, HandleUpdate({}))
            return True
        self._on_error(problem, actor.key)
        return False

    def _is_cut_off(self, actor: DialogActor) -> bool:
        """Tell whether the actor ends, or just this turn has been cancelled."""
        task = asyncio.current_task()
        if task is None or self._is_stopping or actor.actor_inbox.is_set():
            return True
        while task.cancelling():
            task.uncancel()
        return False

    def _count(self, turn: Turn | None, outcome: str) -> None:
        """Count a turn; None for one that could not even be made."""
        observer = self._observer
        dialog = "none" if turn is None else turn.dialog
        observer.count("turns", dialog=dialog, outcome=outcome)
        if turn is not None and turn.fate is not None:
            fate = turn.fate if outcome == "committed" else outcome
            observer.count("updates", bot=turn.address.bot, outcome=fate)


def _cut_short(turn: Turn) -> None:
    """End a turn whose time is over."""
    turn.is_overdue = True
    if turn.task is not None:
        turn.task.cancel()


def _command(opened: Opened, pending: Pending | None) -> Command:
    """Read the message, unless it is an update that this process has parsed."""
    if pending is not None and pending.update is not None:
        return HandleUpdate(pending.update.raw)
    return decode(opened.mail.body)
