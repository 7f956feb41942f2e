"""Where a background manager is to work, read from the arguments of `bg()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, GROUP_STACK_ID
from duologue.errors import WrongArgumentError

T = TypeVar("T")
Given: TypeAlias = Bot | int | str | None
_ORDER = ("bot", "user_id", "chat_id", "stack_id", "thread_id")


@dataclass(frozen=True, slots=True)
class Place:
    """What was given of a place; None stands for what was not.

    Attributes:
        bot: The bot.
        user_id: The user.
        chat_id: The chat.
        stack_id: The stack.
        thread_id: The topic.
    """

    bot: Bot | None
    user_id: int | None
    chat_id: int | None
    stack_id: str | None
    thread_id: int | None

    def seen_from(self, own: Address, bot: str | None) -> tuple[Address, str | None]:
        """The address and the stack that are meant; what was not given stays as it is.

        Args:
            own: The address of the manager.
            bot: The key of the bot that was given.
        """
        address = own.moved(
            bot=bot,
            chat_id=self.chat_id,
            user_id=self.user_id,
            thread_id=self.thread_id,
        )
        if self.stack_id == GROUP_STACK_ID:
            return address.shared, DEFAULT_STACK_ID
        return address, self.stack_id


def place_of(*positional: Given, is_bot_first: bool = False, **named: Given) -> Place:
    """Read the arguments of `bg()`.

    A number in the first place is a user, as bot authors know it, and the others
    follow; else the bot comes first.

    Args:
        positional: What was given by position.
        is_bot_first: Whether nothing but a bot can come first.
        named: What was given by name.

    Raises:
        WrongArgumentError: Something stands in a wrong place, or is given twice.
    """
    given = {name: value for name, value in named.items() if value is not None}
    is_user_first = positional and isinstance(positional[0], int) and not is_bot_first
    order = _ORDER[1:] if is_user_first else _ORDER
    for place, value in enumerate(positional):
        if value is None:
            continue
        name = order[place] if place < len(order) else f"argument {place + 1}"
        if name in given or name not in order:
            raise WrongArgumentError("bg()", name, repr(value), "nothing more")
        given[name] = value
    bot = given.get("bot")
    if bot is not None and not callable(getattr(bot, "parse", None)):
        raise WrongArgumentError("bg()", "bot", repr(bot), "a bot")
    return Place(
        cast("Bot | None", bot),
        _checked(given, "user_id", int, "a number"),
        _checked(given, "chat_id", int, "a number"),
        _checked(given, "stack_id", str, "the id of a stack"),
        _checked(given, "thread_id", int, "a number"),
    )


def _checked(
    given: dict[str, Bot | int | str], name: str, kind: type[T], expected: str
) -> T | None:
    value = given.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise WrongArgumentError("bg()", name, repr(value), expected)
