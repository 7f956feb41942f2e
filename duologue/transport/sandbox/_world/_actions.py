"""What a test or a demo does through the control door, as messages with a tag."""

from __future__ import annotations

from dataclasses import dataclass, field

from duologue.transport.sandbox._world._values import (
    DialogChange,
    JsonObject,
    OmittedField,
)


@dataclass(frozen=True, slots=True)
class AddUser:
    """Create a user; without an id a free one is taken."""

    name: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class AddGroup:
    """Create a group that the bot administers; its id is negative."""

    title: str
    members: list[int] = field(default_factory=list)
    chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """A user presses Start, perhaps behind a deep link with a payload."""

    user_id: int
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A user suspends the bot: it may not write there until the next start."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Say:
    """A user sends a text, by default into the dialog with the bot."""

    user_id: int
    text: str
    chat_id: int | None = None
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """A user presses the first button that fits all that is given.

    ``row`` and ``col`` count from 0. The button must be on the keyboard as it is now.
    """

    user_id: int
    message_id: str
    text: str | None = None
    payload: str | None = None
    row: int | None = None
    col: int | None = None
    omits: OmittedField | None = None


@dataclass(frozen=True, slots=True)
class Forge:
    """A user sends a click that no button shows; the message may be gone."""

    user_id: int
    message_id: str
    payload: str
    omits: OmittedField | None = None


@dataclass(frozen=True, slots=True)
class Inject:
    """Put a raw update into the queue, whatever it says."""

    update: JsonObject


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Deliver the last updates again, at new positions with the same content."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class ChangeDialog:
    """A user mutes, clears or removes the dialog with the bot.

    ``muted_until`` is milliseconds of wall time and goes with a muted dialog.
    """

    user_id: int
    change: DialogChange
    muted_until: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRights:
    """A user gives or takes the rights of the bot in a group."""

    user_id: int
    chat_id: int
    is_admin: bool
    permissions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Let a message of the bot take no edit any more, as one that is too old."""

    message_id: str


Action = (
    AddUser
    | AddGroup
    | Start
    | Stop
    | Say
    | Click
    | Forge
    | Inject
    | Duplicate
    | ChangeDialog
    | ChangeRights
    | Freeze
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action led to.

    Attributes:
        user_id: The user it created or who acted.
        chat_id: The chat it created or happened in.
        message_id: The message it created or clicked.
        callback_id: The id that answers the click.
        positions: Where the updates it caused stand in the queue.
    """

    user_id: int | None = None
    chat_id: int | None = None
    message_id: str | None = None
    callback_id: str | None = None
    positions: list[int] = field(default_factory=list)
