"""Plays turns: the body within its time, then the commit and what it lets out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from duologue.actors import Opened
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._receipts import Waiter
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import Snapshot
from duologue.dialogs._state._turn import Draw, Turn, enter_turn, leave_turn
from duologue.dialogs._turns._execution import DiscardedError
from duologue.dialogs._turns._stage import Stage
from duologue.errors import TurnCancelledError, TurnTimeoutError, UnknownBotError

T = TypeVar("T")


class Playing:
    """Plays turns.

    Args:
        stage: What they work with.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_stopping = False

    def stop(self) -> None:
        """Leave the turns that are cancelled from now on to a later run."""
        self._is_stopping = True

    def turn(self, opened: Opened) -> Turn:
        """Make a turn with a working copy of the state.

        Raises:
            UnknownBotError: The runtime does not have the bot of the address.
        """
        address = Address.parse(opened.key)
        bot = self._stage.bots.get(address.bot)
        if bot is None:
            raise UnknownBotError(address.bot, tuple(self._stage.bots))
        snapshot = Snapshot(opened.snapshot, self._stage.dispatcher.state_by_name)
        return Turn(address, bot, snapshot=snapshot)

    def limit(self, waiter: Waiter | None) -> float:
        """The seconds that the turn of a message may take."""
        if waiter is None or waiter.lending is None:
            return self._stage.turn_timeout
        return self._stage.turn_timeout + waiter.lending.timeout

    async def play(self, turn: Turn, limit: float, work: Awaitable[T]) -> T:
        """Run the body of a turn.

        Raises:
            TurnTimeoutError: It took more than `limit` seconds.
            Exception: Whatever the body raises.
        """
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

    def is_cut_off(self) -> bool:
        """Tell whether everything stops, or just this turn has been cancelled."""
        task = asyncio.current_task()
        if task is None or self._is_stopping:
            return True
        while task.cancelling():
            task.uncancel()
        return False

    async def commit(self, opened: Opened, turn: Turn, *, keep: bool) -> Opened | None:
        """Make what a turn has changed real; the next message, if it is to be kept.

        Raises:
            FencedError: Another one has taken the address over.
        """
        following = await self._stage.engine.commit(
            opened,
            snapshot=turn.snapshot.encode() if turn.is_changed else None,
            outbox=turn.outbox,
            keep=keep,
        )
        if turn.outbox:
            self._stage.post.released(turn.outbox)
        return following

    def withdraw(self, turn: Turn, error: BaseException) -> None:
        """Take back what a turn without a commit has prepared."""
        for undo in turn.undo:
            undo()
        if turn.outbox:
            self._stage.post.withdraw(turn.outbox, _cause(error, turn.address.key))

    def release(self, turn: Turn) -> asyncio.Future[None] | None:
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

    def count(self, turn: Turn | None, outcome: str) -> None:
        """Count a turn; None for one that could not even be made."""
        observer = self._stage.observer
        observer.count("turns", dialog=dialog_name(turn), outcome=outcome)
        if turn is not None and turn.fate is not None:
            fate = turn.fate if outcome == "committed" else outcome
            observer.count("updates", bot=turn.address.bot, outcome=fate)


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


def dialog_name(turn: Turn | None) -> str:
    """The dialog of a turn, as metrics call it."""
    return "none" if turn is None else turn.dialog
