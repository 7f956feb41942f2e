"""From the JSON of the MAX Bot API to the updates that handlers see.

Written out by hand, one look at each field: this runs for every update. Fields
that are not needed are not looked at, and unknown ones are ignored.

A press that is exactly as documented is read as far as its turn needs it. Any other
update is read in full, so that what is wrong with it is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import TypedDict, cast

from duologue.dialogs import (
    Bot,
    BotAdded,
    BotAdminPermissionsChanged,
    BotRemoved,
    BotStarted,
    BotStopped,
    Callback,
    Chat,
    ChatTitleChanged,
    ChatType,
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
from duologue.errors import MalformedUpdateError, UnknownUpdateError
from duologue.transport.max._fields import (
    integer,
    items,
    object_at,
    optional_integer,
    optional_object,
    optional_text,
    text,
)
from duologue.transport.max._message import chat_of, message, user

Raw = Mapping[str, object]

# Milliseconds before the year 9999, the last that a datetime has.
_LATEST = 253_370_764_800_000
# Ids are kept; a payload can be long.
_LONGEST_ID = 120
# What a message that the messenger does not show to bots says of its chat: nothing.
_NOWHERE = Chat(0)


class _Person(TypedDict):
    user_id: object


class _Press(TypedDict):
    callback_id: object
    timestamp: object
    payload: object
    user: _Person


class _Recipient(TypedDict):
    chat_id: object


class _Body(TypedDict):
    mid: object


class _Held(TypedDict):
    recipient: _Recipient
    body: _Body


class _PressUpdate(TypedDict):
    callback: _Press
    message: _Held


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
        return _callback(raw, bot, private_chats)
    if update_type in _WRITTEN:
        return _written(raw, bot, private_chats)
    parser = _PARSERS.get(update_type)
    if parser is None:
        raise UnknownUpdateError(update_type)
    return parser(raw, bot)


def _callback(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Callback:
    """Read of a press what its turn needs; the rest when somebody asks for it.

    What is not exactly as documented goes the long way, which finds out what it is.
    """
    documented = cast("_PressUpdate", raw)  # what is not raises below
    try:
        press, held = documented["callback"], documented["message"]
        callback_id, payload = press["callback_id"], press["payload"]
        chat_id, user_id = held["recipient"]["chat_id"], press["user"]["user_id"]
        message_id, pressed_at = held["body"]["mid"], press["timestamp"]
    except (KeyError, TypeError):
        return _unusual_callback(raw, bot, private_chats)
    if (
        type(callback_id) is not str
        or type(payload) is not str
        or type(chat_id) is not int
        or type(user_id) is not int
        or type(message_id) is not str
        or type(pressed_at) is not int
        or not 0 <= pressed_at < _LATEST
    ):
        return _unusual_callback(raw, bot, private_chats)
    return Callback.unread(
        raw,
        bot,
        id=_press_id(callback_id, pressed_at, user_id, payload),
        callback_id=callback_id,
        payload=payload,
        chat_id=chat_id,
        user_id=user_id,
        message_id=message_id,
        read=partial(_read_later, raw),
    )


def _read_later(raw: Raw, name: str) -> object:
    press = object_at(raw, "callback", "")
    match name:
        case "user":
            person = object_at(press, "user", "callback.")
            locale = raw.get("user_locale")
            plain = _plain_user(person, locale)
            return plain or _speaking(user(person, "callback.user."), locale)
        case "timestamp":
            return _pressed_at(press)
        case "chat":
            return chat_of(object_at(raw, "message", ""), "message.")
        case _:
            return message(object_at(raw, "message", ""), "message.")


def _speaking(found: User, locale: object) -> User:
    """Note the language of somebody; the update has it, and not the user."""
    if type(locale) is not str or found.language_code == locale:
        return found
    return replace(found, language_code=locale)


def _plain_user(raw: Raw, locale: object) -> User | None:
    """Read somebody of whom MAX says what it says of nearly everybody."""
    first, last = raw.get("first_name"), raw.get("last_name")
    username = raw.get("username")
    user_id = raw.get("user_id")
    if type(first) is not str or type(user_id) is not int:
        return None
    if not (username is None or type(username) is str):
        return None
    if not (locale is None or type(locale) is str):
        return None
    if last is None or last == "":
        return User(user_id, first, username, raw.get("is_bot") is True, locale)
    if type(last) is not str:
        return None
    return User(user_id, f"{first} {last}", username, raw.get("is_bot") is True, locale)


def _unusual_callback(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Callback:
    press = object_at(raw, "callback", "")
    presser = user(object_at(press, "user", "callback."), "callback.user.")
    presser = _speaking(presser, raw.get("user_locale"))
    home = private_chats.get(presser.id, presser.id)
    held = optional_object(raw, "message", "")
    shown = None if held is None else message(held, "message.", home=home)
    if shown is not None:
        place = shown.chat
    elif optional_integer(raw, "chat_id", "") is None:  # the message was deleted
        place = Chat(home)
    else:
        place = _chat(raw)
    callback_id = text(press, "callback_id", "callback.")
    payload = optional_text(press, "payload", "callback.") or ""
    stamp = integer(press, "timestamp", "callback.")
    return Callback(
        id=_press_id(callback_id, stamp, presser.id, payload),
        bot=bot,
        chat=place,
        user=presser,
        timestamp=_pressed_at(press),
        raw=raw,
        callback_id=callback_id,
        payload=payload,
        message=shown,
    )


def _press_id(callback_id: str, pressed_at: int, user_id: int, payload: str) -> str:
    # The documentation calls callback_id "the id of the keyboard", so it may
    # not be enough.
    key = f"message_callback:{pressed_at}:{user_id}:{callback_id}:{payload}"
    if len(key) <= _LONGEST_ID:
        return key
    digest = blake2b(key.encode(errors="surrogatepass"), digest_size=16)
    return f"message_callback:{digest.hexdigest()}"


def _pressed_at(press: Raw) -> datetime:
    return _time(integer(press, "timestamp", "callback."), "callback.timestamp")


def _written(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Update:
    """Read an update that consists of a message."""
    kind = raw["update_type"]
    stamp = integer(raw, "timestamp", "")
    if kind == "message_created" and raw.get("message") is None:
        return _unreadable(raw, bot, stamp)
    found = message(object_at(raw, "message", ""), "message.", homes=private_chats)
    made = MessageCreated if kind == "message_created" else MessageEdited
    author = found.sender
    if author is not None:
        author = _speaking(author, raw.get("user_locale"))
    return made(
        id=f"{kind}:{_identity(found)}:{stamp}",
        bot=bot,
        chat=found.chat,
        user=author,
        timestamp=_time(stamp),
        raw=raw,
        message=found,
    )


def _unreadable(raw: Raw, bot: Bot, stamp: int) -> UnreadableMessage:
    # Source: voice messages and round videos since August 2026, max-bot-api-client-ts
    # issue 250. There is a time and nothing else.
    return UnreadableMessage(
        id=f"message_created:{stamp}",
        bot=bot,
        chat=_NOWHERE,
        user=None,
        timestamp=_time(stamp),
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


def _added(raw: Raw, bot: Bot) -> BotAdded:
    # It comes without `user` since November 2026 (dev.max.ru, changelog of the API).
    actor = None if raw.get("user") is None else _actor(raw)
    return BotAdded(
        id=_event_id(raw, actor),
        bot=bot,
        chat=_chat(raw),
        user=actor,
        timestamp=_time(integer(raw, "timestamp", "")),
        raw=raw,
    )


def _muted(raw: Raw, bot: Bot) -> DialogMuted:
    actor = _actor(raw)
    until = optional_integer(raw, "muted_until", "")
    return DialogMuted(
        id=_event_id(raw, actor),
        bot=bot,
        chat=_chat(raw),
        user=actor,
        timestamp=_time(integer(raw, "timestamp", "")),
        raw=raw,
        until=None if until is None else _time(until, "muted_until"),
    )


def _permitted(raw: Raw, bot: Bot) -> BotAdminPermissionsChanged:
    actor = User(integer(raw, "user_id", ""))
    permissions = items(raw, "permissions", "")
    return BotAdminPermissionsChanged(
        id=_event_id(raw, actor),
        bot=bot,
        chat=_chat(raw),
        user=actor,
        timestamp=_time(integer(raw, "timestamp", "")),
        raw=raw,
        is_admin=raw.get("is_admin") is True,
        permissions=tuple([each for each in permissions if isinstance(each, str)]),
    )


def _actor(raw: Raw) -> User:
    found = user(object_at(raw, "user", ""), "user.")
    return _speaking(found, raw.get("user_locale"))


def _event_id(raw: Raw, actor: User | None) -> str:
    chat_id = integer(raw, "chat_id", "")
    stamp = integer(raw, "timestamp", "")
    who = 0 if actor is None else actor.id
    return f"{text(raw, 'update_type', '')}:{chat_id}:{who}:{stamp}"


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


_WRITTEN = ("message_created", "message_edited")
_PARSERS: Mapping[str, Callable[[Raw, Bot], Update]] = {
    "bot_added": _added,
    "bot_admin_permissions_changed": _permitted,
    "bot_removed": _plain(BotRemoved),
    "bot_started": _started,
    "bot_stopped": _plain(BotStopped),
    "chat_title_changed": _titled,
    "dialog_cleared": _plain(DialogCleared),
    "dialog_muted": _muted,
    "dialog_removed": _plain(DialogRemoved),
    "dialog_unmuted": _plain(DialogUnmuted),
    "message_removed": _removed,
    "user_added": _plain(UserAdded),
    "user_removed": _plain(UserRemoved),
}
