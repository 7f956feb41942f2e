"""Filters for commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.dialogs._chat._updates import BotStarted, MessageCreated, MessageEdited
from duologue.errors import RouterError

_WORDS = re.compile(r"(\S+)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CommandObject:
    """A command as the user wrote it.

    Attributes:
        prefix: The sign before it, such as `/`.
        command: Its name.
        args: What follows it; None if nothing does.
    """

    prefix: str
    command: str
    args: str | None


class Command:
    """Passes messages that begin with a command, and adds `command` to the data.

    Args:
        commands: The names, without prefix.
        prefix: The signs that may stand before a name.
        ignore_case: Whether large and small letters are the same.

    Raises:
        RouterError: There is no name, or something else in its place.
    """

    def __init__(
        self, *commands: str, prefix: str = "/", ignore_case: bool = False
    ) -> None:
        if not commands:
            raise RouterError('Command() needs a name, such as Command("help")')
        self._prefix = prefix
        self._ignore_case = ignore_case
        self._names = frozenset(
            self._fold(_checked_name(name, prefix)) for name in commands
        )

    def __call__(
        self, event: MessageCreated | MessageEdited
    ) -> bool | dict[str, CommandObject]:
        """Tell whether the message is one of the commands."""
        command = parse_command(event.text, self._prefix)
        if command is None or self._fold(command.command) not in self._names:
            return False
        return {"command": command}

    def _fold(self, name: str) -> str:
        return name.casefold() if self._ignore_case else name


class CommandStart(Command):
    """Passes the beginning of a conversation: the press on Start, and `/start`.

    On `router.message` it takes both, unless a handler of `router.bot_started` takes
    the press: the handler gets a `BotStarted` then, whose `text` is that of the
    message. `command.args` is what stands behind `/start`, or what the deep link
    carried.

    Args:
        prefix: The signs that may stand before it.
        ignore_case: Whether large and small letters are the same.
    """

    def __init__(self, *, prefix: str = "/", ignore_case: bool = False) -> None:
        super().__init__("start", prefix=prefix, ignore_case=ignore_case)

    def __call__(
        self, event: MessageCreated | MessageEdited | BotStarted
    ) -> bool | dict[str, CommandObject]:
        """Tell whether it is the beginning."""
        if isinstance(event, BotStarted):
            sign = self._prefix[:1]
            return {"command": CommandObject(sign, "start", event.payload or None)}
        return super().__call__(event)


def parse_command(text: str, prefixes: Sequence[str] = "/") -> CommandObject | None:
    """Split a command from its arguments; None if the text is none.

    The name ends at the first space or line break. A mention behind it, as in
    `/help@my_bot`, is left out.
    """
    if not text or text[0] not in prefixes:
        return None
    words = _WORDS.fullmatch(text, 1)
    name = words[1].partition("@")[0] if words else ""
    return CommandObject(text[0], name, words[2] or None) if words and name else None


def _checked_name(given: object, prefix: str) -> str:
    if not isinstance(given, str):
        problem = f"{given!r} is no name of a command"
        raise RouterError(f'{problem}; write several as Command("help", "about")')
    return given.lstrip(prefix)
