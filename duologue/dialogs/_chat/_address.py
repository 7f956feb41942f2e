"""Addresses: which mailbox an update, a payload or a call belongs to."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from hashlib import blake2b

from duologue.dialogs._chat._chat import CallbackButton
from duologue.dialogs._chat._message import Message
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._chat._updates import Callback, MessageCreated, MessageEdited
from duologue.errors import InvalidAddressError

OWN_SCOPE = "u"
SHARED_SCOPE = "g"
_SCOPES = frozenset({OWN_SCOPE, SHARED_SCOPE})
_INTENT = re.compile(r"[A-Za-z0-9_-]{22}")
_WIDGET = re.compile(r"[A-Za-z0-9_.]+(?::|\Z)|~[A-Za-z0-9_-]{20}\Z")
DIGEST_MARK = "~"  # no id of a widget begins with it
_DIGEST_BYTES = 15  # 120 bits, 20 characters
_KEY = re.compile(r"dialog/([a-z0-9]+\.\d+):(-?\d+):(\d*)(?::(-?\d*)(?::(.+))?)?")


@dataclass(frozen=True, slots=True)
class Address:
    """Names one conversation: everything for it goes through one mailbox.

    Attributes:
        bot: The messenger and the number of the bot, such as `max.42`.
        chat_id: The chat.
        user_id: The user; None for what a whole chat shares.
        thread_id: The topic inside the chat.
        business_connection_id: The business account on whose behalf the bot acts.
    """

    bot: str
    chat_id: int
    user_id: int | None
    thread_id: int | None = None
    business_connection_id: str | None = None

    @property
    def key(self) -> str:
        """The address as text, as the engine knows it."""
        return _key(
            self.bot,
            self.chat_id,
            self.user_id,
            self.thread_id,
            self.business_connection_id,
        )

    @classmethod
    def parse(cls, key: str) -> Address:
        """Read the text form.

        Raises:
            InvalidAddressError: It is not the key of a dialog.
        """
        match = _KEY.fullmatch(key)
        if match is None:
            raise InvalidAddressError(key)
        bot, chat, user, thread, business = match.groups()
        return cls(
            bot,
            int(chat),
            int(user) if user else None,
            int(thread) if thread else None,
            business,
        )

    @property
    def shared(self) -> Address:
        """The address of what the whole chat shares."""
        return replace(self, user_id=None)

    def moved(
        self,
        *,
        bot: str | None,
        chat_id: int | None,
        user_id: int | None,
        thread_id: int | None,
    ) -> Address:
        """Make the address of another place; what is None stays as it is.

        A topic belongs to its chat and its user, so it stays only if they do.
        """
        stays = bot is None and chat_id is None and user_id is None
        return Address(
            self.bot if bot is None else bot,
            self.chat_id if chat_id is None else chat_id,
            self.user_id if user_id is None else user_id,
            self.thread_id if thread_id is None and stays else thread_id,
            self.business_connection_id,
        )

    @property
    def scope(self) -> str:
        """The first character of the payloads of this address."""
        return SHARED_SCOPE if self.user_id is None else OWN_SCOPE


@dataclass(frozen=True, slots=True)
class Payload:
    """What a button of a dialog carries.

    Attributes:
        scope: `u` for the user's own stacks, `g` for those a chat shares.
        intent: The open dialog that the button belongs to.
        data: Widget and item, as the keyboard of a window writes them, or the digest
            that stands for them.
    """

    scope: str
    intent: str
    data: str


def parse_payload(text: str) -> Payload | None:
    """Read the payload of a dialog's button; None if it is something else."""
    if text[23:24] != ":" or text[:1] not in _SCOPES:
        return None
    intent, data = text[1:23], text[24:]
    if not _INTENT.fullmatch(intent) or not _WIDGET.match(data):
        return None
    return Payload(text[0], intent, data)


def digest_of(intent: str, data: str) -> str:
    """What stands for widget and item in a payload that would be too long.

    Nobody can make two that are alike on purpose, since the dialog is random.
    """
    key, written = intent.encode(), data.encode(errors="surrogatepass")
    found = blake2b(written, key=key, digest_size=_DIGEST_BYTES).digest()
    return DIGEST_MARK + urlsafe_b64encode(found).decode()


def new_id() -> str:
    """Make an id that nobody can guess: 22 characters, 128 random bits."""
    return secrets.token_urlsafe(16)


def screen_key(bot: str, chat_id: int) -> str:
    """The key of the screen of a chat, as the engine knows it."""
    return f"screen/{bot}:{chat_id}"


def bot_key(bot: Bot) -> str:
    """Name a bot among all bots of all messengers, such as `max.42`.

    Raises:
        BotNotStartedError: It does not know its own number yet.
    """
    return f"{bot.messenger}.{bot.id}"


def key_of(update: Update, bot: str) -> str:
    """Find the key of the address of an update.

    Depends on nothing but the update. The payload of a button says whose it is. Text
    belongs to its author, unless it replies to a message that the chat shares or nobody
    is named.

    Args:
        update: The update.
        bot: The name of its bot among all bots; see `bot_key`.
    """
    is_shared = False
    if isinstance(update, Callback):
        if update.payload.startswith(SHARED_SCOPE):
            is_shared = parse_payload(update.payload) is not None
    elif isinstance(update, MessageCreated | MessageEdited):
        is_shared = _is_shared(update.message.reply_to)
    user = None if is_shared else update.user_id
    if user is not None and update.thread_id is None:
        return f"dialog/{bot}:{update.chat_id}:{user}"  # as nearly all of them are
    return _key(bot, update.chat_id, user, update.thread_id, None)


def _key(
    bot: str, chat: int, user: int | None, thread: int | None, business: str | None
) -> str:
    key = f"dialog/{bot}:{chat}:{'' if user is None else user}"
    if thread is None and business is None:
        return key
    key = f"{key}:{'' if thread is None else thread}"
    return key if business is None else f"{key}:{business}"


def _is_shared(message: Message | None) -> bool:
    if message is None:
        return False
    return message.is_shared or any(
        isinstance(button, CallbackButton)
        and (payload := parse_payload(button.payload)) is not None
        and payload.scope == SHARED_SCOPE
        for row in message.keyboard
        for button in row
    )
