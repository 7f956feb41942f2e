"""Refs of actors in other programs: values that are written as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from zlib import crc32

from duologue.errors import InvalidRefError

_REF: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)/([A-Za-z0-9._:@/-]+)")
_LONGEST: Final = 200
_DIALOG: Final = "dialog"
_BOT: Final = re.compile(r"[a-z0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Ref:
    """Names an actor in another program: `str(ref)` writes it, `Ref.parse` reads it.

    Attributes:
        type: What it is: `dialog`, or the name of a class.
        key: Which one.

    Raises:
        InvalidRefError: There can be no such actor.
    """

    type: str
    key: str

    def __post_init__(self) -> None:
        text = str(self)
        if len(text) > _LONGEST or not _REF.fullmatch(text):
            raise InvalidRefError(text)

    def __str__(self) -> str:
        return f"{self.type}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a ref.

        Raises:
            InvalidRefError: It is none.
        """
        kind, slash, key = text.partition("/")
        if not slash:
            raise InvalidRefError(text)
        return cls(kind, key)


def dialog_ref(
    bot: str,
    *,
    chat_id: int,
    user_id: int | None = None,
    thread_id: int | None = None,
) -> Ref:
    """The ref of the dialogs of a user in a chat.

    Args:
        bot: The messenger and the number of the bot, such as `max.42`.
        chat_id: The chat.
        user_id: The user; None for what the whole chat shares.
        thread_id: The topic.

    Raises:
        InvalidRefError: The bot is none.
    """
    user = "" if user_id is None else user_id
    topic = "" if thread_id is None else f":{thread_id}"
    ref = f"{_DIALOG}/{bot}:{chat_id}:{user}{topic}"
    if not _BOT.fullmatch(bot):
        raise InvalidRefError(ref)
    return Ref(_DIALOG, ref.partition("/")[2])


def shard_of(ref: str, shards: int) -> int:
    """The shard of an actor on a server: chats stay together, others go by themselves.

    Any language computes it: `crc32(place) % shards`, where the place of
    `dialog/max.42:5:7` is `max.42:5`, and that of `Resizer/7` all of it.
    """
    place = ref
    if ref.startswith(f"{_DIALOG}/"):
        bot, _, rest = ref.partition("/")[2].partition(":")
        chat = rest.partition(":")[0]
        place = f"{bot}:{chat}" if chat else bot
    return crc32(place.encode()) % shards
