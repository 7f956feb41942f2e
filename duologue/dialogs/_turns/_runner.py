"""Runs turns: from a message in a mailbox to its commit and what that lets out.

A turn is one coroutine, told in `TurnRunner._attempt`:

1. open: a working copy of the state, and the message (`Opening`);
2. handle: what the message asks for (`Handling`), within its time (`TurnTime`), and
   render what it changed;
3. commit: state, the end of this message and messages for others, all at once
   (`Commits`);
4. release: drawings, answers, tasks, receipts (`Release`).

Until 3 nothing of it is visible, and a turn that fails, is cancelled or takes too long
leaves nothing behind but a report (`ErrorTurns`). After 3 it is done, whatever happens.
Where the engine does not say whether 3 has happened, it is asked again (`UnsureTurns`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial

from duologue.actors import Clock, Engine, Observer, Opened
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._outage import Outage
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Outcome, Pending
from duologue.dialogs._delivery._replies import Replies
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._discarded import DiscardedError, check_block
from duologue.dialogs._handling._handling import Handling
from duologue.dialogs._state._commands import Command, HandleUpdate, is_lending
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._turns._commits import Commits
from duologue.dialogs._turns._dialog_actors import DialogActor, Unsure
from duologue.dialogs._turns._error_turns import ErrorTurns
from duologue.dialogs._turns._failed_turns import FailedTurns, OnError
from duologue.dialogs._turns._opening import Opening, ParkedError
from duologue.dialogs._turns._release import Plan, Release
from duologue.dialogs._turns._turn_time import TurnTime
from duologue.dialogs._turns._unsure import UnsureTurns
from duologue.errors import (
    EngineUnavailableError,
    FencedError,
    TurnAbortedError,
    TurnCancelledError,
)

# How many messages a mailbox may have handled before others that wait get its lease.
_BATCH = 8
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
        replies: Replies,
        clock: Clock,
        observer: Observer,
        on_error: OnError,
        timeout: float,
        outage: Outage,
        schema: int,
    ) -> None:
        self._engine = engine
        self._post = post
        self._handling = handling
        self._release = release
        self._failed = failed
        self._replies = replies
        self._is_shared = engine.shared
        self._clock = clock
        self._observer = observer
        self._opening = Opening(engine, dispatcher, bots, schema=schema)
        self._time = TurnTime(clock, timeout)
        self._unsure = UnsureTurns(post, clock=clock, outage=outage)
        self._commits = Commits(
            engine,
            post,
            release,
            observer=observer,
            on_error=on_error,
            schema=schema,
        )
        self._errors = ErrorTurns(
            engine,
            dispatcher,
            handling=handling,
            release=release,
            opening=self._opening,
            time=self._time,
            commits=self._commits,
            failed=failed,
            clock=clock,
            on_error=on_error,
            is_cut_off=self._is_cut_off,
        )
        self._is_stopping = False
        self.is_draining: bool = False
        self.running: int = 0
        self._idle: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._is_stopping = True
        self._time.clear()

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
            following = await self._take(actor, actor.following)
            # Mail that was announced meanwhile is that of another lease.
            actor.following = None if actor.inbox.has_mail else following
        except EngineUnavailableError as error:
            actor.following = None
            self._unsure.ask_again(actor, error)
        except FencedError:  # another process has it; what it found is owed there
            actor.following = None
            if actor.unsure is not None:
                unsure, actor.unsure = actor.unsure, None
                unsure.withdraw()
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
            self._unsure.find_out(actor, actor.unsure, opened)
        if opened is None:
            return None
        actor.handled += 1
        if self._is_shared:
            pending = self._replies.of(opened.mail.id)
            if await self._handed(opened, pending):
                return None
        else:
            pending = self._post.pending.get(opened.mail.id)
        try:
            return await self._run(actor, opened, pending)
        except EngineUnavailableError:
            self._unsure.keep(actor, opened)
            raise
        except Exception as error:  # noqa: BLE001  # no error may keep the lease
            await self._failed.abandon(opened, pending, error)
        return None

    async def _handed(self, opened: Opened, pending: Pending | None) -> bool:
        """Hand a chat on to the process in which somebody waits in `fg()`."""
        if (
            pending is None
            or not pending.is_foreign
            or not is_lending(opened.mail.body)
        ):
            return False
        self._post.pending.remove(opened.mail.id)
        return await self._engine.hand(opened, opened.mail.id.partition(".")[0])

    async def _run(
        self, actor: DialogActor, opened: Opened, pending: Pending | None
    ) -> Opened | None:
        """Run a turn, and see to it that its failure is nobody else's."""
        started = actor.used = self._clock.time()
        if pending is not None:
            self._observer.record("mailbox_wait_seconds", started - pending.since)
        turn: Turn | None = None
        try:
            turn = self._opening.turn(actor, opened)
            return await self._attempt(actor, opened, turn, pending, started)
        except (FencedError, EngineUnavailableError, ParkedError) as error:
            await self._leave(opened, turn, error)
            # A handler may have met the error of another key: its own is here still.
            actor.inbox.has_mail |= (
                isinstance(error, FencedError) and error.key != actor.key
            )
        except DiscardedError as discarded:
            self._commits.count(turn, "discarded")
            return await self._discard(actor, opened, pending, discarded.error)
        except asyncio.CancelledError:
            if self._is_cut_off(actor):
                await self._engine.fail(opened, error="cancelled", retry=True)
                raise
            await self._errors.react(
                actor, opened, turn, pending, TurnCancelledError(actor.key)
            )
        except Exception as error:  # noqa: BLE001  # whatever a handler raises
            if self._is_stopping and self._engine.durable:
                # What it needed may have ended before it: the next run tries again.
                _logger.info(
                    "%s failed at the end of the program: %r", actor.key, error
                )
                await self._engine.fail(opened, error="cut off", retry=True)
                return None
            if turn is not None and error is turn.moot:
                # Its dialog has moved on: an outcome of the call, and nobody's fault.
                self._commits.count(turn, "refused")
                _logger.info("%s", error)
                return await self._discard(actor, opened, pending, error)
            await self._errors.react(actor, opened, turn, pending, error)
        except (SystemExit, BaseExceptionGroup) as error:
            # It ends this turn; what a handler raises never ends the program.
            aborted = TurnAbortedError(actor.key, repr(error))
            await self._errors.react(actor, opened, turn, pending, aborted)
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
        command = self._opening.command(opened, pending)
        work = self._handling.execute(turn, command, pending)
        try:
            outcome = await self._time.limit(turn, work, pending, started)
            if pending is not None and pending.lending is not None:
                check_block(pending.lending)
            plan = self._release.plan(turn)
            keep = actor.handled < _BATCH and not self.is_draining
            try:
                following = await self._commits.commit(
                    actor, opened, turn, plan, keep=keep
                )
            except EngineUnavailableError as error:
                ended = opened.mail.id, turn, plan, command, outcome
                finish = partial(self._finish, actor, *ended)
                withdraw = partial(self._commits.withdraw, turn, error)
                actor.unsure = Unsure(opened.mail.id, finish, withdraw)
                raise
        except EngineUnavailableError:
            raise  # what it has prepared is still needed, if it has happened
        except BaseException as error:
            self._commits.withdraw(turn, error)
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
        view = self._commits.let_out(actor, turn, plan, command)
        pending = self._post.pending.remove(mail_id)
        if pending is not None:
            pending.resolve(outcome, view)

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

    async def _leave(
        self,
        opened: Opened,
        turn: Turn | None,
        error: FencedError | EngineUnavailableError | ParkedError,
    ) -> None:
        """Leave a turn to another process, to a newer program or to a later time."""
        if isinstance(error, EngineUnavailableError):
            self._commits.count(turn, "unknown")
            raise error
        if isinstance(error, FencedError):
            pending = self._post.pending.get(opened.mail.id)
            if pending is not None and pending.is_foreign:
                self._post.pending.remove(opened.mail.id)
            self._commits.count(turn, "fenced")
            _logger.warning("%s", error)
            return
        self._commits.count(turn, "parked")
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
