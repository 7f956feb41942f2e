"""Filters for commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duologue.dialogs._updates import MessageCreated, MessageEdited
from duologue.errors import RouterError


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
    """

    def __init__(
        self, *commands: str, prefix: str = "/", ignore_case: bool = False
    ) -> None:
        if not commands:
            raise RouterError('Command() needs a name, such as Command("help")')
        self._prefix = prefix
        self._ignore_case = ignore_case
        self._names = frozenset(self._fold(name.lstrip(prefix)) for name in commands)

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
    """Passes the message `/start`, with or without something behind it.

    Args:
        prefix: The signs that may stand before it.
        ignore_case: Whether large and small letters are the same.
    """

    def __init__(self, *, prefix: str = "/", ignore_case: bool = False) -> None:
        super().__init__("start", prefix=prefix, ignore_case=ignore_case)


def parse_command(text: str, prefixes: Sequence[str] = "/") -> CommandObject | None:
    """Split a command from its arguments; None if the text is none.

    A mention of the bot behind the name, as in `/help@my_bot`, is left out.
    """
    if not text or text[0] not in prefixes:
        return None
    name, _, args = text[1:].partition(" ")
    name = name.partition("@")[0]
    return CommandObject(text[0], name, args.strip() or None) if name else None
