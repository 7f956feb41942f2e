"""What happened in a messenger, as frozen values.

Each update is also the `event` that handlers receive. `id` is the key by which
a repeated delivery is recognised.

A press is the commonest update, and its turn needs a few of its fields. So an adapter
may leave the others unread (`Callback.unread`): each is read from `raw` when somebody
asks for it, and kept. Nobody can tell, but for two things: what is wrong in an unread
field is noticed when it is read, and `raw` must not be changed before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias  # noqa: TID251  # it hides no import

from duologue.dialogs._chat._chat import Attachment, View
from duologue.dialogs._chat._message import Message
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._chat._views import Buttons, as_view

ReadField: TypeAlias = Callable[[str], object]
"""Gives the field of an update that has a name."""

_READ_LATER = frozenset({"chat", "user", "timestamp", "message"})
_set = object.__setattr__  # the one way into a frozen value


class ChatUpdate(Update):
    """An update whose chat can be written to."""

    __slots__ = ()

    async def answer(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
        at_once: bool = False,
    ) -> Sent:
        """Send a message to its chat; see `Message.answer`."""
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        return await self.bot.send(self.chat_id, view, at_once=at_once)

    async def answer_chat_action(self, action: str = "typing") -> None:
        """Show in its chat what the bot is doing; see `Bot.send_chat_action`."""
        await self.bot.send_chat_action(self.chat_id, action)


class _AboutMessage(ChatUpdate):
    """An update about a message that somebody wrote."""

    __slots__ = ()
    message: Message

    def __post_init__(self) -> None:
        _set(self, "message", self.message.of(self.bot))

    async def reply(
        self,
        text: str | View,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        *,
        show_link_preview: bool = True,
        at_once: bool = False,
    ) -> Sent:
        """Send a message to its chat that quotes it; see `Message.answer`."""
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        return await self.message.reply(view, at_once=at_once)

    async def delete(self) -> None:
        """Delete the message; inside a turn with the commit."""
        await self.message.delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCreated(_AboutMessage):
    """Somebody wrote a message."""

    message: Message

    @property
    def text(self) -> str:
        """The text of the message."""
        return self.message.text

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files, pictures and all else that the message holds."""
        return self.message.attachments


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableMessage(Update):
    """Somebody wrote what the messenger does not show to bots, such as a voice message.

    MAX names neither who nor where: `user` is None, `chat_id` is 0, and no answer
    can be sent there.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(_AboutMessage):
    """Somebody changed a message."""

    message: Message

    @property
    def text(self) -> str:
        """The new text of the message."""
        return self.message.text

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files, pictures and all else that the message holds now."""
        return self.message.attachments


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRemoved(ChatUpdate):
    """A message was deleted."""

    message_id: str


class _ReadInParts(Update):
    """An update some fields of which are read when somebody asks for them."""

    __slots__ = ("_chat_id", "_message_id", "_read", "_user_id")
    _chat_id: int
    _message_id: str | None
    _read: ReadField
    _user_id: int | None

    if not TYPE_CHECKING:  # or else every misspelt name would be a field

        def __getattr__(self, name: str) -> object:
            """Read a field that has no value yet."""
            if name in _READ_LATER:
                value = self._read(name)
                if isinstance(value, Message) and value.bot is None:
                    value = value.of(self.bot)
            elif name == "_chat_id":
                value = self.chat.id
            elif name == "_user_id":
                value = None if self.user is None else self.user.id
            elif name == "_message_id":
                value = None if self.message is None else self.message.id
            else:
                raise AttributeError(name=name, obj=self)
            _set(self, name, value)
            return value


class CallbackAnswers(Protocol):
    """Takes the answers that handlers give to callbacks."""

    def expect(self, press: Callback) -> None:
        """See to it that a press is answered in time, if it is not answered already."""
        ...

    def answer(self, press: Callback, text: str | None) -> None:
        """Note the answer; it is sent with the commit or at once outside a turn."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback(_ReadInParts):
    """Somebody pressed an inline button.

    Attributes:
        callback_id: The messenger's id of this press, needed to answer it.
        payload: What the button carries.
        message: The message that holds the button; None if it is gone.
    """

    callback_id: str
    payload: str
    message: Message | None
    answers: CallbackAnswers | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.message is not None:
            _set(self, "message", self.message.of(self.bot))

    @classmethod
    def unread(
        cls,
        raw: Mapping[str, object],
        bot: Bot,
        *,
        id: str,  # noqa: A002  # the name of the field
        callback_id: str,
        payload: str,
        chat_id: int,
        user_id: int | None,
        message_id: str | None,
        read: ReadField,
        thread_id: int | None = None,
        answers: CallbackAnswers | None = None,
    ) -> Self:
        """Make a press of which only so much has been read.

        Args:
            raw: The update as the messenger sent it.
            bot: The bot that received it.
            id: Recognises a repeated delivery.
            callback_id: The messenger's id of this press.
            payload: What the button carries.
            chat_id: The number of the chat.
            user_id: The number of the user.
            message_id: The id of the message that holds the button.
            read: Reads `chat`, `user`, `timestamp` or `message` from it.
            thread_id: The topic inside the chat.
            answers: Who takes the answer.
        """
        press = object.__new__(cls)
        _set(press, "id", id)
        _set(press, "raw", raw)
        _set(press, "bot", bot)
        _set(press, "callback_id", callback_id)
        _set(press, "payload", payload)
        _set(press, "thread_id", thread_id)
        _set(press, "answers", answers)
        _set(press, "_chat_id", chat_id)
        _set(press, "_user_id", user_id)
        _set(press, "_message_id", message_id)
        _set(press, "_read", read)
        return press

    @property
    def chat_id(self) -> int:
        """The number of the chat.

        The user's private chat where the messenger no longer knows the message.
        """
        return self._chat_id

    @property
    def user_id(self) -> int | None:
        """The number of the user."""
        return self._user_id

    @property
    def message_id(self) -> str | None:
        """The id of the message that holds the button; None if it is gone."""
        return self._message_id

    @property
    def data(self) -> str:
        """The payload, under the name that Telegram uses."""
        return self.payload

    async def answer(
        self,
        text: str | None = None,
        show_alert: bool = False,  # noqa: FBT001, FBT002  # as the peers have it
    ) -> None:
        """Answer the press; the messenger stops showing it as pending.

        Inside a turn the answer leaves with the commit. A press that nobody
        answers is answered without text by the runtime, at its deadline; a text
        that comes later is sent as a message.

        Args:
            text: A short notice to show to the user, or None for none.
            show_alert: Whether the user has to close the notice. MAX shows all
                notices in the same way.
        """
        del show_alert  # no messenger of this version has two ways
        if self.answers is not None:
            self.answers.answer(self, text)

    def answer_through(self, answers: CallbackAnswers) -> None:
        """Say who takes its answer; the runtime does so before anybody sees it."""
        _set(self, "answers", answers)

    def copy(
        self, *, payload: str | None = None, answers: CallbackAnswers | None = None
    ) -> Self:
        """Make a copy that differs where something is given.

        Args:
            payload: What the button carries instead.
            answers: Who takes the answer instead.
        """
        return self.unread(
            self.raw,
            self.bot,
            id=self.id,
            callback_id=self.callback_id,
            payload=self.payload if payload is None else payload,
            chat_id=self._chat_id,
            user_id=self._user_id,
            message_id=self._message_id,
            read=partial(getattr, self),  # what one of them reads, both have
            thread_id=self.thread_id,
            answers=self.answers if answers is None else answers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStarted(ChatUpdate):
    """A user opened the conversation with the bot.

    Attributes:
        payload: What the deep link carried, if there was one.
    """

    payload: str | None = None

    @property
    def text(self) -> str:
        """The command that the press stands for: `/start`, and the payload."""
        return f"/start {self.payload}" if self.payload else "/start"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStopped(Update):
    """A user stopped the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAdded(ChatUpdate):
    """The bot was added to a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRemoved(Update):
    """The bot was removed from a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAdded(ChatUpdate):
    """A user joined a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRemoved(ChatUpdate):
    """A user left a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTitleChanged(ChatUpdate):
    """A chat got another title."""

    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogCleared(ChatUpdate):
    """A user deleted the history of the private chat with the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogMuted(ChatUpdate):
    """A user turned off the notifications of the private chat with the bot.

    Attributes:
        until: When they come back; None if never.
    """

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogUnmuted(ChatUpdate):
    """A user turned the notifications of the private chat on again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogRemoved(Update):
    """A user deleted the private chat with the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAdminPermissionsChanged(ChatUpdate):
    """The bot may do other things in a group or a channel than before.

    Attributes:
        is_admin: Whether it is an administrator now.
        permissions: What it may do, by the messenger's names.
    """

    is_admin: bool
    permissions: tuple[str, ...] = ()
