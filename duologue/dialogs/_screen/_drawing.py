"""The calls that bring one view onto one screen."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from duologue.actors import Observer
from duologue.dialogs._chat._calls import CallKind
from duologue.dialogs._chat._chat import View
from duologue.dialogs._chat._sent import Outgoing, Sent
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._screens import Order, Screen
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._turn import Debt, Draw
from duologue.errors import (
    BadRequestError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnexpectedAnswerError,
)

PASSING = (RateLimitedError, MessengerUnavailableError, UnexpectedAnswerError)
"""Errors after which the same call may succeed later."""

# Messages whose handles are kept in data, in all conversations.
_MAX_SENT = 10_000
_logger = logging.getLogger("duologue.presenter")


class Drawing:
    """Makes the calls for a view, each after the right to it was taken.

    Args:
        callbacks: The presses that drawings may answer.
        observer: Counts what happens to drawings.
    """

    def __init__(self, callbacks: Callbacks, observer: Observer) -> None:
        self._callbacks = callbacks
        self._observer = observer
        self._sent: dict[str, str] = {}

    def first_kind(self, screen: Screen, order: Order) -> CallKind:
        """What the first call for an order is to the limits of the messenger."""
        draw, message_id = order.draw, screen.message_id
        if draw.view is None:
            return "edit" if draw.outgoing is None else kind_of(draw.outgoing)
        if message_id is None or draw.mode is ShowMode.SEND:
            return "send"
        if draw.mode is ShowMode.DELETE_AND_SEND:
            return "delete"
        press = draw.callback_id
        if press is None or draw.pressed_id != message_id:
            return "edit"
        return "answer" if order.is_answering or press in self._callbacks else "edit"

    async def draw(self, screen: Screen, order: Order) -> None:
        """Make one attempt to bring the view of an order onto its screen.

        Raises:
            MessengerError: It failed; after those in `PASSING` it may succeed later.
        """
        draw = order.draw
        chat_id = screen.chat_id
        if draw.outgoing is not None:
            await self._send_out(screen, draw.outgoing)
        elif draw.view is None:
            await self._close(screen)
        elif draw.mode is ShowMode.EDIT and screen.message_id is not None:
            await self._edit(screen, order, draw.view, screen.message_id)
        elif draw.mode is ShowMode.DELETE_AND_SEND and screen.message_id is not None:
            old = screen.message_id
            if not await self._delete(screen, old) and draw.strip:
                screen.strips.append(old)
            draw.mode = ShowMode.SEND
            await screen.bot.ready(chat_id, "send")
            screen.message_id = await screen.bot.send_now(chat_id, draw.view)
        else:
            left_behind = screen.message_id
            screen.message_id = await screen.bot.send_now(chat_id, draw.view)
            if left_behind is not None and draw.strip:
                screen.strips.append(left_behind)

    async def _send_out(self, screen: Screen, outgoing: Outgoing) -> None:
        """Make the call that a handler wants."""
        bot, target, view = screen.bot, outgoing.target, outgoing.view
        message_id = target if isinstance(target, str) else self._sent_id(target)
        if isinstance(target, Sent) and outgoing.is_new and view is not None:
            reply_to = outgoing.reply_to
            sent = await bot.send_now(screen.chat_id, view, reply_to=reply_to)
            self._arrived(target, sent)
        elif message_id is None:
            raise MessageGoneError("edit", "the message was never sent")
        elif view is not None:
            await bot.edit_now(screen.chat_id, message_id, view)
        else:
            await bot.delete_now(screen.chat_id, message_id)

    def know(self, tokens: Mapping[str, str]) -> None:
        """Learn the ids of messages that a process before this one has sent."""
        self._sent.update(tokens)

    def _sent_id(self, sent: Sent) -> str | None:
        return sent.known_id() or self._sent.get(sent.token)

    def _arrived(self, sent: Sent, message_id: str) -> None:
        sent.arrive(message_id)
        if sent.is_stored:  # its copies learn of it here, until the state knows it
            self._sent[sent.token] = message_id
            if len(self._sent) > _MAX_SENT:
                del self._sent[next(iter(self._sent))]

    async def _edit(
        self, screen: Screen, order: Order, view: View, message_id: str
    ) -> None:
        chat_id = screen.chat_id
        self._part_from_press(screen, order, message_id)
        callback_id = order.draw.callback_id
        if callback_id is not None and not order.is_answering:
            order.is_answering = self._callbacks.take(callback_id)
            if not order.is_answering:
                self.reply(screen, order.draw)
        try:
            if callback_id is not None and order.is_answering:
                await self._answer(
                    screen, order, view, message_id=message_id, press=callback_id
                )
            else:
                await screen.bot.edit_now(chat_id, message_id, view)
        except PASSING:
            raise
        except MessageGoneError:
            self._count("draws", screen, "gone")
            await self._send_instead(screen, order, view)
        except BadRequestError as error:
            # It may be too old to be changed. What is wrong with the view itself is
            # wrong with a new message too.
            self._count("draws", screen, "not_edited")
            _logger.info("%s", error)
            await self._send_instead(screen, order, view)
            if order.draw.strip:
                screen.strips.append(message_id)

    async def _send_instead(self, screen: Screen, order: Order, view: View) -> None:
        """Send a view as a new message because the old one cannot show it."""
        self.give_back(screen, order)
        await screen.bot.ready(screen.chat_id, "send")
        screen.message_id = await screen.bot.send_now(screen.chat_id, view)

    async def _answer(
        self, screen: Screen, order: Order, view: View, *, message_id: str, press: str
    ) -> None:
        """Let the answer to a press carry the view."""
        chat_id = screen.chat_id
        notice = order.draw.notification
        try:
            await screen.bot.answer_now(chat_id, press, view=view, notification=notice)
        except (BadRequestError, MessageGoneError) as error:
            # The press or its message is too old: an edit tells which.
            _logger.info("%s", error)
            await screen.bot.ready(chat_id, "edit")
            await screen.bot.edit_now(chat_id, message_id, view)
            self._count("callbacks", screen, "failed")
            self.give_back(screen, order)
        except PASSING:
            raise
        except MessengerError:
            self._count("callbacks", screen, "failed")
            raise
        else:
            self._count("callbacks", screen, "answered")

    def _count(self, name: str, screen: Screen, outcome: str) -> None:
        self._observer.count(name, bot=screen.address.bot, outcome=outcome)

    def reply(self, screen: Screen, draw: Draw) -> None:
        """Let a press be answered without the view; its text is never lost."""
        press, draw.callback_id = draw.callback_id, None
        if press is not None:
            chat_id, text = screen.chat_id, draw.notification
            debt = _part(draw)
            self._callbacks.reply(screen.bot, chat_id, press, text, debt)

    def give_back(self, screen: Screen, order: Order) -> None:
        """Let the press be answered without the view, which cannot be drawn so."""
        draw, is_answering = order.draw, order.is_answering
        order.is_answering = False
        if draw.callback_id is None or not is_answering:
            self.reply(screen, draw)
            return
        press, draw.callback_id = draw.callback_id, None
        chat_id, text = screen.chat_id, draw.notification
        debt = _part(draw)
        self._callbacks.give_back(screen.bot, chat_id, press, text, debt)

    def _part_from_press(self, screen: Screen, order: Order, message_id: str) -> None:
        """Answer a press by itself if its message is not the one to be drawn.

        The answer to a press can only change the message that was pressed.
        """
        draw = order.draw
        if draw.callback_id is not None and draw.pressed_id != message_id:
            self.give_back(screen, order)

    async def _close(self, screen: Screen) -> None:
        if screen.message_id is not None:
            message_id, screen.message_id = screen.message_id, None
            try:
                await screen.bot.remove_keyboard_now(screen.chat_id, message_id)
            except PASSING:
                screen.message_id = message_id
                raise
            except MessageGoneError:
                self._count("draws", screen, "gone")

    async def _delete(self, screen: Screen, message_id: str) -> bool:
        """Delete a message; tell whether it is gone for sure."""
        is_deleted = True
        try:
            await screen.bot.delete_now(screen.chat_id, message_id)
        except PASSING:
            raise
        except MessengerError as error:
            # It may be too old; the new message matters more.
            self._count("draws", screen, "not_deleted")
            _logger.info("%s", error)
            is_deleted = isinstance(error, MessageGoneError)
        screen.message_id = None
        return is_deleted

    async def strip(self, screen: Screen, message_id: str) -> None:
        """Take the buttons off a message that was left behind, if it still has any.

        Raises:
            MessengerError: It failed in a way that may pass; see `PASSING`.
        """
        try:
            await screen.bot.remove_keyboard_now(screen.chat_id, message_id)
        except PASSING:
            raise
        except MessengerError as error:
            self._count("draws", screen, "not_stripped")
            _logger.info("%s", error)


def _part(draw: Draw) -> Debt | None:
    """Let the answer to a press be owed beside the view."""
    if draw.press_debt is not None:
        draw.press_debt.parts += 1
    return draw.press_debt


def kind_of(outgoing: Outgoing) -> CallKind:
    """What the call for a handler is to the limits of the messenger."""
    if outgoing.is_new:
        return "send"
    return "delete" if outgoing.view is None else "edit"
