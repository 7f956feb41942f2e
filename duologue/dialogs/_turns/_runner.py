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
from functools import partial
from typing import TypeVar

from duologue.actors import Clock, Engine, Observer, Opened
from duologue.actors._time._deadlines import Deadlines
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._outage import PAUSE, Outage
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Outcome, Pending
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._discarded import DiscardedError, cause_of, check_block
from duologue.dialogs._handling._handling import Handling
from duologue.dialogs._screen._screens import Order
from duologue.dialogs._state._commands import (
    Command,
    Drawn,
    HandleUpdate,
    MessageRefused,
    ViewRefused,
    decode,
)
from duologue.dialogs._state._events import DialogUpdate
from duologue.dialogs._state._snapshot import Snapshot, Stored, take_apart
from duologue.dialogs._state._turn import Turn, current_turn
from duologue.dialogs._turns._dialog_actors import DialogActor, Unsure
from duologue.dialogs._turns._failed_turns import FailedTurns, OnError
from duologue.dialogs._turns._release import Plan, Release
from duologue.errors import (
    EngineUnavailableError,
    FencedError,
    OutcomeUnknownError,
    SchemaNewerError,
    SnapshotVersionError,
    TurnAbortedError,
    TurnCancelledError,
    TurnTimeoutError,
    UnknownBotError,
    UnknownCommandError,
)

# How many messages a mailbox may have handled before others that wait get its lease.
_BATCH = 8
T = TypeVar("T")
_logger = logging.getLogger("duologue.dialogs")


class TurnRunner:
    """Runs the turns of all addresses.

    Attributes:
        is_draining: Whether no turn is begun any more that need not be.
        running: How many turns run now.
    """

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
        outage: Outage,
        schema: int,
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
        self._outage = outage
        self._schema = schema
        self._is_stopping = False
        self.is_draining: bool = False
        self.running: int = 0
        self._idle: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._is_stopping = True
        self._deadlines.clear()

    async def wait_idle(self) -> None:
        """Wait until no turn runs."""
        while self.running:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    async def run(self, actor: DialogActor) -> None:
        """Handle one message of an actor whose mailbox this process has leased."""
        self.running += 1
        try:
            actor.following = await self._take(actor, actor.following)
        except EngineUnavailableError as error:
            actor.following = None
            self._ask_again(actor, error)
        finally:
            self.running -= 1
            if self._idle is not None and not self.running:
                self._idle.set_result(None)
                self._idle = None
        if actor.following is not None:
            actor.inbox.has_mail = True

    async def _take(self, actor: DialogActor, opened: Opened | None) -> Opened | None:
        """Open a turn, unless the last commit has done so, and run it."""
        actor.following = None
        actor.inbox.has_mail = False  # until the engine says otherwise
        if opened is None:
            opened = await self._engine.open(actor.key)
            actor.handled = 0
        if actor.unsure is not None:
            self._find_out(actor, actor.unsure, opened)
        if opened is None:
            return None
        actor.handled += 1
        pending = self._post.pending.get(opened.mail.id)
        try:
            return await self._run(actor, opened, pending)
        except EngineUnavailableError:
            if actor.unsure is None:
                fail = partial(self._fail_unknown, actor.key, opened.mail.id)
                actor.unsure = Unsure(opened.mail.id, fail, _nothing)
            raise
        except Exception as error:  # noqa: BLE001  # no error may keep the lease
            await self._failed.abandon(opened, pending, error)
        return None

    def _ask_again(self, actor: DialogActor, error: EngineUnavailableError) -> None:
        """Leave a turn whose outcome is unknown, and ask the engine again later."""
        self._outage.note(error)
        actor.is_asking = True
        self._clock.call_later(PAUSE, actor.ask_again)

    def _find_out(
        self, actor: DialogActor, unsure: Unsure, opened: Opened | None
    ) -> None:
        """Learn whether the last commit had its effect: then its mail is gone."""
        actor.unsure = None
        self._outage.is_over()
        if opened is not None and opened.mail.id == unsure.mail_id:
            unsure.withdraw()
        else:
            unsure.finish()

    def _fail_unknown(self, key: str, mail_id: str) -> None:
        """Tell whoever waits for a turn that nobody knows how it has failed."""
        pending = self._post.pending.remove(mail_id)
        if pending is not None:
            pending.fail(OutcomeUnknownError(key))

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
        except (FencedError, EngineUnavailableError, _ParkedError) as error:
            await self._leave(opened, turn, error)
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
        command = self._command(opened, pending)
        work = self._handling.execute(turn, command, pending)
        try:
            outcome = await self._within_time(turn, work, pending, started)
            if pending is not None and pending.lending is not None:
                check_block(pending.lending)
            plan = self._release.plan(turn)
            keep = actor.handled < _BATCH and not self.is_draining
            try:
                following = await self._commit(actor, opened, turn, plan, keep=keep)
            except EngineUnavailableError as error:
                ended = opened.mail.id, turn, plan, command, outcome
                finish = partial(self._finish, actor, *ended)
                withdraw = partial(self._withdraw, turn, error)
                actor.unsure = Unsure(opened.mail.id, finish, withdraw)
                raise
        except EngineUnavailableError:
            raise  # what it has prepared is still needed, if it has happened
        except BaseException as error:
            self._withdraw(turn, error)
            raise
        self._finish(actor, opened.mail.id, turn, plan, command, outcome)
        return following

    def _finish(  # noqa: PLR0917  # all of a turn
        self,
        actor: DialogActor,
        mail_id: str,
        turn: Turn,
        plan: Plan,
        command: Command,
        outcome: Outcome,
    ) -> None:
        """Let the world know of a commit."""
        if turn.callback is not None:
            actor.pressed = turn.callback.message_id, turn.callback.payload
        elif isinstance(command, HandleUpdate):
            actor.pressed = None
        view = self._let_out(actor, turn, plan, command)
        pending = self._post.pending.remove(mail_id)
        if pending is not None:
            pending.resolve(outcome, view)

    def _open(self, actor: DialogActor, opened: Opened) -> Turn:
        """Make a turn with a working copy of the state.

        Raises:
            UnknownBotError: The runtime does not have the bot of the address.
        """
        if actor.address is None:
            actor.address = Address.parse(actor.key)
        address = actor.address
        bot = self._bots.get(address.bot)
        if bot is None:
            raise UnknownBotError(address.bot, tuple(self._bots))
        if actor.stored.text is not opened.snapshot:
            actor.stored = self._take_apart(opened)
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
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        plan: Plan,
        *,
        keep: bool = False,
    ) -> Opened | None:
        """Make what a turn has changed real.

        Returns:
            The next message if there is one and it is to be begun.

        Raises:
            FencedError: Another one has taken the address over.
        """
        stored = turn.snapshot.encode(self._schema) if turn.is_changed else None
        following = await self._engine.commit(
            opened,
            snapshot=None if stored is None else stored.text,
            outbox=turn.outbox,
            owed=plan.owed,
            timed=turn.timed,
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
        self, actor: DialogActor, turn: Turn, plan: Plan, command: Command
    ) -> Order | None:
        """Let out what the commit has made real; what is committed stays so."""
        try:
            self._count(turn, "committed")
            return self._release.let_out(actor, turn, plan, command)
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
            opened,
            snapshot=None,
            keep=actor.handled < _BATCH and not self.is_draining,
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
        if not isinstance(command, ViewRefused | MessageRefused):
            await self._failed.give_up(opened, error, outcome)
            return
        second = self._open(actor, opened)
        if isinstance(command, ViewRefused):
            self._handling.step_back(second, command)
        await self._commit(actor, opened, second, self._release.plan(second))

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
            plan = self._release.plan(turn)
            await self._commit(actor, opened, turn, plan, keep=False)
        except EngineUnavailableError as unavailable:
            self._withdraw(turn, unavailable)
            raise
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
            self._let_out(actor, turn, plan, HandleUpdate({}))
            return True
        self._on_error(problem, actor.key)
        return False

    def _command(self, opened: Opened, pending: Pending | None) -> Command:
        """Read the message, unless it is an update that this process has parsed."""
        if pending is not None and pending.update is not None:
            return HandleUpdate(pending.update.raw)
        try:
            return decode(opened.mail.body)
        except UnknownCommandError as error:
            raise self._parked(error, self._schema + 1) from None

    def _take_apart(self, opened: Opened) -> Stored:
        """Read the state.

        Raises:
            _ParkedError: A newer program has written it.
        """
        try:
            stored = take_apart(opened.snapshot)
        except SnapshotVersionError as error:
            is_newer = error.found > error.known
            raise (
                self._parked(error, self._schema + 1) if is_newer else error
            ) from None
        schema = stored.head.get("schema", 0)
        if schema > self._schema:
            raise _ParkedError(
                schema, SchemaNewerError(opened.key, schema, self._schema)
            )
        return stored

    def _parked(self, error: Exception, schema: int) -> Exception:
        """What parks a key; with the process what is parked would be gone, too."""
        return _ParkedError(schema, error) if self._engine.durable else error

    async def _leave(
        self,
        opened: Opened,
        turn: Turn | None,
        error: FencedError | EngineUnavailableError | _ParkedError,
    ) -> None:
        """Leave a turn to another process, to a newer program or to a later time."""
        if isinstance(error, EngineUnavailableError):
            self._count(turn, "unknown")
            raise error
        if isinstance(error, FencedError):
            self._count(turn, "fenced")
            _logger.warning("%s", error)
            return
        self._count(turn, "parked")
        _logger.error("%s is parked, with all its mail: %s", opened.key, error.error)
        await self._engine.park(opened, error.schema)

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


def _nothing() -> None:
    """Nothing is to be withdrawn."""


def _cut_short(turn: Turn) -> None:
    """End a turn whose time is over."""
    turn.is_overdue = True
    if turn.task is not None:
        turn.task.cancel()


class _ParkedError(Exception):
    """Another version of the program is needed; not for anyone outside."""

    def __init__(self, schema: int, error: Exception) -> None:
        super().__init__(schema, error)
        self.schema: int = schema
        self.error: Exception = error
