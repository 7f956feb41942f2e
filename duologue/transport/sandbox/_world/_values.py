"""The frozen values of the world of the sandbox: chats, messages, events. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LOCALE = "ru"
"""The language of every user, as updates name it."""

JsonObject = dict[str, object]
JsonView = Mapping[str, object]


class Profile(StrEnum):
    """Which generation of limits the Bot API applies.

    ``SCHEMA`` is the published schema: batches up to 1000, polls up to 90 s.
    ``LATEST`` is the notice of May 2026: 2 polls a second, polls up to 30 s, batches
    up to 100, updates kept for 24 hours.
    """

    SCHEMA = "schema"
    LATEST = "latest"


class NoMarker(StrEnum):
    """What ``GET /updates`` without a marker gives.

    Both readings are documented: everything after the last commitment, or only the
    newest update.
    """

    ALL_UNCOMMITTED = "all"
    LAST_ONLY = "last"


class OmittedField(StrEnum):
    """What the update of a press leaves out, as the service sometimes does.

    ``CHAT_ID`` is ``message.recipient.chat_id``; ``MESSAGE`` is ``message``, which
    is null when it was deleted before the bot heard of the press.
    """

    CHAT_ID = "chat_id"
    MESSAGE = "message"


class DialogChange(StrEnum):
    """What a user does to the dialog as a whole; the value is the update's type.

    A removed dialog is stopped too: ``bot_stopped`` comes with it.
    """

    REMOVED = "dialog_removed"
    CLEARED = "dialog_cleared"
    MUTED = "dialog_muted"
    UNMUTED = "dialog_unmuted"


class ChatKind(StrEnum):
    """Whether a chat is one user's dialog with the bot or a group."""

    DIALOG = "dialog"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Person:
    """A user or the bot."""

    id: int
    name: str
    is_bot: bool = False
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A place for messages; ``members`` are user ids and never include the bot."""

    id: int
    kind: ChatKind
    title: str | None
    members: frozenset[int]
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """One button; ``extra`` keeps the fields that only some kinds have."""

    kind: str
    text: str
    payload: str | None
    extra: JsonView


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a message shows."""

    text: str = ""
    media: tuple[JsonView, ...] = ()
    keyboard: Keyboard | None = None
    markup: tuple[JsonView, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is now; ``origin`` is the message it replies to or forwards."""

    id: str
    seq: int
    chat_id: int
    sender_id: int
    at: int
    content: Content
    keyboard_id: str
    link: str | None = None
    origin: Message | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A user sent a message."""

    message: Message


@dataclass(frozen=True, slots=True)
class PressedStart:
    """A user pressed Start."""

    chat_id: int
    user_id: int
    payload: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """A user suspended the bot."""

    chat_id: int
    user_id: int
    at: int


@dataclass(frozen=True, slots=True)
class Clicked:
    """A user pressed a button; ``message`` is None when it no longer exists."""

    id: str
    chat_id: int
    message_id: str
    message: Message | None
    user_id: int
    payload: str
    at: int
    omits: OmittedField | None = None


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """Something happened to a chat: the bot was added, a dialog muted, rights changed.

    ``kind`` is the type of the update, ``extra`` what only some kinds carry.
    """

    kind: str
    chat_id: int
    at: int
    user_id: int | None
    extra: JsonView


Event = Said | PressedStart | Suspended | Clicked | ChatChanged
