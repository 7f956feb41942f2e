"""From the JSON of the MAX Bot API to the updates that handlers see.

Written out by hand, one look at each field: this runs for every update. Fields
that are not needed are not looked at, and unknown ones are ignored.

All but presses are read in full, so that what is wrong with them is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypedDict

from duologue.dialogs import (
    Bot,
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Chat,
    ChatTitleChanged,
    CommentCreated,
    CommentEdited,
    CommentRemoved,
    DialogCleared,
    DialogMuted,
    DialogRemoved,
    DialogUnmuted,
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
from duologue.errors import UnknownUpdateError
from duologue.transport.max._fields import (
    integer,
    items,
    object_at,
    optional_integer,
    optional_object,
    optional_text,
    text,
)
from duologue.transport.max._message import message, user
from duologue.transport.max._press import Raw, chat_named, moment, press, speaking

# What a message that the messenger does not show to bots says of its chat: nothing.
_NOWHERE = Chat(0)


def parse(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Update:
    """Make the update of its JSON form.

    MAX gives updates no id; the one made here is the same for every delivery of
    the same event, which is all that the documentation asks of receivers.

    Args:
        raw: One element of the answer to GET /updates, or the body of a webhook.
        bot: Who received it.
        private_chats: The private chats of users, as far as they are known: MAX does
            not always name them. The number of a user stands in for an unknown one.

    Raises:
        UnknownUpdateError: Its type is not known here.
        MalformedUpdateError: It does not have the documented shape; the reason
            names the place, never the content.
    """
    update_type = text(raw, "update_type", "")
    if update_type == "message_callback":
        return press(raw, bot, private_chats)
    if update_type in _WRITTEN:
        return _written(raw, bot, private_chats)
    parser = _PARSERS.get(update_type)
    if parser is None:
        raise UnknownUpdateError(update_type)
    return parser(raw, bot)


def _written(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Update:
    """Read an update that consists of a message."""
    kind = raw["update_type"]
    stamp = integer(raw, "timestamp", "")
    if kind == "message_created" and raw.get("message") is None:
        return _unreadable(raw, bot, stamp)
    post = _post_of(raw)
    found = message(
        object_at(raw, "message", ""),
        "message.",
        homes=private_chats,
        bot=bot if post is None else None,  # nobody can answer a comment
    )
    author = found.sender
    if author is not None:
        author = speaking(author, raw.get("user_locale"))
    common = _Common(
        id=f"{kind}:{_identity(found)}:{stamp}",
        bot=bot,
        chat=found.chat,
        user=author,
        timestamp=moment(stamp),
        raw=raw,
    )
    is_new = kind in _CREATED
    if post is not None:
        comment = CommentCreated if is_new else CommentEdited
        return comment(**common, post_id=post, message=found)
    made = MessageCreated if is_new else MessageEdited
    return made(**common, message=found)


def _post_of(raw: Raw) -> str | None:
    """The post that a message comments on, if it does.

    Source: comments came as messages with `recipient.post_id` in August 2026
    (K1rL3s/maxo issue 174), and have types of their own since.
    """
    found = object_at(raw, "message", "")
    recipient = optional_object(found, "recipient", "message.")
    if recipient is None:
        return None
    return optional_text(recipient, "post_id", "message.recipient.")


def _unreadable(raw: Raw, bot: Bot, stamp: int) -> UnreadableMessage:
    # Source: voice messages and round videos since August 2026, max-bot-api-client-ts
    # issue 250. There is a time and nothing else.
    return UnreadableMessage(
        id=f"message_created:{stamp}",
        bot=bot,
        chat=_NOWHERE,
        user=None,
        timestamp=moment(stamp),
        raw=raw,
    )


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
        chat=chat_named(raw),
        user=User(id=integer(raw, "user_id", "")),
        timestamp=moment(stamp),
        raw=raw,
        message_id=message_id,
    )


def _comment_removed(raw: Raw, bot: Bot) -> CommentRemoved:
    message_id = text(raw, "message_id", "")
    stamp = integer(raw, "timestamp", "")
    return CommentRemoved(
        id=f"comment_removed:{message_id}:{stamp}",
        bot=bot,
        chat=chat_named(raw),
        user=User(id=integer(raw, "user_id", "")),
        timestamp=moment(stamp),
        raw=raw,
        post_id=optional_text(raw, "post_id", ""),
        message_id=message_id,
    )


def _started(raw: Raw, bot: Bot) -> BotStarted:
    return BotStarted(
        **_common(raw, bot, _actor(raw)),
        payload=optional_text(raw, "payload", ""),
    )


def _titled(raw: Raw, bot: Bot) -> ChatTitleChanged:
    return ChatTitleChanged(
        **_common(raw, bot, _actor(raw)),
        title=text(raw, "title", ""),
    )


def _plain(kind: type[Update]) -> Callable[[Raw, Bot], Update]:
    def parsed(raw: Raw, bot: Bot) -> Update:
        return kind(**_common(raw, bot, _actor(raw)))

    return parsed


def _added(raw: Raw, bot: Bot) -> BotAdded:
    # It comes without `user` since November 2026 (dev.max.ru, changelog of the API).
    actor = None if raw.get("user") is None else _actor(raw)
    return BotAdded(
        **_common(raw, bot, actor),
    )


def _muted(raw: Raw, bot: Bot) -> DialogMuted:
    until = optional_integer(raw, "muted_until", "")
    return DialogMuted(
        **_common(raw, bot, _actor(raw)),
        until=None if until is None else moment(until, "muted_until"),
    )


def _permitted(raw: Raw, bot: Bot) -> BotAdminPermissionsChanged:
    actor = User(integer(raw, "user_id", ""))
    permissions = items(raw, "permissions", "")
    return BotAdminPermissionsChanged(
        **_common(raw, bot, actor),
        is_admin=raw.get("is_admin") is True,
        permissions=tuple([each for each in permissions if isinstance(each, str)]),
    )


def _actor(raw: Raw) -> User:
    found = user(object_at(raw, "user", ""), "user.")
    return speaking(found, raw.get("user_locale"))


class _Common(TypedDict):
    """What all updates have."""

    id: str
    bot: Bot
    chat: Chat
    user: User | None
    timestamp: datetime
    raw: Raw


def _common(raw: Raw, bot: Bot, actor: User | None) -> _Common:
    chat_id = integer(raw, "chat_id", "")
    stamp = integer(raw, "timestamp", "")
    who = 0 if actor is None else actor.id
    return _Common(
        id=f"{text(raw, 'update_type', '')}:{chat_id}:{who}:{stamp}",
        bot=bot,
        chat=chat_named(raw),
        user=actor,
        timestamp=moment(stamp),
        raw=raw,
    )


_CREATED = ("message_created", "comment_created")
_WRITTEN = (*_CREATED, "message_edited", "comment_edited")
_PARSERS: Mapping[str, Callable[[Raw, Bot], Update]] = {
    "bot_added": _added,
    "bot_admin_permissions_changed": _permitted,
    "bot_removed": _plain(BotRemoved),
    "bot_started": _started,
    "bot_stopped": _plain(BotStopped),
    "chat_title_changed": _titled,
    "comment_removed": _comment_removed,
    "dialog_cleared": _plain(DialogCleared),
    "dialog_muted": _muted,
    "dialog_removed": _plain(DialogRemoved),
    "dialog_unmuted": _plain(DialogUnmuted),
    "message_removed": _removed,
    "user_added": _plain(UserAdded),
    "user_removed": _plain(UserRemoved),
}
