"""What the control door reports beside the log."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.transport.sandbox._bot_api._fields import text_at
from duologue.transport.sandbox._world._log import Faces
from duologue.transport.sandbox._world._queue import Queued
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._subscriptions import Subscription
from duologue.transport.sandbox._world._values import Chat, ChatKind
from duologue.transport.sandbox._world._world import faces


@dataclass(frozen=True, slots=True)
class VisibleMessage:
    """A message as a chat shows it now.

    Attributes:
        message_id: Its id.
        chat_id: Where it is.
        user_id: Who sent it.
        is_from_bot: Whether the bot sent it.
        time: When, in milliseconds of wall time.
        text: What it says.
        keyboard: The rows of its keyboard, each button as (text, payload).
        attachments: The types of its other attachments.
        reply_to: The message it replies to.
    """

    message_id: str
    chat_id: int
    user_id: int
    is_from_bot: bool
    time: int
    text: str
    keyboard: Faces
    attachments: tuple[str, ...] = ()
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedUpdate:
    """An update that waits for its commitment.

    Attributes:
        position: Its place in the queue.
        update_type: Its type, None when a raw update has none.
        message_id: The message it carries.
        callback_id: The click it carries.
        text: The text of a message, the payload of a click or a start.
    """

    position: int
    update_type: str | None = None
    message_id: str | None = None
    callback_id: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where the bot stands in its updates.

    Attributes:
        committed: Every update before this position is committed.
        next: The position of the next update to come.
        queued: Updates that are not committed, oldest first.
        polls: How many polls of the bot are held open now.
    """

    committed: int
    next: int
    queued: tuple[QueuedUpdate, ...]
    polls: int


@dataclass(frozen=True, slots=True)
class RequestCount:
    """How often a method of the Bot API was answered with a status.

    Attributes:
        method: The HTTP method.
        path: The path as the API names it, such as ``/messages/{mid}``;
            ``(unknown)`` stands for all that it does not know.
        status: The HTTP status; 0 when the connection was closed instead.
        count: How often.
    """

    method: str
    path: str
    status: int
    count: int


@dataclass(frozen=True, slots=True)
class WebhookInfo:
    """A webhook of the bot.

    Attributes:
        url: Where updates are sent.
        update_types: Which ones; empty for all.
        has_secret: Whether a secret is sent along.
    """

    url: str
    update_types: tuple[str, ...]
    has_secret: bool


@dataclass(frozen=True, slots=True)
class BotInfo:
    """The bot that the sandbox serves."""

    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user of the sandbox."""

    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class ChatInfo:
    """A chat that a user is in.

    Attributes:
        chat_id: Its id.
        title: The title of a group, else the name of the bot.
        is_group: Whether it is a group, else it is the dialog with the bot.
        members: The users in it, without the bot.
        is_suspended: Whether the user stopped the bot.
        text: The text of its newest message, None when there is no message.
        time: When that was sent, in milliseconds of wall time.
    """

    chat_id: int
    title: str
    is_group: bool
    members: tuple[int, ...]
    is_suspended: bool
    text: str | None = None
    time: int | None = None


def users(service: Service) -> list[UserInfo]:
    """List the users."""
    return [UserInfo(person.id, person.name) for person in service.world.users()]


def chats(service: Service, user_id: int) -> list[ChatInfo]:
    """List the chats of a user."""
    return [_chat(service, chat) for chat in service.world.chats_of(user_id)]


def _chat(service: Service, chat: Chat) -> ChatInfo:
    shown = service.world.visible(chat.id)
    return ChatInfo(
        chat.id,
        service.world.bot.name if chat.title is None else chat.title,
        chat.kind is ChatKind.GROUP,
        tuple(sorted(chat.members)),
        chat.is_suspended,
        shown[-1].content.text if shown else None,
        shown[-1].at if shown else None,
    )


def webhook(one: Subscription) -> WebhookInfo:
    """Tell of a webhook."""
    return WebhookInfo(one.url, one.update_types, one.secret is not None)


def visible(service: Service, chat_id: int) -> list[VisibleMessage]:
    """List what a chat shows, oldest first."""
    world = service.world
    return [
        VisibleMessage(
            message.id,
            message.chat_id,
            message.sender_id,
            message.sender_id == world.bot.id,
            message.at,
            message.content.text,
            faces(message.content.keyboard),
            tuple(str(media["type"]) for media in message.content.media),
            message.origin.id if message.origin and message.link == "reply" else None,
        )
        for message in world.visible(world.chat(chat_id).id)
    ]


def position(service: Service) -> Position:
    """Tell where the bot stands."""
    queue = service.queue
    return Position(
        queue.committed,
        queue.next,
        tuple(map(_summary, queue.waiting)),
        service.open_polls(),
    )


def request_counts(service: Service) -> list[RequestCount]:
    """Count the answered requests by method, path and status."""
    counts = sorted(service.requests.items())
    return [RequestCount(*key, number) for key, number in counts]


def _summary(queued: Queued) -> QueuedUpdate:
    update = queued.update
    return QueuedUpdate(
        queued.position,
        text_at(update, "update_type"),
        text_at(update, "message", "body", "mid"),
        text_at(update, "callback", "callback_id"),
        text_at(update, "callback", "payload")
        or text_at(update, "message", "body", "text")
        or text_at(update, "payload"),
    )
