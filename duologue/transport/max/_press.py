"""Presses, from the JSON of the MAX Bot API.

A press that is exactly as documented is read as far as its turn needs it. Any other is
read in full, so that what is wrong with it is known at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import TypedDict, cast

from duologue.dialogs import Bot, Callback, Chat, ChatType, User
from duologue.errors import MalformedUpdateError
from duologue.transport.max._fields import (
    integer,
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


def press(raw: Raw, bot: Bot, private_chats: Mapping[int, int]) -> Callback:
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
            return plain or speaking(user(person, "callback.user."), locale)
        case "timestamp":
            return _pressed_at(press)
        case "chat":
            return chat_of(object_at(raw, "message", ""), "message.")
        case _:
            return message(object_at(raw, "message", ""), "message.")


def speaking(found: User, locale: object) -> User:
    """Note the language of somebody; the update has it, and not the user."""
    if type(locale) is not str or found.language_code == locale:
        return found
    # `dataclasses.replace` takes twice as long, and this runs for every update.
    return User(found.id, found.name, found.username, found.is_bot, locale)


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
    presser = speaking(presser, raw.get("user_locale"))
    home = private_chats.get(presser.id, presser.id)
    held = optional_object(raw, "message", "")
    shown = None if held is None else message(held, "message.", home=home)
    if shown is not None:
        place = shown.chat
    elif optional_integer(raw, "chat_id", "") is None:  # the message was deleted
        place = Chat(home)
    else:
        place = chat_named(raw)
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
    return moment(integer(press, "timestamp", "callback."), "callback.timestamp")


def chat_named(raw: Raw) -> Chat:
    """Read the chat of an update that has no message to tell its type."""
    chat_id = integer(raw, "chat_id", "")
    if chat_id > 0:
        return Chat(chat_id, ChatType.PRIVATE)
    is_channel = raw.get("is_channel") is True
    return Chat(chat_id, ChatType.CHANNEL if is_channel else ChatType.GROUP)


def moment(milliseconds: int, path: str = "timestamp") -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise MalformedUpdateError(f"{path} is not a time in milliseconds") from error
