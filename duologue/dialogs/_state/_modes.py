"""How dialogs start, stack up and appear."""

from __future__ import annotations

import enum
from typing import TypeVar

from duologue.errors import WrongArgumentError

M = TypeVar("M", bound=enum.Enum)

DEFAULT_STACK_ID = ""
GROUP_STACK_ID = "<->"


class LaunchMode(enum.StrEnum):
    """What starting a dialog does to those that are open in its stack."""

    STANDARD = "standard"
    """It opens on top of them."""
    ROOT = "root"
    """They are closed; it is the only one."""
    EXCLUSIVE = "exclusive"
    """They are closed, and nothing can be opened on top of it."""
    SINGLE_TOP = "single_top"
    """If it is on top already, that one is replaced."""


class StartMode(enum.StrEnum):
    """Where a dialog is started."""

    NORMAL = "normal"
    """On top of the current stack."""
    RESET_STACK = "reset_stack"
    """In the current stack, which is emptied first."""
    NEW_STACK = "new_stack"
    """In a stack and a message of its own."""


class ShowMode(enum.StrEnum):
    """How a view gets onto the screen."""

    AUTO = "auto"
    """A new message after the user wrote one in a private chat, else an edit."""
    EDIT = "edit"
    """The last message is changed."""
    SEND = "send"
    """A new message is sent."""
    DELETE_AND_SEND = "delete_and_send"
    """The last message is deleted and a new one is sent."""
    NO_UPDATE = "no_update"
    """The screen stays as it is."""


def checked_mode(given: M, kind: type[M], argument: str, where: str) -> M:
    """Give back what must be a mode.

    Args:
        given: What somebody has given.
        kind: Which modes there are.
        argument: What it was given as, for the error.
        where: What it was given to, for the error.

    Raises:
        WrongArgumentError: It is none of them.
    """
    if isinstance(given, kind):
        return given
    some = f"{kind.__name__}.{next(iter(kind)).name}"
    raise WrongArgumentError(where, argument, repr(given), f"a mode such as {some}")
