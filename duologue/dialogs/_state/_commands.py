"""The messages that a dialog actor understands, and their form in the mailbox.

Every command consists of JSON values only, states are named, so each of them can
wait in a mailbox of any engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from duologue.dialogs._chat._data import Json, dump_bytes, load
from duologue.errors import UnknownCommandError


@dataclass(frozen=True, slots=True)
class HandleUpdate:
    """Handle an update of the messenger."""

    raw: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StartDialog:
    """Open a dialog."""

    stack_id: str
    intent_id: str | None
    state: str
    data: Json
    mode: str
    show_mode: str | None


@dataclass(frozen=True, slots=True)
class CloseDialog:
    """Close a dialog and hand its result to the one below."""

    stack_id: str
    intent_id: str | None
    result: Json
    show_mode: str | None


@dataclass(frozen=True, slots=True)
class SwitchWindow:
    """Show another window of a dialog."""

    stack_id: str
    intent_id: str | None
    state: str
    show_mode: str | None


@dataclass(frozen=True, slots=True)
class UpdateData:
    """Merge data into a dialog and draw it anew."""

    stack_id: str
    intent_id: str | None
    data: Json
    show_mode: str | None


@dataclass(frozen=True, slots=True)
class LendTurn:
    """Hand the turn to whoever waits in `fg()`."""

    stack_id: str
    intent_id: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A view is on the screen, or the messenger has refused it for good.

    Attributes:
        stack_id: The stack that it shows.
        revision: Which drawing.
        message_id: The message that shows it; None if it was refused.
        previous_id: The message that showed the stack before.
    """

    stack_id: str
    revision: int
    message_id: str | None
    previous_id: str | None


DialogCommand: TypeAlias = (
    StartDialog | CloseDialog | SwitchWindow | UpdateData | LendTurn
)
Command: TypeAlias = HandleUpdate | DialogCommand | Drawn

_TAGS: dict[str, type[Command]] = {
    "update": HandleUpdate,
    "start": StartDialog,
    "close": CloseDialog,
    "switch": SwitchWindow,
    "data": UpdateData,
    "lend": LendTurn,
    "drawn": Drawn,
}
_NAMES = {command: tag for tag, command in _TAGS.items()}


def encode(command: Command) -> bytes:
    """Write a command as it waits in a mailbox."""
    if isinstance(command, HandleUpdate):
        return encode_raw(dump_bytes(command.raw))
    fields = [getattr(command, name) for name in command.__slots__]
    return dump_bytes([_NAMES[type(command)], *fields])


def encode_raw(raw: bytes) -> bytes:
    """Write the command to handle an update that is JSON already."""
    return b'["update",' + raw + b"]"


def decode(body: bytes) -> Command:
    """Read a command.

    Raises:
        UnknownCommandError: It is none that this version knows.
    """
    try:
        tag, *fields = load(body)
        return _TAGS[tag](*fields)
    except (ValueError, TypeError, KeyError) as error:
        raise UnknownCommandError(repr(error)) from error
