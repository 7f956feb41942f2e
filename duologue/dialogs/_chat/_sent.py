"""Messages that handlers send, edit and delete.

Inside a turn all of it is noted in the turn and leaves with the commit. Outside of one a
call waits for the limits of the messenger and is made. A `Sent` stands for a message from
the moment when it is sent for: it holds a random token, and whoever sends the message
tells it the id. A handle that is kept in the data of a dialog finds the id in the state,
which hears of it by `Delivered`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from duologue.dialogs._chat._calls import CallKind, MessengerCalls
from duologue.dialogs._chat._chat import View
from duologue.dialogs._chat._views import Buttons, as_view, check_text, plain_view
from duologue.errors import (
    MessengerError,
    RateLimitedError,
    ReentrantCallError,
    SentIdError,
)

_SHORTEST_PAUSE = 0.1
T = TypeVar("T")
_logger = logging.getLogger("duologue.dialogs")


class SendingTurn(Protocol):
    """A turn, as far as messages need it."""

    active: bool

    def send_out(self, outgoing: Outgoing) -> None:
        """Have something leave with the commit."""
        ...

    def sent_id(self, token: str) -> str | None:
        """The id of a message that was sent earlier, as far as the state knows it."""
        ...


sending_turn: ContextVar[SendingTurn | None] = ContextVar("duologue_turn", default=None)
"""The turn that the caller runs in; it may have ended."""


class Sent:
    """A message of the bot that is sent, or will be with the commit of its turn.

    It may be kept in the data of a dialog and used in a later turn.
    """

    __slots__ = (
        "_arrived",
        "_calls",
        "_id",
        "bot_key",
        "chat_id",
        "is_stored",
        "token",
    )

    def __init__(
        self,
        bot_key: str,
        chat_id: int,
        token: str,
        *,
        message_id: str | None = None,
        calls: MessengerCalls | None = None,
    ) -> None:
        self.bot_key: str = bot_key
        self.chat_id: int = chat_id
        self.token: str = token
        self.is_stored: bool = False
        self._id = message_id
        self._calls = calls
        self._arrived: Callable[[], Awaitable[None]] | None = None

    def __repr__(self) -> str:
        return f"<Sent {self._id or self.token} in chat {self.chat_id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sent) and other.token == self.token

    def __hash__(self) -> int:
        return hash(self.token)

    @property
    def id(self) -> str:
        """The id of the message.

        Raises:
            SentIdError: It is not sent yet, or never was.
        """
        found = self.known_id()
        if found is None:
            raise SentIdError(self.chat_id)
        return found

    @property
    def message_id(self) -> str:
        """The id of the message, under the name that Telegram uses."""
        return self.id

    def known_id(self) -> str | None:
        """The id of the message; None as long as nobody knows it."""
        turn = _active()
        if self._id is None and turn is not None:
            self._id = turn.sent_id(self.token)
        return self._id

    async def edit_text(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
    ) -> None:
        """Replace the text of the message, and its buttons.

        Inside a turn it leaves with the commit, behind the message itself.

        Args:
            text: The new text, or a whole view.
            parse_mode: `"html"` or `"markdown"` if the text has markup.
            reply_markup: Rows of buttons.
            show_link_preview: Whether the messenger may expand links.

        Raises:
            MessageTextError: No messenger takes the text.
        """
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        await edit(self._calls, self.chat_id, self, view)

    async def delete(self) -> None:
        """Delete the message; inside a turn with the commit, behind the message itself."""
        await delete(self._calls, self.chat_id, self)

    async def drawn(self) -> None:
        """Wait until the message can be seen; not inside a turn.

        Raises:
            ReentrantCallError: Called inside a turn, which it would wait for.
            SentIdError: Its turn failed, or goes on.
            MessengerError: The messenger refused it.
        """
        if self.known_id() is not None:
            return
        if _active() is not None:
            raise ReentrantCallError
        if self._arrived is not None:
            await self._arrived()
        if self._id is None:
            raise SentIdError(self.chat_id)

    def leave(self, arrived: Callable[[], Awaitable[None]]) -> None:
        """Learn that its turn is committed, and how to wait for it."""
        self._arrived = arrived

    def arrive(self, message_id: str) -> None:
        """Learn its id."""
        self._id, self._arrived = message_id, None

    def store(self) -> list[object]:
        """Its form in the data of a dialog."""
        self.is_stored = True
        return self.form()

    def form(self) -> list[object]:
        """All that a copy of it has to know, as JSON."""
        return [self.bot_key, self.chat_id, self.token, self._id]

    @staticmethod
    def restore(form: list[object]) -> Sent:
        """Make it of that form."""
        bot_key, chat_id, token, message_id = form
        assert isinstance(bot_key, str)  # noqa: S101  # `store` wrote it
        assert isinstance(chat_id, int)  # noqa: S101  # `store` wrote it
        assert isinstance(token, str)  # noqa: S101  # `store` wrote it
        known = message_id if isinstance(message_id, str) else None
        sent = Sent(bot_key, chat_id, token, message_id=known)
        sent.is_stored = True
        return sent


@dataclass(slots=True)
class Outgoing:
    """What a handler wants to happen in a chat.

    Attributes:
        bot_key: Which bot does it.
        chat_id: Where.
        target: The message: a new one, or one that is to change.
        view: What to show; None deletes the message.
        is_new: Whether the message does not exist yet.
        is_followed: Whether it is changed or deleted by what leaves behind it.
        reply_to: The message that a new one answers.
    """

    bot_key: str
    chat_id: int
    target: Sent | str
    view: View | None
    reply_to: str | None = None
    is_new: bool = False
    is_followed: bool = False


async def send(
    calls: MessengerCalls,
    chat_id: int,
    view: str | View,
    *,
    reply_to: str | None = None,
    at_once: bool = False,
) -> Sent:
    """Send a message: with the commit of the turn, or now; see `Bot.send`."""
    view = plain_view(view)
    _check(calls, view)
    token = secrets.token_urlsafe(9)
    sent = Sent(_key(calls), chat_id, token, calls=calls)
    turn = _active()
    if turn is not None and not at_once:
        turn.send_out(
            Outgoing(sent.bot_key, chat_id, sent, view, reply_to, is_new=True)
        )
        return sent

    async def call() -> str:
        return await calls.send_now(chat_id, view, reply_to=reply_to)

    sent.arrive(await _call(calls, chat_id, "send", call))
    return sent


async def edit(
    calls: MessengerCalls | None, chat_id: int, target: Sent | str, view: str | View
) -> None:
    """Change a message: with the commit of the turn, or now; see `Bot.edit`."""
    view = plain_view(view)
    _check(calls, view)
    if _noted(calls, chat_id, target, view):
        return
    able, message_id = await _reached(calls, target, chat_id)

    async def call() -> None:
        await able.edit_now(chat_id, message_id, view)

    await _call(able, chat_id, "edit", call)


async def delete(
    calls: MessengerCalls | None, chat_id: int, target: Sent | str
) -> None:
    """Delete a message: with the commit of the turn, or now; see `Bot.delete`."""
    if _noted(calls, chat_id, target, None):
        return
    able, message_id = await _reached(calls, target, chat_id)

    async def call() -> None:
        await able.delete_now(chat_id, message_id)

    await _call(able, chat_id, "delete", call)


async def act(calls: MessengerCalls, chat_id: int, action: str) -> None:
    """Show what the bot is doing; see `Bot.send_chat_action`."""
    try:
        await calls.act_now(chat_id, action)
    except MessengerError as error:
        _logger.info("an action is not shown: %s", error)


def _active() -> SendingTurn | None:
    turn = sending_turn.get()
    return turn if turn is not None and turn.active else None


def _key(calls: MessengerCalls) -> str:
    return f"{calls.messenger}.{calls.id}"


def _noted(
    calls: MessengerCalls | None, chat_id: int, target: Sent | str, view: View | None
) -> bool:
    """Note a change in the turn; tell whether there is one."""
    turn = _active()
    if turn is None:
        return False
    if isinstance(target, Sent):
        bot_key, target = target.bot_key, target.known_id() or target
    else:
        bot_key = "" if calls is None else _key(calls)
    turn.send_out(Outgoing(bot_key, chat_id, target, view))
    return True


async def _reached(
    calls: MessengerCalls | None, target: Sent | str, chat_id: int
) -> tuple[MessengerCalls, str]:
    """What changes a message outside of a turn.

    Raises:
        SentIdError: The message was never sent, or the handle comes from the data of
            a dialog and its id was not known there.
    """
    if isinstance(target, Sent):
        await target.drawn()
        target = target.id
    if calls is None:
        raise SentIdError(chat_id)
    return calls, target


async def _call(
    calls: MessengerCalls,
    chat_id: int,
    kind: CallKind,
    call: Callable[[], Awaitable[T]],
) -> T:
    """Make a call within the limits; the messenger's own are waited for too."""
    while True:
        await calls.ready(chat_id, kind)
        try:
            return await call()
        except RateLimitedError as error:
            await asyncio.sleep(max(error.retry_after, _SHORTEST_PAUSE))


def _check(calls: MessengerCalls | None, view: View) -> None:
    check_text(view, None if calls is None else calls.capabilities.text_limit)
