"""Filters for commands."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from magic_filter import MagicFilter

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import BotStarted, MessageCreated, MessageEdited
from duologue.dialogs._state._events import ErrorEvent
from duologue.dialogs.routing._injection import HandlerData
from duologue.errors import RouterError

_WORDS = re.compile(r"(\S+)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CommandObject:
    """A command as the user wrote it.

    Attributes:
        prefix: The sign before it, such as `/`.
        command: Its name.
        args: What follows it; None if nothing does.
        magic_result: What the magic filter of `Command(magic=)` found.
    """

    prefix: str
    command: str
    args: str | None
    magic_result: Json = None


class Command:
    """Passes messages that begin with a command, and adds `command` to the data.

    Args:
        commands: The names, without prefix.
        prefix: The signs that may stand before a name.
        ignore_case: Whether large and small letters are the same.
        magic: A magic filter for the `CommandObject`, such as `F.args.isdigit()`; a
            dict that it gives is added to the data.

    Raises:
        RouterError: There is no name, or something else in its place.
    """

    def __init__(
        self,
        *commands: str,
        prefix: str = "/",
        ignore_case: bool = False,
        magic: MagicFilter | None = None,
    ) -> None:
        if not commands:
            raise RouterError('Command() needs a name, such as Command("help")')
        _check_magic(magic)
        self._prefix = prefix
        self._ignore_case = ignore_case
        self._magic = magic
        self._names = frozenset(
            self._fold(_checked_name(name, prefix)) for name in commands
        )

    def __call__(self, event: MessageCreated | MessageEdited) -> bool | HandlerData:
        """Tell whether the message is one of the commands."""
        command = parse_command(event.text, self._prefix)
        if command is None or self._fold(command.command) not in self._names:
            return False
        return self._found(command)

    def _found(self, command: CommandObject) -> bool | HandlerData:
        if self._magic is None:
            return {"command": command}
        result: Json = self._magic.resolve(command)
        if not result:
            return False
        found: HandlerData = {"command": replace(command, magic_result=result)}
        return found | result if isinstance(result, dict) else found

    def _fold(self, name: str) -> str:
        return name.casefold() if self._ignore_case else name


class CommandStart(Command):
    """Passes the beginning of a conversation: the press on Start, and `/start`.

    On `router.message` it takes both, unless a handler of `router.bot_started` takes
    the press: the handler gets a `BotStarted` then, whose `text` is that of the
    message. `command.args` is what stands behind `/start`, or what the deep link
    carried.

    Args:
        deep_link: Whether it takes only what carries a payload.
        deep_link_encoded: Whether the payload is base64 for URLs; `command.args` is
            what it stands for, and what is none is not taken.
        prefix: The signs that may stand before it.
        ignore_case: Whether large and small letters are the same.
        magic: A magic filter for the `CommandObject`; see `Command`.
    """

    def __init__(
        self,
        *,
        deep_link: bool = False,
        deep_link_encoded: bool = False,
        prefix: str = "/",
        ignore_case: bool = False,
        magic: MagicFilter | None = None,
    ) -> None:
        super().__init__("start", prefix=prefix, ignore_case=ignore_case, magic=magic)
        self._deep_link = deep_link
        self._is_encoded = deep_link_encoded

    def __call__(
        self, event: MessageCreated | MessageEdited | BotStarted
    ) -> bool | HandlerData:
        """Tell whether it is the beginning."""
        if isinstance(event, BotStarted):
            sign = self._prefix[:1]
            return self._found(CommandObject(sign, "start", event.payload or None))
        return super().__call__(event)

    def _found(self, command: CommandObject) -> bool | HandlerData:
        if command.args is None:
            return False if self._deep_link else super()._found(command)
        if self._is_encoded:
            args = _decoded(command.args)
            if args is None:
                return False
            command = replace(command, args=args)
        return super()._found(command)


class ExceptionTypeFilter:
    """Passes the errors of some classes, for `router.error`.

    Args:
        exceptions: The classes.

    Raises:
        RouterError: There is none, or something else in its place.
    """

    def __init__(self, *exceptions: type[Exception]) -> None:
        _check_exceptions(exceptions)
        self._exceptions = exceptions

    def __call__(self, event: ErrorEvent) -> bool:
        """Tell whether the error is one of theirs."""
        return isinstance(event.exception, self._exceptions)


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


def _decoded(payload: str) -> str | None:
    padded = payload + "=" * (-len(payload) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        return None


def _check_magic(given: object) -> None:
    if not (given is None or isinstance(given, MagicFilter)):
        raise RouterError(f"magic={given!r} is no magic filter such as F.args")


def _check_exceptions(given: Sequence[object]) -> None:
    for one in given:
        if not (isinstance(one, type) and issubclass(one, Exception)):
            problem = f"{one!r} is no class of exceptions"
            raise RouterError(f"{problem}; give ExceptionTypeFilter(ValueError), say")
    if not given:
        raise RouterError("ExceptionTypeFilter() needs a class, such as ValueError")


def _checked_name(given: object, prefix: str) -> str:
    if not isinstance(given, str):
        problem = f"{given!r} is no name of a command"
        raise RouterError(f'{problem}; write several as Command("help", "about")')
    return given.lstrip(prefix)
