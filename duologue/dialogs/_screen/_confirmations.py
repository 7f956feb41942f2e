"""What the state and the engine hear of drawings: news, what is paid, rows of messages.

The state hears of new messages and of refusals, as mail to the conversation. The engine
hears, in the same step, which debts are paid, and what the next process has to know of a
message until the state does (`Row`). An edit of a message that the state knows is no news.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TypeAlias

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._sent import Outgoing, Sent
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._drawing import kind_of
from duologue.dialogs._screen._rows import Row
from duologue.dialogs._screen._screens import Order, Screen, Screens
from duologue.dialogs._state._commands import (
    Delivered,
    Drawn,
    MessageRefused,
    Refusal,
    ViewRefused,
)
from duologue.dialogs._state._turn import Debt, Draw
from duologue.errors import MessageGoneError, MessengerError

_logger = logging.getLogger("duologue.presenter")

News: TypeAlias = list[tuple[Drawn | Delivered | Refusal, Order | None]]
"""What the state is to hear, and the view that it is about."""

Confirm = Callable[
    [Screen, News, list[str], bytes | None], Coroutine[object, object, object]
]
"""Tells a conversation the news, and the engine what is paid and what is in the row."""


class Confirmations:
    """Tells conversations and the engine what became of views.

    Args:
        tasks: Owns what is told beside the drawing.
        confirm: Tells them.

    Attributes:
        rows: What the next process has to know of chats, by the keys of their screens.
    """

    def __init__(self, tasks: Tasks, confirm: Confirm) -> None:
        self._tasks = tasks
        self._confirm = confirm
        self.rows: dict[str, Row] = {}

    def recall(self, screen: Screen, known: int) -> None:
        """Take the message of an idle screen from its row, if that is newer.

        The process before has sent it, and the state has not heard of it yet.
        """
        row, name = self.rows.get(screen.key), screen.row_name
        if row is not None and name in row:
            screen.message_id = row.find(name, known) or screen.message_id
            screen.has_row = True

    async def tell(self, screen: Screen, order: Order, news: News) -> None:
        """Let the state know, and the engine what it does not owe any more."""
        done = _paid(order.debts)
        if not news and not done:
            return
        row = self._note(screen, order.draw, news) if order.debts else None
        await self._confirm(screen, news, done, row)

    def pay(self, screen: Screen, debts: list[Debt]) -> None:
        """Let the engine know what will never be drawn."""
        done = _paid(debts)
        if done:
            self._tasks.start(self._confirm(screen, [], done, None), screen.name)

    def rest(self, screens: Screens, screen: Screen) -> None:
        """Forget the row of a screen on which nothing is on its way."""
        self._tasks.start(self._forget(screens, screen), screen.name)

    def _note(self, screen: Screen, draw: Draw, news: News) -> bytes | None:
        """Note what a next process has to know of a message, if anything."""
        out = draw.outgoing
        sent = None if out is None else out.target
        is_new = bool(news) and screen.message_id is not None and sent is None
        is_followed = out is not None and (out.is_followed or bool(screen.orders))
        if not (is_new or is_followed):
            return None
        row, name = self.rows.setdefault(screen.key, Row()), screen.row_name
        screen.has_row = True
        if isinstance(sent, Sent):
            message_id = sent.known_id()
            if message_id is not None:
                row.note_sent(name, sent.token, message_id)
        elif screen.message_id is not None:
            row.note(name, draw.revision, screen.message_id)
        return row.encode()

    async def _forget(self, screens: Screens, screen: Screen) -> None:
        """Forget the row of a screen, unless there is more to be drawn on it."""
        current = screens.get(screen.stack_id, screen)
        if current.is_busy:
            current.has_row = True
            return
        screen.has_row = False
        row = self.rows.get(screen.key, Row())
        row.drop(screen.row_name)
        text = row.encode()
        if not text:
            self.rows.pop(screen.key, None)
        await self._confirm(screen, [], [], text)


async def take_back(screen: Screen, news: News) -> None:
    """Delete a window that was sent too late: another process has sent a newer one."""
    for command, _ in news:
        if not isinstance(command, Drawn) or command.message_id is None:
            continue
        if command.message_id != command.previous_id:
            await screen.bot.ready(screen.chat_id, "delete")
            try:
                await screen.bot.delete_now(screen.chat_id, command.message_id)
            except MessengerError as error:
                _logger.info("a window that came too late stays: %s", error)


def drawing_of(
    screen: Screen, draw: Draw, previous: str | None, *, is_drawn: bool
) -> News:
    """What the state is to know of a drawing."""
    if is_drawn:
        if draw.view is None or screen.message_id is None:
            return []
        screen.unconfirmed.append(draw.revision)
        drawn = Drawn(draw.stack_id, draw.revision, screen.message_id, previous)
        return [(drawn, None)]
    if draw.outgoing is None:
        return []
    sent = draw.outgoing.target
    if isinstance(sent, Sent) and sent.is_stored and draw.outgoing.is_new:
        return [(Delivered(sent.token, sent.id), None)]
    return []


def refusal_of(screen: Screen, order: Order, error: MessengerError) -> News:
    """What the state is to know of a refusal, and then whoever handles errors."""
    draw = order.draw
    if draw.outgoing is not None and draw.cause != "error":
        return _refused_message(screen, order, draw.outgoing, error)
    if draw.view is None or draw.cause == "error" or draw.state is None:
        what = "view" if draw.outgoing is None else "message"
        key = screen.address.key
        _logger.warning("a %s of %s is dropped: %s", what, key, error)
    if draw.view is None:
        return []
    screen.unconfirmed.append(draw.revision)
    news: News = [(Drawn(draw.stack_id, draw.revision, None, None), None)]
    if draw.cause == "error" or draw.state is None:
        return news
    refused = ViewRefused(
        draw.stack_id,
        draw.intent_id,
        draw.state.state,
        None if screen.shown is None else screen.shown.state,
        [type(error).__name__, *error.args],
        draw.cause,
    )
    news.append((refused, order))
    return news


def _refused_message(
    screen: Screen, order: Order, outgoing: Outgoing, error: MessengerError
) -> News:
    """What error handlers are to know; who deletes what is gone has what he wants."""
    kind = kind_of(outgoing)
    if kind == "delete" and isinstance(error, MessageGoneError):
        _logger.info("%s", error)
        return []
    said: list[Json] = [type(error).__name__, *error.args]
    return [(MessageRefused(kind, screen.chat_id, said, order.draw.cause), order)]


def _paid(debts: list[Debt]) -> list[str]:
    """Take one part of each debt away; tell which are paid now."""
    done: list[str] = []
    for debt in debts:
        debt.parts -= 1
        if not debt.parts:
            done.append(debt.id)
    return done
