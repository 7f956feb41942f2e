"""The turn after a turn that failed: error handlers react, or the state steps back.

The failed turn has left nothing behind, so what comes now begins with the state as it was,
and its commit ends the message that the failed one was about. What no handler takes goes
to the log or the hook (`FailedTurns`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from duologue.actors import Clock, Engine, Opened, Owed
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._handling import Handling
from duologue.dialogs._handling._messages import note_failed
from duologue.dialogs._state._commands import (
    Drawn,
    HandleUpdate,
    MessageRefused,
    ViewRefused,
    decode,
)
from duologue.dialogs._state._events import DialogUpdate, MessageTold
from duologue.dialogs._state._snapshot import Stored
from duologue.dialogs._state._turn import Debt, Turn
from duologue.dialogs._turns._commits import Commits
from duologue.dialogs._turns._dialog_actors import DialogActor, Unsure
from duologue.dialogs._turns._failed_turns import FailedTurns, OnError
from duologue.dialogs._turns._opening import Opening
from duologue.dialogs._turns._release import Plan, Release
from duologue.dialogs._turns._turn_time import TurnTime
from duologue.errors import (
    EngineUnavailableError,
    TurnAbortedError,
    TurnCancelledError,
)

_logger = logging.getLogger("duologue.dialogs")


class ErrorTurns:
    """Runs what follows a failed turn.

    Args:
        engine: Gets back what is cut off.
        dispatcher: Has the error handlers, or not.
        handling: Asks them.
        release: Plans what is let out.
        opening: Begins turns.
        time: Ends those that take too long.
        commits: Makes turns real.
        failed: Counts and reports.
        clock: Tells when a turn begins.
        on_error: Told of errors of error handlers, and where they happened.
        is_cut_off: Tells whether an actor ends, or just its turn was cancelled.
    """

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        *,
        handling: Handling,
        release: Release,
        opening: Opening,
        time: TurnTime,
        commits: Commits,
        failed: FailedTurns,
        clock: Clock,
        on_error: OnError,
        is_cut_off: Callable[[DialogActor], bool],
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._handling = handling
        self._release = release
        self._opening = opening
        self._time = time
        self._commits = commits
        self._failed = failed
        self._clock = clock
        self._on_error = on_error
        self._is_cut_off = is_cut_off

    async def react(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn | None,
        pending: Pending | None,
        error: Exception,
    ) -> None:
        """Report a failed turn; let error handlers react in a turn of their own."""
        outcome = self._failed.outcome(error)
        self._commits.count(turn, outcome)
        event = self._event(actor, opened, pending)
        report = partial(self._failed.report, opened, pending, event, error, turn=turn)
        if event is not None and self._dispatcher.has_error_handlers():
            second = self._opening.turn(actor, opened)
            if isinstance(event, Callback):
                second.callback = event
            work = self._handling.execute_error(second, event, error)
            handled = partial(report, is_handled=True, notice=None, debt=None)
            if await self._try(actor, opened, second, work, handled):
                return
        notice = self._failed.notice(event, error, turn)
        failed = _Failed(opened, pending, event, error, outcome, notice)
        debt = await self._settle(actor, failed)
        report(is_handled=False, notice=notice, debt=debt)

    def _event(
        self, actor: DialogActor, opened: Opened, pending: Pending | None
    ) -> Update | None:
        """What error handlers are told that the failed turn was about."""
        try:
            command = decode(opened.mail.body)
            if isinstance(command, Drawn):
                self._release.confirmed(actor, command)
            turn = self._opening.turn(actor, opened)
            return self._handling.event(turn, command, pending)
        except Exception as error:  # noqa: BLE001  # it may be why the turn failed
            _logger.debug("no event for %s: %r", actor.key, error)
            return None

    async def _try(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        work: Coroutine[object, object, bool],
        report: Callable[[], object],
    ) -> bool:
        """Run the turn of error handlers; tell whether one of them took the error.

        If so, it is reported here: once it is known that this turn has been committed.
        """
        problem: BaseException
        try:
            if not await self._time.limit(turn, work, None, self._clock.time()):
                return False
            plan = self._release.plan(turn)
            finish = partial(self._finish, actor, turn, plan, report)
            await self._commit(actor, opened, turn, plan, finish)
        except EngineUnavailableError as unavailable:
            if actor.unsure is None:  # else what it has prepared may be needed
                self._commits.withdraw(turn, unavailable)
            raise
        except asyncio.CancelledError as cancelled:
            self._commits.withdraw(turn, cancelled)
            if self._is_cut_off(actor):
                await self._engine.fail(opened, error="cancelled", retry=True)
                raise
            problem = TurnCancelledError(actor.key)
        except Exception as error:  # noqa: BLE001  # whatever an error handler raises
            self._commits.withdraw(turn, error)
            problem = error
        except (SystemExit, BaseExceptionGroup) as abort:
            self._commits.withdraw(turn, abort)
            problem = TurnAbortedError(actor.key, repr(abort))
        else:
            finish()
            return True
        self._on_error(problem, actor.key)
        return False

    async def _commit(
        self,
        actor: DialogActor,
        opened: Opened,
        turn: Turn,
        plan: Plan,
        finish: Callable[[], object],
    ) -> None:
        """Make the turn of error handlers real; it may be found out later that it was."""
        try:
            await self._commits.commit(actor, opened, turn, plan)
        except EngineUnavailableError as error:
            withdraw = partial(self._commits.withdraw, turn, error)
            actor.unsure = Unsure(opened.mail.id, finish, withdraw)
            raise

    def _finish(
        self, actor: DialogActor, turn: Turn, plan: Plan, report: Callable[[], object]
    ) -> None:
        self._commits.let_out(actor, turn, plan, HandleUpdate({}))
        report()

    async def _settle(self, actor: DialogActor, failed: _Failed) -> Debt | None:
        """End a failed turn whose error no handler took.

        Returns:
            What the answer to its press pays.
        """
        event = failed.event
        command = event.command if isinstance(event, DialogUpdate) else None
        if not isinstance(command, ViewRefused | MessageRefused):
            return await self._give_up(actor, failed)
        second = self._opening.turn(actor, failed.opened)
        if isinstance(command, ViewRefused):
            self._handling.step_back(second, command)
        plan = self._release.plan(second)
        await self._commits.commit(actor, failed.opened, second, plan)
        return None

    async def _give_up(self, actor: DialogActor, failed: _Failed) -> Debt | None:
        """Make a dead letter of the message, and owe the answer to its press."""
        owed: Sequence[Owed] = ()
        debt: Debt | None = None
        if isinstance(failed.event, Callback):
            press = failed.event.callback_id
            owed, debt = self._release.owe_answer(actor.key, press, failed.notice)
        stored = self._known(actor, failed)
        snapshot = None if stored is None else stored.text
        await self._failed.give_up(
            failed.opened, failed.error, failed.outcome, snapshot=snapshot, owed=owed
        )
        if stored is not None:
            actor.stored = stored
        return debt

    def _known(self, actor: DialogActor, failed: _Failed) -> Stored | None:
        """The state as it was, but that an update is known, should it come again."""
        event, pending = failed.event, failed.pending
        is_told = isinstance(event, MessageTold)
        if event is None or (isinstance(event, DialogUpdate) and not is_told):
            return None
        turn = self._opening.turn(actor, failed.opened)
        if isinstance(event, MessageTold):
            note_failed(turn, event)
        else:
            batch = None if pending is None else pending.batch
            turn.snapshot.ring.add(event.id, batch)
        turn.snapshot.version -= 1  # it is no commit
        turn.is_changed = True
        return self._commits.stored(turn)


@dataclass(slots=True)
class _Failed:
    """A failed turn whose error no handler took, and what its user is told of it."""

    opened: Opened
    pending: Pending | None
    event: Update | None
    error: Exception
    outcome: str
    notice: str | None
