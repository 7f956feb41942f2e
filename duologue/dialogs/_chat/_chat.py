"""What a chat consists of: people, places, messages, and what a bot shows."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class ChatType(enum.StrEnum):
    """Where a conversation takes place."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot.

    Attributes:
        id: The messenger's number of this account.
        name: The name that others see; may be empty.
        username: The public short name, without `@`.
        is_bot: Whether a program answers here.
        language_code: The language of the user, such as `ru`, as far as the messenger
            says it: of who acts, not of others in a message.
    """

    id: int
    name: str = ""
    username: str | None = None
    is_bot: bool = False
    language_code: str | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A place where messages are exchanged.

    Attributes:
        id: The messenger's number of this chat.
        type: Private conversation, group or channel.
    """

    id: int
    type: ChatType = ChatType.PRIVATE


@dataclass(frozen=True, slots=True)
class CallbackButton:
    """A button whose press reaches the bot.

    Attributes:
        text: The label.
        payload: What the press carries back.
    """

    text: str
    payload: str


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button that opens an address.

    Attributes:
        text: The label.
        url: The address to open.
    """

    text: str
    url: str


InlineButton = CallbackButton | LinkButton
Keyboard = tuple[tuple[InlineButton, ...], ...]


@dataclass(frozen=True, slots=True)
class View:
    """One message as the user is to see it.

    Attributes:
        text: The text, with markup if `markup` says so.
        keyboard: Rows of buttons under the message.
        markup: `"html"`, `"markdown"` or None for plain text.
        show_link_preview: Whether the messenger may expand links.
        is_shared: Whether a whole chat shares it. Who replies to such a message must
            be found to do so, whatever else it holds: see `Message.is_shared`.
    """

    text: str
    keyboard: Keyboard = ()
    markup: str | None = None
    show_link_preview: bool = True
    is_shared: bool = False


class ContentType(enum.StrEnum):
    """What a message can hold: text, and kinds of attachments.

    A messenger may have more kinds; their names are those of the messenger.
    """

    ANY = "any"
    TEXT = "text"
    AUDIO = "audio"
    CONTACT = "contact"
    FILE = "file"
    IMAGE = "image"
    LOCATION = "location"
    SHARE = "share"
    STICKER = "sticker"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something besides text that a message holds. Buttons are none.

    Attributes:
        kind: What it is: a `ContentType`, or the messenger's own name.
        name: The name of a file or of a contact, the title of a shared page.
        size: Its size in bytes, as far as the messenger says it.
        url: Where it can be fetched; whoever knows this address may be able to.
        token: What sends it again without an upload.
        raw: The messenger's own form of it, with all that this kind has besides.
    """

    kind: str
    name: str | None = None
    size: int | None = None
    url: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    raw: Mapping[str, object] | None = field(default=None, repr=False, compare=False)
