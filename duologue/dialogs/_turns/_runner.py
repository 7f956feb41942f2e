"""Runs turns: from a message in a mailbox to its commit and its effects."""

from __future__ import annotations

import asyncio
import logging

from duologue.actors import AsyncActor, Opened
from duologue.dialogs._delivery._receipts import Waiter
from duologue.dialogs._state._commands import Command, Drawn, HandleUpdate, decode
from duologue.dialogs._state._turn import Turn
from duologue.dialogs._turns._execution import DiscardedError, Execution
from duologue.dialogs._turns._failed_turns import FailedTurns
from duologue.dialogs._turns._playing import Playing, dialog_name
from duologue.dialogs._turns._stage import Stage
from duologue.errors import FencedError, TurnAbortedError, TurnCancelledError

_BATCH = 8
_logger = logging.getLogger("duologue.dialogs")


class TurnRunner:
    """Runs the turns of all addresses.

    Args:
        stage: What they work with.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._execution = Execution(stage)
        self._playing = Playing(stage)
        self._failed = FailedTurns(stage, self._execution, self._playing)

    async def run(self, key: str) -> None:
        """Handle the mail of a leased address: a batch, then others get their turn."""
        opened = await self._stage.engine.open(key)
        handled = 0
        while opened is not None:
            handled += 1
            opened = await self._handle(opened, keep=handled < _BATCH)

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._playing.stop()

    async def _handle(self, opened: Opened, *, keep: bool) -> Opened | None:
        waiter = self._stage.post.waiters.get(opened.mail.id)
        try:
            if waiter is not None:
                waited = self._stage.clock.time() - waiter.since
                self._stage.observer.record("mailbox_wait_seconds", waited)
            return await self._run_turn(opened, waiter, keep=keep)
        except Exception as error:  # noqa: BLE001  # no error may keep the lease
            await self._failed.abandon(opened, waiter, error)
            return None

    async def _run_turn(
        self, opened: Opened, waiter: Waiter | None, *, keep: bool
    ) -> Opened | None:
        started = self._stage.clock.time()
        turn: Turn | None = None
        try:
            turn = self._playing.turn(opened)
            return await self._attempt(opened, turn, waiter, keep=keep)
        except FencedError as error:
            self._playing.count(turn, "fenced")
            _logger.warning("%s", error)
        except DiscardedError as discarded:
            self._playing.count(turn, "discarded")
            return await self._discard(opened, waiter, discarded.error, keep=keep)
        except asyncio.CancelledError:
            if self._playing.is_cut_off():
                await self._stage.engine.fail(opened, error="cancelled", retry=True)
                raise
            await self._failed.report(
                opened, turn, waiter, TurnCancelledError(opened.key)
            )
        except Exception as error:  # noqa: BLE001  # whatever a handler raises
            await self._failed.report(opened, turn, waiter, error)
        except (SystemExit, BaseExceptionGroup) as error:
            # It ends this turn; what a handler raises never ends the program.
            aborted = TurnAbortedError(opened.key, repr(error))
            await self._failed.report(opened, turn, waiter, aborted)
        finally:
            seconds = self._stage.clock.time() - started
            dialog = dialog_name(turn)
            self._stage.observer.record("turn_duration_seconds", seconds, dialog=dialog)
        return None

    async def _attempt(
        self, opened: Opened, turn: Turn, waiter: Waiter | None, *, keep: bool
    ) -> Opened | None:
        command = _command(opened, waiter)
        work = self._execution.execute(turn, command, waiter)
        try:
            outcome = await self._playing.play(turn, self._playing.limit(waiter), work)
            _check_block(waiter)
            following = await self._playing.commit(opened, turn, keep=keep)
        except BaseException as error:
            self._playing.withdraw(turn, error)
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
        self._playing.count(turn, "committed")
        drawn = self._playing.release(turn)
        key = turn.address.key
        if isinstance(command, Drawn):
            self._stage.presenter.confirmed(key, command.stack_id)
        elif drawn is None and not isinstance(command, HandleUpdate):
            drawn = self._stage.presenter.in_flight(key, command.stack_id)
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
