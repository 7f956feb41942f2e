"""Events that no messenger sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import ChatUpdate
from duologue.dialogs._state._commands import DialogCommand, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogUpdate(Update):
    """A background call to a dialog, or what a handler of errors hears instead.

    Attributes:
        command: What it asks for; of a view or a message that was refused, what is
            known of it.
        due: When it was to come, of a call for later (UTC); None of any other.
    """

    command: DialogCommand | Refusal
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(ChatUpdate):
    """A turn has failed and was rolled back, or what it shows was refused afterwards.

    Attributes:
        update: What was being handled.
        exception: Why it failed.
    """

    update: Update
    exception: Exception
