"""What every dialog understands without a handler of its author."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from duologue.messages._message import Messages, named


@dataclass(frozen=True, slots=True)
class Start:
    """Open the dialog that has a window for a state.

    Attributes:
        state: The full name of the state, such as `Shop:cart`.
        data: What the dialog finds as `start_data`.
        mode: In which stack: `normal`, `reset_stack` or `new_stack`.
        show_mode: How the window appears: `auto`, `edit`, `send`, `delete_and_send` or
            `no_update`.
    """

    state: str
    data: object = None
    mode: str = "normal"
    show_mode: str | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Merge data into the open dialog, and draw it anew.

    Attributes:
        data: The data.
        show_mode: How the window appears.
    """

    data: dict[str, object]
    show_mode: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Close the open dialog.

    Attributes:
        result: What the dialog below is told.
        show_mode: How that appears.
    """

    result: object = None
    show_mode: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchTo:
    """Show another window of the open dialog.

    Attributes:
        state: The full name of its state.
        show_mode: How it appears.
    """

    state: str
    show_mode: str | None = None


Call: TypeAlias = Start | Update | Done | SwitchTo

_TAGS: Final[dict[str, type[Call]]] = {
    "duologue.start.v1": Start,
    "duologue.update.v1": Update,
    "duologue.done.v1": Done,
    "duologue.switch_to.v1": SwitchTo,
}

CALLS: Final = Messages(named(tag, cls) for tag, cls in _TAGS.items())
"""The messages that every dialog understands."""
