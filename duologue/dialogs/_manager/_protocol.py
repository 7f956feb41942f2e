"""What dialog managers have in common, inside a turn and outside of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._manager._place import Given
from duologue.dialogs._state._modes import ShowMode, StartMode
from duologue.dialogs._state._states import State


@runtime_checkable
class BaseDialogManager(Protocol):
    """A `DialogManager` or a `BgManager`, for functions that take both.

    Inside a turn the calls do what they say at once and give None; those of a
    background manager give a `Receipt`.
    """

    async def start(
        self,
        state: State,
        data: Json = None,
        mode: StartMode = StartMode.NORMAL,
        show_mode: ShowMode | None = None,
    ) -> object:
        """Open the dialog that has a window for the state."""
        ...

    async def done(
        self, result: Json = None, show_mode: ShowMode | None = None
    ) -> object:
        """Close the dialog and hand the result to the one below."""
        ...

    async def switch_to(
        self, state: State, show_mode: ShowMode | None = None
    ) -> object:
        """Show another window of the dialog."""
        ...

    async def update(
        self, data: dict[str, Json] | None = None, show_mode: ShowMode | None = None
    ) -> object:
        """Merge data into the dialog and have it drawn anew."""
        ...

    def bg(
        self,
        *place: Given,
        user_id: int | None = None,
        chat_id: int | None = None,
        stack_id: str | None = None,
        load: bool = False,
    ) -> BaseDialogManager:
        """Make a manager that may be kept, for this place or another."""
        ...

    def fg(self) -> AbstractAsyncContextManager[DialogManager]:
        """Work with the dialog directly: `async with bg.fg() as manager`."""
        ...
