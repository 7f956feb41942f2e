"""From the JSON of the MAX Bot API to the updates that handlers see.

Written out by hand, one look at each field: this runs for every update. Fields
that are not needed are not looked at, and unknown ones are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

from duologue.dialogs import (
    Bot,
    BotAdded,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    Chat,
    ChatTitleChanged,
    ChatType,
    Message,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    Update,
    User,
    UserAdded,
    UserRemoved,
)
from duologue.errors import MalformedUpdateError, UnknownUpdateError
from duologue.transport.max._fields import (
    integer,
    object_at,
    optional_object,
    optional_text,
    text,
)
from duologue.transport.max._message import message, user

Raw = Mapping[str, object]
T = TypeVar("T", MessageCreated, MessageEdited)


def parse(raw: Raw, bot: Bot) -> Update:
    """Make the update of its JSON form.

    MAX gives updates no id; the one made here is the same for every delivery of
    the same event, which is all that the documentation asks of receivers.

    Args:
        raw: One element of the answer to GET /updates, or the body of a webhook.
        bot: Who received it.

    Raises:
        UnknownUpdateError: Its type is not known here.
        MalformedUpdateError: It does not have the documented shape; the reason
            names the place, never the content.
    """
    update_type = text(raw, "update_type", "")
    parser = _PARSERS.get(update_type)
    if parser is None:
        raise UnknownUpdateError(update_type)
    return parser(raw, bot)


def _callback(raw: Raw, bot: Bot) -> Callback:
    press = object_at(raw, "callback", "")
    callback_id = text(press, "callback_id", "callback.")
    pressed_at = integer(press, "timestamp", "callback.")
    payload = optional_text(press, "payload", "callback.") or ""
    presser = user(object_at(press, "user", "callback."), "callback.user.")
    held = optional_object(raw, "message", "")
    shown = None if held is None else message(held, "message.")
    return Callback(
        id=_press_id(callback_id, pressed_at, payload, user_id=presser.id),
        bot=bot,
        chat=_chat(raw) if shown is None else shown.chat,
        user=presser,
        timestamp=_time(pressed_at, "callback.timestamp"),
        raw=raw,
        callback_id=callback_id,
        payload=payload,
        message=shown,
    )


def _press_id(callback_id: str, pressed_at: int, payload: str, *, user_id: int) -> str:
    # The documentation calls callback_id "the id of the keyboard", so it may
    # not be enough. Hashed, because ids are kept and a payload can be long.
    key = f"{callback_id}\0{pressed_at}\0{user_id}\0{payload}"
    digest = blake2b(key.encode(errors="surrogatepass"), digest_size=16)
    return f"message_callback:{digest.hexdigest()}"


def _written(made: type[T]) -> Callable[[Raw, Bot], T]:
    """Make the parser of an update that consists of a message."""

    def parse_one(raw: Raw, bot: Bot) -> T:
        found = message(object_at(raw, "message", ""), "message.")
        stamp = integer(raw, "timestamp", "")
        return made(
            id=f"{raw['update_type']}:{_identity(found)}:{stamp}",
            bot=bot,
            chat=found.chat,
            user=found.sender,
            timestamp=_time(stamp),
            raw=raw,
            message=found,
        )

    return parse_one


def _identity(written: Message) -> str:
    # A pure forward may come without a body, and so without an id of its own.
    sender = 0 if written.sender is None else written.sender.id
    return written.id or f"{written.chat.id}:{sender}"


def _removed(raw: Raw, bot: Bot) -> MessageRemoved:
    message_id = text(raw, "message_id", "")
    stamp = integer(raw, "timestamp", "")
    return MessageRemoved(
        id=f"message_removed:{message_id}:{stamp}",
        bot=bot,
        chat=_chat(raw),
        user=User(id=integer(raw, "user_id", "")),
        timestamp=_time(stamp),
        raw=raw,
        message_id=message_id,
    )


def _started(raw: Raw, bot: Bot) -> BotStarted:
    actor = _actor(raw)
    return BotStarted(
        id=_event_id(raw, actor),
        bot=bot,
        chat=_chat(raw),
        user=actor,
        timestamp=_time(integer(raw, "timestamp", "")),
        raw=raw,
        payload=optional_text(raw, "payload", ""),
    )


def _titled(raw: Raw, bot: Bot) -> ChatTitleChanged:
    actor = _actor(raw)
    return ChatTitleChanged(
        id=_event_id(raw, actor),
        bot=bot,
        chat=_chat(raw),
        user=actor,
        timestamp=_time(integer(raw, "timestamp", "")),
        raw=raw,
        title=text(raw, "title", ""),
    )


def _plain(kind: type[Update]) -> Callable[[Raw, Bot], Update]:
    def parsed(raw: Raw, bot: Bot) -> Update:
        actor = _actor(raw)
        return kind(
            id=_event_id(raw, actor),
            bot=bot,
            chat=_chat(raw),
            user=actor,
            timestamp=_time(integer(raw, "timestamp", "")),
            raw=raw,
        )

    return parsed


def _actor(raw: Raw) -> User:
    return user(object_at(raw, "user", ""), "user.")


def _event_id(raw: Raw, actor: User) -> str:
    chat_id = integer(raw, "chat_id", "")
    stamp = integer(raw, "timestamp", "")
    return f"{text(raw, 'update_type', '')}:{chat_id}:{actor.id}:{stamp}"


def _chat(raw: Raw) -> Chat:
    """Read the chat of an update that has no message to tell its type."""
    chat_id = integer(raw, "chat_id", "")
    if chat_id > 0:
        return Chat(chat_id, ChatType.PRIVATE)
    is_channel = raw.get("is_channel") is True
    return Chat(chat_id, ChatType.CHANNEL if is_channel else ChatType.GROUP)


def _time(milliseconds: int, path: str = "timestamp") -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise MalformedUpdateError(f"{path} is not a time in milliseconds") from error


_PARSERS: Mapping[str, Callable[[Raw, Bot], Update]] = {
    "bot_added": _plain(BotAdded),
    "bot_removed": _plain(BotRemoved),
    "bot_started": _started,
    "bot_stopped": _plain(BotStopped),
    "chat_title_changed": _titled,
    "message_callback": _callback,
    "message_created": _written(MessageCreated),
    "message_edited": _written(MessageEdited),
    "message_removed": _removed,
    "user_added": _plain(UserAdded),
    "user_removed": _plain(UserRemoved),
}
