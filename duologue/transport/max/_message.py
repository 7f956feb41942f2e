"""Messages and people, from the JSON of the MAX Bot API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from duologue.dialogs import (
    Bot,
    CallbackButton,
    Chat,
    ChatType,
    InlineButton,
    Keyboard,
    LinkButton,
    Message,
    User,
)
from duologue.transport._json import is_object
from duologue.transport.max._attachments import attachments
from duologue.transport.max._fields import (
    integer,
    items,
    object_at,
    optional_object,
    optional_text,
    text,
)
from duologue.transport.max._requests import SHARED_MARK

Raw = Mapping[str, object]

CHAT_TYPES = {
    "dialog": ChatType.PRIVATE,
    "chat": ChatType.GROUP,
    "channel": ChatType.CHANNEL,
}


# Source: ids of messages in updates of 2025 and 2026 hold the number of the chat and then the
# place in it, which begins with the time. It is not documented, so other ids are no error.
_ID: Final = re.compile(r"mid\.([0-9a-f]{16})([0-9a-f]{16})")
_NOBODY_KNOWN: Mapping[int, int] = {}


def is_newer(message_id: str, than: str) -> bool:
    """Whether a message came after another one of its chat; False where ids do not tell."""
    one, other = _ID.fullmatch(message_id), _ID.fullmatch(than)
    return bool(one and other and one[1] == other[1] and one[2] > other[2])


def user(raw: Raw, path: str) -> User:
    """Read a person or a bot.

    Args:
        raw: The object `User` of the API.
        path: Where it stands, for errors; ends in a dot.
    """
    first = optional_text(raw, "first_name", path)
    if first is None:
        name = optional_text(raw, "name", path) or ""
    else:
        last = optional_text(raw, "last_name", path)
        name = f"{first} {last}" if last else first
    return User(
        integer(raw, "user_id", path),
        name,
        optional_text(raw, "username", path),
        raw.get("is_bot") is True,
    )


def message(
    raw: Raw,
    path: str,
    *,
    homes: Mapping[int, int] = _NOBODY_KNOWN,
    home: int | None = None,
    bot: Bot | None = None,
) -> Message:
    """Read a message that stands in a chat.

    Text and attachments of a forwarded message stand in what it links to.

    Args:
        raw: The object `Message` of the API.
        path: Where it stands, for errors; ends in a dot.
        home: The private chat where it stands if it names no chat; None if that is
            the one of its sender.
        homes: The private chats of users, as far as they are known.
        bot: Who answers it, and what it replies to.
    """
    found = optional_object(raw, "sender", path)
    sender = None if found is None else user(found, f"{path}sender.")
    if home is None and sender is not None:
        home = homes.get(sender.id, sender.id)
    chat = chat_of(raw, path, home)
    body = optional_object(raw, "body", path)
    link = optional_object(raw, "link", path)
    linked = None if link is None else _linked(link, chat, f"{path}link.", bot)
    is_reply = link is not None and link.get("type") == "reply"
    return _assembled(
        raw,
        chat,
        sender=sender,
        body=body,
        path=f"{path}body.",
        forwarded=None if is_reply else linked,
        reply_to=linked if is_reply else None,
        bot=bot,
    )


def _linked(link: Raw, chat: Chat, path: str, bot: Bot | None) -> Message | None:
    body = optional_object(link, "message", path)
    if body is None:
        return None
    sender = optional_object(link, "sender", path)
    return _assembled(
        link,
        chat,
        sender=None if sender is None else user(sender, f"{path}sender."),
        body=body,
        path=f"{path}message.",
        bot=bot,
    )


def _assembled(
    raw: Raw,
    chat: Chat,
    *,
    sender: User | None,
    body: Raw | None,
    path: str,
    bot: Bot | None,
    forwarded: Message | None = None,
    reply_to: Message | None = None,
) -> Message:
    fallback = "" if forwarded is None else forwarded.text
    held = () if forwarded is None else forwarded.attachments
    if body is None:
        return Message("", chat, sender, fallback, (), reply_to, raw, held, bot)
    found = items(body, "attachments", path)
    written = optional_text(body, "text", path) or fallback
    is_shared = written.endswith(SHARED_MARK) and sender is not None and sender.is_bot
    return Message(
        text(body, "mid", path),
        chat,
        sender,
        written.removesuffix(SHARED_MARK) if is_shared else written,
        _keyboard(found, path),
        reply_to,
        raw,
        attachments(found) or held,
        bot,
        is_shared,
    )


def chat_of(raw: Raw, path: str, home: int | None = None) -> Chat:
    """Read where a message stands.

    Args:
        raw: The object `Message` of the API.
        path: Where it stands, for errors; ends in a dot.
        home: The private chat that is meant if a private message names none.
    """
    recipient, path = object_at(raw, "recipient", path), f"{path}recipient."
    kind = text(recipient, "chat_type", path)
    named = CHAT_TYPES.get(kind)
    if home is not None and recipient.get("chat_id") is None and kind == "dialog":
        return Chat(home)
    chat_id = integer(recipient, "chat_id", path)
    # Groups and channels have negative numbers; a type that comes later may
    # be handled like a group.
    return Chat(chat_id, named or (ChatType.PRIVATE if chat_id > 0 else ChatType.GROUP))


def _keyboard(found: list[object], path: str) -> Keyboard:
    for attachment in found:
        if is_object(attachment) and attachment.get("type") == "inline_keyboard":
            payload = object_at(attachment, "payload", f"{path}attachments.")
            return _rows(payload, f"{path}attachments.payload.")
    return ()


def _rows(payload: Raw, path: str) -> Keyboard:
    rows = (_row(row) for row in items(payload, "buttons", path))
    return tuple([row for row in rows if row])


def _row(raw: object) -> tuple[InlineButton, ...]:
    if not isinstance(raw, list):
        return ()
    buttons = (_button(button) for button in cast("list[object]", raw))
    return tuple([button for button in buttons if button is not None])


def _button(raw: object) -> InlineButton | None:
    """Read a button; kinds that duologue cannot draw are left out."""
    if not is_object(raw):
        return None
    label, kind = raw.get("text"), raw.get("type")
    if kind == "callback":
        payload = raw.get("payload")
        if isinstance(label, str) and isinstance(payload, str):
            return CallbackButton(label, payload)
    elif kind == "link":
        url = raw.get("url")
        if isinstance(label, str) and isinstance(url, str):
            return LinkButton(label, url)
    return None
