"""Events that no messenger sends."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.dialogs._commands import DialogCommand
from duologue.dialogs._ports import Update


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogUpdate(Update):
    """A background call to a dialog.

    Attributes:
        command: What it asks for.
    """

    command: DialogCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Update):
    """A turn has failed and was rolled back.

    Attributes:
        update: What was being handled.
        exception: Why it failed.
    """

    update: Update
    exception: Exception
