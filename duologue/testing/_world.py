"""The raw updates of the recording messenger: how they are made and read.

An update is a JSON object: `type` is the name of the event as routers know it,
`id`, `chat_id`, `user_id` and `time` are always there, the rest depends on the
type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypedDict

from duologue.dialogs import (
    Attachment,
    Bot,
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    CallbackButton,
    Chat,
    ChatTitleChanged,
    ChatType,
    CommentCreated,
    CommentEdited,
    CommentRemoved,
    DialogCleared,
    DialogMuted,
    DialogRemoved,
    DialogUnmuted,
    InlineButton,
    LinkButton,
    Message,
    MessageCreated,
    MessageEdited,
    MessageRemoved,
    UnreadableMessage,
    Update,
    User,
    UserAdded,
    UserRemoved,
)
from duologue.dialogs._chat._data import Json
from duologue.errors import MalformedUpdateError, UnknownUpdateError
from duologue.testing._shown import Raw, ShownMessage

_COMMENTS = frozenset({"comment", "edited_comment", "removed_comment"})
_PLAIN: Mapping[str, type[Update]] = {
    "bot_stopped": BotStopped,
    "bot_added": BotAdded,
    "bot_removed": BotRemoved,
    "dialog_cleared": DialogCleared,
    "dialog_removed": DialogRemoved,
    "dialog_unmuted": DialogUnmuted,
    "unreadable_message": UnreadableMessage,
    "user_added": UserAdded,
    "user_removed": UserRemoved,
}


class _Common(TypedDict):
    id: str
    bot: Bot
    chat: Chat
    user: User | None
    timestamp: datetime
    thread_id: int | None
    raw: Raw


def make(
    event: str,
    name: str,
    chat_id: int,
    user_id: int | None,
    fields: Mapping[str, object],
) -> Raw:
    """Make a raw update that happens now.

    Args:
        event: Its type.
        name: Its id.
        chat_id: Where it happens.
        user_id: Who does it.
        fields: What else its type has.
    """
    return {
        "type": event,
        "id": name,
        "chat_id": chat_id,
        "user_id": user_id,
        "time": asyncio.get_running_loop().time(),
        **fields,
    }


def written(
    message: ShownMessage,
    attachments: Sequence[Attachment],
    reply_to: ShownMessage | None,
) -> Raw:
    """Make the raw form of a message that somebody has written just now.

    Args:
        message: The message.
        attachments: What it holds besides.
        reply_to: The message that it answers.
    """
    raw = dict(message.to_raw())
    raw["attachments"] = [_raw_attachment(each) for each in attachments]
    if reply_to is not None:
        raw["reply_to"] = reply_to.to_raw()
    return raw


def parse(raw: Raw, bot: Bot) -> Update:
    """Make an update of its raw form.

    Raises:
        UnknownUpdateError: Its type is not known.
        MalformedUpdateError: Something is missing in it.
    """
    try:
        return _parse(raw, bot)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedUpdateError(repr(error)) from error


def _parse(raw: Json, bot: Bot) -> Update:
    kind = raw["type"]
    common = _common(raw, bot)
    if kind in ("message", "edited_message"):
        made = MessageCreated if kind == "message" else MessageEdited
        return made(**common, message=_message(raw["message"], common["chat"], bot))
    if kind == "callback_query":
        return _callback(raw, common, bot)
    if kind in _COMMENTS:
        return _comment(kind, raw, common, bot)
    return _event(kind, raw, common)


def _comment(kind: str, raw: Json, common: _Common, bot: Bot) -> Update:
    if kind == "removed_comment":
        return CommentRemoved(
            **common, post_id=raw["post_id"], message_id=raw["message_id"]
        )
    made = CommentCreated if kind == "comment" else CommentEdited
    message = _message(raw["message"], common["chat"], bot)
    return made(**common, post_id=raw["post_id"], message=message)


def _callback(raw: Json, common: _Common, bot: Bot) -> Update:
    held_by = raw["message"]
    return Callback(
        **common,
        callback_id=raw["callback_id"],
        payload=raw["payload"],
        message=None if held_by is None else _message(held_by, common["chat"], bot),
    )


def _event(kind: str, raw: Json, common: _Common) -> Update:
    match kind:
        case "removed_message":
            return MessageRemoved(**common, message_id=raw["message_id"])
        case "bot_started":
            return BotStarted(**common, payload=raw.get("payload"))
        case "chat_title_changed":
            return ChatTitleChanged(**common, title=raw["title"])
        case "dialog_muted":
            return DialogMuted(**common, until=raw.get("until"))
        case "bot_admin_permissions_changed":
            permissions = tuple(raw.get("permissions", ()))
            return BotAdminPermissionsChanged(
                **common, is_admin=raw["is_admin"], permissions=permissions
            )
        case _:
            return _plain(kind)(**common)


def _plain(kind: str) -> type[Update]:
    if kind not in _PLAIN:
        raise UnknownUpdateError(kind)
    return _PLAIN[kind]


def _common(raw: Json, bot: Bot) -> _Common:
    user_id = raw["user_id"]
    return _Common(
        id=raw["id"],
        bot=bot,
        chat=Chat(raw["chat_id"], chat_type(raw["chat_id"])),
        user=None if user_id is None else user_of(user_id, raw.get("user_locale")),
        timestamp=datetime.fromtimestamp(raw["time"], UTC),
        thread_id=raw.get("thread_id"),
        raw=raw,
    )


def user_of(user_id: int, language_code: str | None = None) -> User:
    """The user of a number."""
    return User(user_id, f"User {user_id}", language_code=language_code)


def chat_type(chat_id: int) -> ChatType:
    """Groups have negative numbers here, private chats positive ones."""
    return ChatType.GROUP if chat_id < 0 else ChatType.PRIVATE


def _message(raw: Json, chat: Chat, bot: Bot) -> Message:
    user_id = raw["user_id"]
    answered = raw.get("reply_to")
    return Message(
        id=raw["id"],
        chat=chat,
        sender=(
            User(bot.id, "Bot", is_bot=True) if user_id is None else user_of(user_id)
        ),
        text=raw["text"],
        keyboard=tuple(
            tuple(_button(button) for button in row) for row in raw["keyboard"]
        ),
        reply_to=None if answered is None else _message(answered, chat, bot),
        raw=raw,
        attachments=tuple(Attachment(*each) for each in raw.get("attachments", ())),
        is_shared=raw.get("is_shared", False),
    )


def _button(raw: Json) -> InlineButton:
    text, payload, url = raw
    return CallbackButton(text, payload) if url is None else LinkButton(text, url)


def _raw_attachment(attachment: Attachment) -> list[str | int | None]:
    return [
        attachment.kind,
        attachment.name,
        attachment.size,
        attachment.url,
        attachment.token,
    ]
