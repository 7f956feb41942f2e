"""Answers to presses: in time, whatever the mailbox is busy with.

A press is answered by the drawing that it caused, by its handler, or, when neither
happens in time, without a visible effect at the deadline. What the messenger's limits do
not allow at once waits for its chat: the newest press comes first, then those with a
text, in their order, then the others. Only presses without a text are ever dropped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from duologue.actors import Clock, Observer
from duologue.actors._time._deadlines import Deadlines
from duologue.dialogs._chat._address import bot_key
from duologue.dialogs._chat._calls import CallKind
from duologue.dialogs._chat._chat import View
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._state._turn import Debt, active_turn
from duologue.errors import (
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnexpectedAnswerError,
)

_MAX_WAITING = 100  # presses of one chat without a text
_MAX_TEXTS = 1000
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_logger = logging.getLogger("duologue.callbacks")


class _Open:
    __slots__ = ("bot", "chat_id", "deadlines")

    def __init__(self, bot: Bot, chat_id: int, deadlines: Deadlines[str]) -> None:
        self.bot: Bot = bot
        self.chat_id: int = chat_id
        self.deadlines: Deadlines[str] = deadlines


class _Answer:
    """An answer on its way; without a press it is a message."""

    __slots__ = ("callback_id", "debt", "outcome", "text")

    def __init__(
        self,
        callback_id: str | None,
        text: str | None,
        outcome: str = "answered",
        debt: Debt | None = None,
    ) -> None:
        self.callback_id: str | None = callback_id
        self.text: str | None = text
        self.outcome: str = outcome
        self.debt: Debt | None = debt

    @property
    def kind(self) -> CallKind:
        return "send" if self.callback_id is None else "answer"


class _Waiting:
    """The answers that wait for the limits of one chat."""

    __slots__ = ("bot", "chat_id", "is_running", "newest", "pause", "plain", "texts")

    def __init__(self, bot: Bot, chat_id: int) -> None:
        self.bot: Bot = bot
        self.chat_id: int = chat_id
        self.plain: deque[_Answer] = deque()
        self.texts: deque[_Answer] = deque()
        self.newest: _Answer | None = None
        self.pause: float = 0.0
        self.is_running: bool = False

    def __bool__(self) -> bool:
        return bool(self.plain or self.texts)

    def add(self, answer: _Answer) -> _Answer | None:
        """Add the newest answer; return the oldest if it has to go."""
        if answer.callback_id is not None:
            self.newest = answer
        queue, limit = (
            (self.plain, _MAX_WAITING)
            if answer.text is None
            else (self.texts, _MAX_TEXTS)
        )
        queue.append(answer)
        return queue.popleft() if len(queue) > limit else None

    def next(self) -> _Answer:
        """What is to be answered next."""
        return self.newest or (self.texts or self.plain)[0]

    def take(self) -> _Answer:
        """Take out what is to be answered next."""
        answer = self.next()
        self.newest = None
        (self.plain if answer.text is None else self.texts).remove(answer)
        return answer

    def put_back(self, answer: _Answer) -> None:
        """Take back what could not be answered now."""
        (self.plain if answer.text is None else self.texts).appendleft(answer)
        self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)


class Callbacks:
    """Knows the presses that nobody has answered yet.

    Args:
        tasks: Owns the calls to the messenger.
        clock: Tells the deadline.
        observer: Counts what became of the presses.
        pay: Is told of answers that are not owed any more.
    """

    def __init__(
        self,
        tasks: Tasks,
        clock: Clock,
        observer: Observer,
        pay: Callable[[Debt], object],
    ) -> None:
        self._tasks = tasks
        self._clock = clock
        self._observer = observer
        self._pay = pay
        self._open: dict[str, _Open] = {}
        # On their way since the deadline. What a commit owes for them is paid when they arrive.
        self._late: dict[str, _Answer] = {}
        self._deadlines: dict[float, Deadlines[str]] = {}
        self._waiting: dict[tuple[str, int], _Waiting] = {}

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

    def expect(self, press: Callback) -> None:
        """See to it that a press is answered in time."""
        now = self._clock.time()
        self.open(press.bot, press.chat_id, press.callback_id, now)

    def take(self, callback_id: str) -> bool:
        """Take over the duty to answer a press.

        Returns:
            Whether it was still unanswered.
        """
        return self._close(callback_id) is not None

    def answer(self, press: Callback, text: str | None) -> None:
        """Answer a press for its handler: with the commit, or at once outside a turn."""
        turn = active_turn()
        if turn is None:
            self.reply(press.bot, press.chat_id, press.callback_id, text)
        elif text is not None or press.callback_id not in turn.answers:
            turn.answers[press.callback_id] = text

    def finish(
        self, callback_id: str, text: str | None = None, debt: Debt | None = None
    ) -> None:
        """Answer a press that draws nothing, unless it is answered already."""
        opened = self._close(callback_id)
        if opened is not None:
            answer = _Answer(callback_id, text, debt=debt)
            self._add(opened.bot, opened.chat_id, answer)
        elif debt is not None:
            late = self._late.get(callback_id)
            if late is None or late.debt is not None:
                self._pay(debt)
            else:
                late.debt = debt

    def reply(
        self,
        bot: Bot,
        chat_id: int,
        callback_id: str,
        text: str | None,
        debt: Debt | None = None,
    ) -> None:
        """Answer a press; a text for one that is answered already is a message."""
        if text is None or callback_id in self._open:
            self.finish(callback_id, text, debt)
        else:
            self._add(bot, chat_id, _Answer(None, text, debt=debt))

    def give_back(
        self,
        bot: Bot,
        chat_id: int,
        callback_id: str,
        text: str | None,
        debt: Debt | None = None,
    ) -> None:
        """Answer a press that was taken over by a drawing which failed."""
        self._add(bot, chat_id, _Answer(callback_id, text, debt=debt))

    def close(self) -> None:
        """Forget all presses; nothing is sent any more."""
        self._open.clear()
        self._late.clear()
        self._waiting.clear()
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
            answer = self._late[callback_id] = _Answer(callback_id, None, "deadline")
            self._add(opened.bot, opened.chat_id, answer)

    def _add(self, bot: Bot, chat_id: int, answer: _Answer) -> None:
        key = (bot_key(bot), chat_id)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(bot, chat_id)
        oldest = waiting.add(answer)
        if oldest is not None:
            self._count(waiting, "dropped")
            self._settle(oldest)
        self._begin(waiting)

    def _begin(self, waiting: _Waiting) -> None:
        if not waiting.is_running:
            waiting.is_running = True
            self._tasks.start(self._work_off(waiting), "answers to presses")

    async def _work_off(self, waiting: _Waiting) -> None:
        """Begin the calls at the pace of the messenger; none waits for another."""
        try:
            while waiting:
                await self._wait(waiting)
                call = self._call(waiting, waiting.take())
                self._tasks.start(call, "answer to a press")
        finally:
            waiting.is_running = False

    async def _wait(self, waiting: _Waiting) -> None:
        """Wait until the next answer may leave."""
        if waiting.pause:
            await self._clock.sleep(waiting.pause)
        kind = waiting.next().kind
        while not waiting.bot.ready_now(waiting.chat_id, kind):
            await waiting.bot.ready(waiting.chat_id, kind)
            if waiting.next().kind == kind:
                break
            kind = waiting.next().kind

    async def _call(self, waiting: _Waiting, answer: _Answer) -> None:
        try:
            await self._send(waiting, answer)
        except (RateLimitedError, MessengerUnavailableError, UnexpectedAnswerError):
            waiting.put_back(answer)
            self._begin(waiting)
        except MessengerError as error:
            self._count(waiting, "failed")
            _logger.info("a press could not be answered: %s", error)
            if answer.text is not None and answer.callback_id is not None:
                message = _Answer(None, answer.text, debt=answer.debt)
                self._add(waiting.bot, waiting.chat_id, message)
            else:
                self._settle(answer)
        else:
            waiting.pause = 0.0
            self._count(waiting, answer.outcome)
            self._settle(answer)
        finally:
            if not waiting and not waiting.is_running:
                self._waiting.pop((bot_key(waiting.bot), waiting.chat_id), None)

    async def _send(self, waiting: _Waiting, answer: _Answer) -> None:
        bot, chat_id = waiting.bot, waiting.chat_id
        if answer.callback_id is not None:
            await bot.answer_now(chat_id, answer.callback_id, notification=answer.text)
        elif answer.text is not None:
            await bot.send_now(chat_id, View(answer.text))

    def _settle(self, answer: _Answer) -> None:
        """An answer is not owed any more."""
        if answer.callback_id is not None:
            self._late.pop(answer.callback_id, None)
        if answer.debt is not None:
            self._pay(answer.debt)

    def _count(self, waiting: _Waiting, outcome: str) -> None:
        self._observer.count("callbacks", bot=bot_key(waiting.bot), outcome=outcome)
