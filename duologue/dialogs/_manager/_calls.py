"""The calls that background managers make, now or later."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._data import Json
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._state._commands import (
    CloseDialog,
    DialogCommand,
    StartDialog,
    SwitchWindow,
    UpdateData,
)
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, ShowMode, StartMode
from duologue.dialogs._state._states import State, checked_state

Told = TypeVar("Told")


class Calls(ABC, Generic[Told]):
    """The calls that can be made to a dialog; each gives what tells of it.

    Attributes:
        address: Whose dialogs they are.
        post: Takes the calls.
    """

    def __init__(
        self,
        post: Post,
        address: Address,
        *,
        stack_id: str = DEFAULT_STACK_ID,
        intent_id: str | None = None,
        load: bool = False,
    ) -> None:
        self.address = address
        self.post = post
        self._stack_id = stack_id
        self._intent_id = intent_id
        self._load = load

    async def start(
        self,
        state: State,
        data: Json = None,
        mode: StartMode = StartMode.NORMAL,
        show_mode: ShowMode | None = None,
    ) -> Told:
        """Open the dialog that has a window for the state.

        Raises:
            UnknownStateError: No window has the state.
            NotAStateError: It is no state.
            UnserialisableDataError: `data` cannot be sent.
        """
        self.post.check_state(checked_state(state, "start()").state)
        return await self._send(
            StartDialog(
                self._stack_id,
                self._intent_id,
                state.state,
                data,
                mode.value,
                _name(show_mode),
            )
        )

    async def done(
        self, result: Json = None, show_mode: ShowMode | None = None
    ) -> Told:
        """Close the dialog; see `DialogManager.done`.

        Raises:
            UnserialisableDataError: `result` cannot be sent.
        """
        return await self._send(
            CloseDialog(self._stack_id, self._intent_id, result, _name(show_mode))
        )

    async def switch_to(self, state: State, show_mode: ShowMode | None = None) -> Told:
        """Show another window of the dialog; see `DialogManager.switch_to`.

        Raises:
            UnknownStateError: No window has the state.
            NotAStateError: It is no state.
        """
        self.post.check_state(checked_state(state, "switch_to()").state)
        return await self._send(
            SwitchWindow(self._stack_id, self._intent_id, state.state, _name(show_mode))
        )

    async def update(
        self, data: dict[str, Json] | None = None, show_mode: ShowMode | None = None
    ) -> Told:
        """Merge data into the dialog and draw it anew.

        Raises:
            UnserialisableDataError: `data` cannot be sent.
        """
        return await self._send(
            UpdateData(self._stack_id, self._intent_id, data, _name(show_mode))
        )

    async def _introduce(self) -> None:
        """Let the messenger say who is at the address, if that is wanted."""
        if self._load:
            await self.post.introduce(self.address)

    @abstractmethod
    async def _send(self, command: DialogCommand) -> Told:
        """Make a call."""


def _name(mode: ShowMode | None) -> str | None:
    return None if mode is None else mode.value
