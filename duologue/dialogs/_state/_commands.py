"""The messages that a dialog actor understands, and their form in the mailbox.

Every command consists of JSON values and, in one field, of data of the author; states
are named. So each of them can wait in a mailbox of any engine: as one line of JSON, and
a second one for that data, written as dialogs keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from duologue.dialogs._chat._data import Json, dump_bytes, dump_plain, load
from duologue.dialogs._state._values import read, write
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


@dataclass(frozen=True, slots=True)
class Redraw:
    """Draw a stack anew: nobody knows what the user sees of it.

    Attributes:
        stack_id: The stack.
    """

    stack_id: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message whose handle is kept in data has been sent.

    Attributes:
        token: Names the handle.
        message_id: The message.
    """

    token: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Introduced:
    """Somebody has asked the messenger who is at the address.

    Attributes:
        chat_type: The type of the chat.
        name: The name of the user; empty if the whole chat shares the address.
        username: The user name.
        language_code: The language of the user, if the messenger says it.
    """

    chat_type: str
    name: str
    username: str | None
    language_code: str | None


@dataclass(frozen=True, slots=True)
class ViewRefused:
    """The messenger has refused the view of a committed turn for good.

    Attributes:
        stack_id: The stack that it was to show.
        intent_id: The dialog.
        state: Its window.
        shown: The window of this dialog that was on the screen before, if one was.
        error: The class of the messenger's error, and what it holds.
        cause: What the turn was about: `update` or `call`.
    """

    stack_id: str
    intent_id: str | None
    state: str
    shown: str | None
    error: list[Json]
    cause: str


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The messenger has refused a message of a handler, or a change of one, for good.

    Attributes:
        call: What was refused: `send`, `edit` or `delete`.
        chat_id: Where.
        error: The class of the messenger's error, and what it holds.
        cause: What the turn was about: `update` or `call`.
    """

    call: str
    chat_id: int
    error: list[Json]
    cause: str


@dataclass(frozen=True, slots=True)
class HandleMessage:
    """Handle a message of another program.

    Attributes:
        source: Who has sent it.
        id: Names it among those of its source.
        tag: The tag of its class.
        data: What it says, as JSON.
        expires: When it is worth nothing any more, in seconds since 1970 (UTC).
        is_asked: Whether the sender waits for an answer.
    """

    source: str
    id: str
    tag: str
    data: Json
    expires: float
    is_asked: bool


DialogCommand: TypeAlias = (
    StartDialog | CloseDialog | SwitchWindow | UpdateData | LendTurn
)


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Have a call come later.

    Attributes:
        token: Names it; unguessable.
        key: The author's name for it: it takes the place of another one of that name.
        at: When, in seconds since 1970 (UTC).
        every: How it repeats; see `dump_every`.
        call: What is to be done then.
    """

    token: str
    key: str | None
    at: float
    every: Json
    call: DialogCommand


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time of a call has come. It is the letter that the engine keeps until then.

    Attributes:
        token: Names it.
        at: When it was due, in seconds since 1970 (UTC).
        every: How it repeats.
        call: What is to be done.
    """

    token: str
    at: float
    every: Json
    call: DialogCommand


@dataclass(frozen=True, slots=True)
class DueCall:
    """Do what a call whose time has come asks for.

    Attributes:
        at: When it was due, in seconds since 1970 (UTC).
        call: What is to be done.
    """

    at: float
    call: DialogCommand


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Take a call for later back.

    Attributes:
        name: The token of the call, or the author's key of it.
        is_key: Which of them.
    """

    name: str
    is_key: bool


TimerCommand: TypeAlias = SetTimer | TimerDue | DueCall | CancelTimer
Report: TypeAlias = Drawn | Delivered | Introduced | Redraw
Refusal: TypeAlias = ViewRefused | MessageRefused
Command: TypeAlias = (
    HandleUpdate | HandleMessage | DialogCommand | TimerCommand | Report | Refusal
)

_TAGS: dict[str, type[Command]] = {
    "update": HandleUpdate,
    "message": HandleMessage,
    "start": StartDialog,
    "close": CloseDialog,
    "switch": SwitchWindow,
    "data": UpdateData,
    "lend": LendTurn,
    "drawn": Drawn,
    "redraw": Redraw,
    "delivered": Delivered,
    "introduced": Introduced,
    "refused": ViewRefused,
    "message_refused": MessageRefused,
    "timer": SetTimer,
    "due": TimerDue,
    "call": DueCall,
    "untimer": CancelTimer,
}
_NAMES = {command: tag for tag, command in _TAGS.items()}


# The data of authors in a command, and what it is called in errors.
_DATA: dict[type[Command], tuple[str, str]] = {
    StartDialog: ("data", "start_data"),
    CloseDialog: ("result", "result"),
    UpdateData: ("data", "data"),
}
# Those that hold another command, which stands behind them on lines of its own.
_ENVELOPES = (SetTimer, TimerDue, DueCall)


def encode(command: Command) -> bytes:
    """Write a command as it waits in a mailbox.

    Raises:
        UnserialisableDataError: Its data cannot be sent; the error names the place.
    """
    if isinstance(command, HandleUpdate):
        return encode_raw(dump_plain(command.raw))
    kind = type(command)
    if isinstance(command, _ENVELOPES):
        *names, _call = command.__slots__
        fields = [getattr(command, name) for name in names]
        return dump_bytes([_NAMES[kind], *fields]) + b"\n" + encode(command.call)
    data = _DATA.get(kind)
    if data is None:
        fields = [getattr(command, name) for name in command.__slots__]
        return dump_bytes([_NAMES[kind], *fields])
    own, called = data
    line, _ = write([getattr(command, own)], [called])
    fields = [getattr(command, name) for name in command.__slots__ if name != own]
    return dump_bytes([_NAMES[kind], *fields]) + b"\n" + line


def encode_raw(raw: bytes) -> bytes:
    """Write the command to handle an update that is JSON already."""
    return b'["update",' + raw + b"]"


def is_lending(body: bytes) -> bool:
    """Whether a command asks for the turn itself, for whoever has sent it."""
    return body.startswith(b'["lend",')


def decode(body: bytes) -> Command:
    """Read a command.

    Raises:
        UnknownCommandError: It is none that this version knows.
    """
    try:
        if body.startswith(b'["update",'):
            return HandleUpdate(load(body)[1])
        head, _, line = body.partition(b"\n")
        tag, *fields = load(head)
        kind = _TAGS[tag]
        if kind in _ENVELOPES:
            fields.append(decode(line))
            return kind(*fields)
        if kind not in _DATA:
            return kind(*fields)
        own, _ = _DATA[kind]
        fields.insert(tuple(kind.__slots__).index(own), read(line)[0])
        return kind(*fields)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UnknownCommandError(repr(error)) from error
