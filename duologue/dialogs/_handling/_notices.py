"""What the runtime itself says to users, and how it cleans up what they pressed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from duologue.dialogs._chat._chat import View
from duologue.dialogs._chat._ports import Bot, Update
from duologue.dialogs._delivery._tasks import Tasks
from duologue.errors import MessengerError, RuntimeSettingError

_logger = logging.getLogger("duologue.dialogs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What the runtime itself says to users, in one language; None says nothing.

    Attributes:
        outdated: To whoever presses a button that is gone.
        foreign: To a member of a group who presses a button of another member.
        closed: To whoever writes a text where nothing is open and nobody takes it.
        unshown: To whoever waits for a window that cannot be shown.

    Raises:
        RuntimeSettingError: One of them is no text.
    """

    outdated: str | None = "This button no longer works."
    foreign: str | None = None
    closed: str | None = "Nothing is open here. Write /start to begin."
    unshown: str | None = "This cannot be shown."

    def __post_init__(self) -> None:
        for name in self.__slots__:
            text: object = getattr(self, name)
            if text is not None and (not isinstance(text, str) or not text.strip()):
                problem = f"{text!r} is no text to show; None says nothing"
                raise RuntimeSettingError(f"{name}=", problem)


class Announcer:
    """Says the notices, each to its user in the user's language.

    Args:
        notices: The texts, or those of each language by its code, such as `ru`; the
            first ones are for everybody else.
        tasks: Owns the calls to the messenger.
    """

    def __init__(self, notices: Notices | Mapping[str, Notices], tasks: Tasks) -> None:
        self._by_language = (
            {"": notices} if isinstance(notices, Notices) else dict(notices)
        )
        self._default = next(iter(self._by_language.values()), Notices())
        self._tasks = tasks

    def texts(self, update: Update) -> Notices:
        """The notices in the language of whoever caused an update."""
        locale = None if update.user is None else update.user.language_code
        if locale is None:
            return self._default
        language = locale.replace("_", "-").partition("-")[0].lower()
        return self._by_language.get(language, self._default)

    def say(self, bot: Bot, chat_id: int, text: str | None) -> None:
        """Send a notice to a chat; None sends nothing."""
        if text is not None:
            self._tasks.start(say(bot, chat_id, text), "notice")

    def strip(self, bot: Bot, chat_id: int, message_id: str) -> None:
        """Take the buttons off a message that belongs to nothing."""
        self._tasks.start(strip(bot, chat_id, message_id), "old buttons")


async def say(bot: Bot, chat_id: int, text: str) -> None:
    """Send a notice within the limits; nothing depends on it."""
    await bot.ready(chat_id, "send")
    try:
        await bot.send_now(chat_id, View(text))
    except MessengerError as error:
        _logger.info("a notice was not sent: %s", error)


async def strip(bot: Bot, chat_id: int, message_id: str) -> None:
    """Take the buttons off a message within the limits; nothing depends on it."""
    await bot.ready(chat_id, "edit")
    try:
        await bot.remove_keyboard_now(chat_id, message_id)
    except MessengerError as error:
        _logger.info("old buttons stay: %s", error)
