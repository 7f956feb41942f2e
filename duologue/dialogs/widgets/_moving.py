"""Buttons that move the dialog."""

from __future__ import annotations

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs._state._modes import ShowMode, StartMode, checked_mode
from duologue.dialogs._state._states import State, checked_state
from duologue.dialogs.widgets._kbd import Button, stays_after
from duologue.dialogs.widgets._text import Const, Text
from duologue.dialogs.widgets._widget import ClickHandler, When, inherits


class _StateButton(Button):
    """A button that first calls `on_click` and then moves the dialog.

    If `on_click` has left the dialog, it moves nothing: least of all another one.
    """

    def __init__(
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        when: When = None,
        *,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(text, id, on_click, when)
        if show_mode is not None:
            checked_mode(show_mode, ShowMode, "show_mode", type(self).__name__)
        self.show_mode = show_mode

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog
        if await self._clicked(self.on_click, manager):
            await self._move(manager)
        return True

    async def process_event(
        self, event: object, widget: object, manager: DialogManager
    ) -> None:
        """Stand in for a callback function: do what a press does."""
        if await stays_after(self.on_click, event, widget, manager):
            await self._move(manager)

    async def _move(self, manager: DialogManager) -> None:
        raise NotImplementedError


class SwitchTo(_StateButton):
    """Shows another window of the same dialog.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        state: The window.
        on_click: Called first.
        when: When it is visible.
        show_mode: How the window appears.

    Raises:
        NotAStateError: `state` is none.
    """

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        state: State,
        on_click: ClickHandler | None = None,
        when: When = None,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(text, id, on_click, when, show_mode=show_mode)
        self.state: State = checked_state(state, "SwitchTo(state=...)")

    async def _move(self, manager: DialogManager) -> None:
        await manager.switch_to(self.state, self.show_mode)


class Next(_StateButton):
    """Shows the following window of the dialog.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        on_click: Called first.
        show_mode: How the window appears.
        when: When it is visible.
    """

    def __init__(
        self,
        text: Text | None = None,
        id: str = "__next__",  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        show_mode: ShowMode | None = None,
        when: When = None,
    ) -> None:
        super().__init__(text or Const("Next"), id, on_click, when, show_mode=show_mode)

    def steps(self) -> int:
        """One window on, unless `on_click` or a derived class may go elsewhere."""
        is_sure = self.on_click is None and inherits(self, Next, "_move")
        return 1 if is_sure else 0

    async def _move(self, manager: DialogManager) -> None:
        await manager.next(self.show_mode)


class Back(_StateButton):
    """Shows the preceding window of the dialog.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        on_click: Called first.
        show_mode: How the window appears.
        when: When it is visible.
    """

    def __init__(
        self,
        text: Text | None = None,
        id: str = "__back__",  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        show_mode: ShowMode | None = None,
        when: When = None,
    ) -> None:
        super().__init__(text or Const("Back"), id, on_click, when, show_mode=show_mode)

    def steps(self) -> int:
        """One window back, unless `on_click` or a derived class may go elsewhere."""
        is_sure = self.on_click is None and inherits(self, Back, "_move")
        return -1 if is_sure else 0

    async def _move(self, manager: DialogManager) -> None:
        await manager.back(self.show_mode)


class Start(_StateButton):
    """Opens another dialog.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        state: The first window of the other dialog.
        data: Its start data.
        on_click: Called first.
        show_mode: How it appears.
        mode: Where it opens.
        when: When the button is visible.

    Raises:
        NotAStateError: `state` is none.
    """

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        state: State,
        data: Json = None,
        on_click: ClickHandler | None = None,
        show_mode: ShowMode | None = None,
        mode: StartMode = StartMode.NORMAL,
        when: When = None,
    ) -> None:
        super().__init__(text, id, on_click, when, show_mode=show_mode)
        self.state: State = checked_state(state, "Start(state=...)")
        self.start_data = data
        self.mode: StartMode = checked_mode(mode, StartMode, "mode", "Start")

    async def _move(self, manager: DialogManager) -> None:
        await manager.start(self.state, self.start_data, self.mode, self.show_mode)


class Cancel(_StateButton):
    """Closes the dialog.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        result: What the dialog below receives.
        on_click: Called first.
        when: When it is visible.
        show_mode: How the dialog below appears.
    """

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        text: Text | None = None,
        id: str = "__cancel__",  # noqa: A002  # the word that bot authors know
        result: Json = None,
        on_click: ClickHandler | None = None,
        when: When = None,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(
            text or Const("Cancel"), id, on_click, when, show_mode=show_mode
        )
        self.result = result

    async def _move(self, manager: DialogManager) -> None:
        await manager.done(self.result, self.show_mode)
