"""Events that no messenger sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import ChatUpdate
from duologue.dialogs._state._commands import DialogCommand, HandleMessage, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogUpdate(Update):
    """A background call to a dialog, or what a handler of errors hears instead.

    Attributes:
        command: What it asks for; of a view or a message that was refused, what is
            known of it.
        due: When it was to come, of a call for later (UTC); None of any other.
    """

    command: DialogCommand | HandleMessage | Refusal
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTold(DialogUpdate):
    """A message of another program.

    Attributes:
        message: The message, a value of its class.
        source: Who has sent it.
        tag: The tag of its class.
        is_asked: Whether the sender waits for an answer.
    """

    message: object
    source: str
    tag: str
    is_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(ChatUpdate):
    """A turn has failed and was rolled back, or what it shows was refused afterwards.

    Attributes:
        update: What was being handled.
        exception: Why it failed.
    """

    update: Update
    exception: Exception
