"""Answers to presses: in time, whatever the mailbox is busy with."""

from __future__ import annotations

import logging
from collections import Counter

from duologue.actors import Clock, Observer
from duologue.actors._time._deadlines import Deadlines
from duologue.dialogs._chat._address import bot_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._state._turn import active_turn
from duologue.errors import MessengerError

_MAX_WAITING = 4
_logger = logging.getLogger("duologue.callbacks")


class _Open:
    __slots__ = ("bot", "chat_id", "deadlines", "is_late")

    def __init__(self, bot: Bot, chat_id: int, deadlines: Deadlines[str]) -> None:
        self.bot: Bot = bot
        self.chat_id: int = chat_id
        self.deadlines: Deadlines[str] = deadlines
        self.is_late: bool = False


class Callbacks:
    """Knows the presses that nobody has answered yet.

    A press is answered by the drawing that it caused, by its handler, or, when
    neither happens in time, without a visible effect at the deadline.

    Args:
        tasks: Owns the calls to the messenger.
        clock: Tells the deadline.
        observer: Counts what became of the presses.
    """

    def __init__(self, tasks: Tasks, clock: Clock, observer: Observer) -> None:
        self._tasks = tasks
        self._clock = clock
        self._observer = observer
        self._open: dict[str, _Open] = {}
        self._deadlines: dict[float, Deadlines[str]] = {}
        self._waiting: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, callback_id: str) -> bool:
        return callback_id in self._open

    def open(self, bot: Bot, chat_id: int, callback_id: str, now: float) -> None:
        """Note a press that has just arrived, by the clock."""
        if callback_id in self._open:
            return
        seconds = bot.capabilities.answer_deadline
        deadlines = self._deadlines.get(seconds)
        if deadlines is None:
            deadlines = Deadlines(self._clock, seconds, self._expire)
            self._deadlines[seconds] = deadlines
        deadlines.add(callback_id, now)
        self._open[callback_id] = _Open(bot, chat_id, deadlines)

    def take(self, callback_id: str) -> bool:
        """Take over the duty to answer a press.

        Returns:
            Whether it was still unanswered.
        """
        return self._close(callback_id) is not None

    def answer(self, callback_id: str, text: str | None) -> None:
        """Answer a press for its handler: with the commit, or at once outside a turn."""
        turn = active_turn()
        if turn is None:
            self.finish(callback_id, text)
        else:
            turn.answers[callback_id] = text

    def finish(self, callback_id: str, text: str | None = None) -> None:
        """Answer a press that draws nothing."""
        opened = self._close(callback_id)
        if opened is not None:
            self._send(opened, callback_id, text)

    def supersede(self, callback_id: str) -> None:
        """Answer a press whose drawing was replaced, if the limits allow it now."""
        opened = self._close(callback_id)
        if opened is None:
            return
        if not opened.bot.ready_now(opened.chat_id):
            self._count(opened, "dropped")
            return
        self._tasks.start(self._call(opened, callback_id, None), "answer to a press")

    def close(self) -> None:
        """Forget all presses; nothing is sent any more."""
        self._open.clear()
        for deadlines in self._deadlines.values():
            deadlines.clear()

    def _close(self, callback_id: str) -> _Open | None:
        opened = self._open.pop(callback_id, None)
        if opened is not None:
            opened.deadlines.discard(callback_id)
        return opened

    def _expire(self, callback_id: str) -> None:
        opened = self._close(callback_id)
        if opened is not None:
            opened.is_late = True
            self._send(opened, callback_id, None)

    def _send(self, opened: _Open, callback_id: str, text: str | None) -> None:
        if text is None and self._waiting[opened.chat_id] >= _MAX_WAITING:
            self._count(opened, "dropped")
            return
        self._waiting[opened.chat_id] += 1
        self._tasks.start(
            self._wait_and_call(opened, callback_id, text), "answer to a press"
        )

    async def _wait_and_call(
        self, opened: _Open, callback_id: str, text: str | None
    ) -> None:
        try:
            await opened.bot.ready(opened.chat_id)
            await self._call(opened, callback_id, text)
        finally:
            self._waiting[opened.chat_id] -= 1
            if not self._waiting[opened.chat_id]:
                del self._waiting[opened.chat_id]

    async def _call(self, opened: _Open, callback_id: str, text: str | None) -> None:
        try:
            await opened.bot.answer(opened.chat_id, callback_id, notification=text)
        except MessengerError as error:
            self._count(opened, "failed")
            _logger.info("a press could not be answered: %s", error)
        else:
            self._count(opened, "deadline" if opened.is_late else "answered")

    def _count(self, opened: _Open, outcome: str) -> None:
        self._observer.count("callbacks", bot=bot_key(opened.bot), outcome=outcome)
