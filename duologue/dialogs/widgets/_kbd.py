"""Widgets that render buttons."""

from __future__ import annotations

from itertools import chain
from typing import TypeAlias

from duologue.dialogs._chat import CallbackButton, InlineButton
from duologue.dialogs._data import Json
from duologue.dialogs._manager import DialogManager, DialogProtocol
from duologue.dialogs._modes import ShowMode, StartMode
from duologue.dialogs._states import State
from duologue.dialogs._updates import Callback
from duologue.dialogs.widgets._text import Const, Text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    When,
    Widget,
    WidgetData,
    call_handler,
    check_handler,
    check_id,
)

RawKeyboard: TypeAlias = list[list[InlineButton]]


class Keyboard(Widget):
    """A widget that renders rows of buttons.

    Subclasses override `_render_keyboard`, and `_process_own_callback` or
    `_process_item_callback` for what their buttons do. Inside a widget a payload
    is the widget's id, or `id:item`; scope and dialog are added by the window.

    Args:
        id: Names the widget in payloads and for `manager.find`.
        when: When it is visible.
    """

    def __init__(self, id: str | None = None, when: When = None) -> None:  # noqa: A002  # the word that bot authors know
        super().__init__(when)
        if id is not None:
            check_id(id)
        self.widget_id = id

    async def render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        """Render the rows; none if the widget is not visible."""
        if not self.is_visible(data, manager):
            return []
        return await self._render_keyboard(data, manager)

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        raise NotImplementedError

    async def process_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        """Handle a press if the button is in this widget.

        Args:
            callback: The press; its payload is without scope and dialog.
            dialog: The dialog that holds the widget.
            manager: The manager of the turn.

        Returns:
            Whether it was.
        """
        if self.widget_id is not None:
            name, colon, item = callback.payload.partition(":")
            if name == self.widget_id:
                if colon:
                    return await self._process_item_callback(
                        callback, item, dialog, manager
                    )
                return await self._process_own_callback(callback, dialog, manager)
        return await self._process_other_callback(callback, dialog, manager)

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog, manager
        return False

    async def _process_item_callback(
        self,
        callback: Callback,
        data: str,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        del callback, data, dialog, manager
        return False

    async def _process_other_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog, manager
        return False

    def _own_callback_data(self) -> str:
        return self.widget_id or ""

    def _item_callback_data(self, item: str | int) -> str:
        return f"{self.widget_id}:{item}"


class Button(Keyboard):
    """One button.

    Args:
        text: The label.
        id: Names it among the widgets of the dialog.
        on_click: `async (callback, button, manager)`, called for each press.
        when: When it is visible.
    """

    def __init__(
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        check_handler(on_click, "on_click", id)
        self.text = text
        self.on_click = on_click

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        label = await self.text.render_text(data, manager)
        return [[CallbackButton(label, self._own_callback_data())]]

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog
        await call_handler(self.on_click, manager.event, self.managed(manager), manager)
        return True


class _StateButton(Button):
    """A button that first calls `on_click` and then moves the dialog."""

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
        self.show_mode = show_mode

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        await super()._process_own_callback(callback, dialog, manager)
        await self._move(manager)
        return True

    async def process_event(
        self, event: object, widget: object, manager: DialogManager
    ) -> None:
        """Stand in for a callback function: do what a press does."""
        await call_handler(self.on_click, event, widget, manager)
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
    """

    def __init__(
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        state: State,
        on_click: ClickHandler | None = None,
        when: When = None,
        *,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(text, id, on_click, when, show_mode=show_mode)
        self.state = state

    async def _move(self, manager: DialogManager) -> None:
        await manager.switch_to(self.state, self.show_mode)


class Next(_StateButton):
    """Shows the following window of the dialog."""

    def __init__(
        self,
        text: Text | None = None,
        id: str = "__next__",  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        when: When = None,
        *,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(text or Const("Next"), id, on_click, when, show_mode=show_mode)

    async def _move(self, manager: DialogManager) -> None:
        await manager.next(self.show_mode)


class Back(_StateButton):
    """Shows the preceding window of the dialog."""

    def __init__(
        self,
        text: Text | None = None,
        id: str = "__back__",  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        when: When = None,
        *,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(text or Const("Back"), id, on_click, when, show_mode=show_mode)

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
    """

    def __init__(
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        state: State,
        data: Json = None,
        on_click: ClickHandler | None = None,
        *,
        show_mode: ShowMode | None = None,
        mode: StartMode = StartMode.NORMAL,
        when: When = None,
    ) -> None:
        super().__init__(text, id, on_click, when, show_mode=show_mode)
        self.state = state
        self.start_data = data
        self.mode = mode

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

    def __init__(
        self,
        text: Text | None = None,
        id: str = "__cancel__",  # noqa: A002  # the word that bot authors know
        result: Json = None,
        on_click: ClickHandler | None = None,
        when: When = None,
        *,
        show_mode: ShowMode | None = None,
    ) -> None:
        super().__init__(
            text or Const("Cancel"), id, on_click, when, show_mode=show_mode
        )
        self.result = result

    async def _move(self, manager: DialogManager) -> None:
        await manager.done(self.result, self.show_mode)


class _Layout(Keyboard):
    """Arranges the buttons of other widgets."""

    def __init__(
        self,
        *buttons: Keyboard,
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        self.buttons = buttons

    def parts(self) -> tuple[Widget, ...]:
        """The widgets that it arranges."""
        return self.buttons

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        rows = [
            row
            for widget in self.buttons
            for row in await widget.render_keyboard(data, manager)
        ]
        return self._arrange(rows)

    def _arrange(self, rows: RawKeyboard) -> RawKeyboard:
        raise NotImplementedError

    async def _process_other_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        for widget in self.buttons:
            if await widget.process_callback(callback, dialog, manager):
                return True
        return False


class Row(_Layout):
    """All buttons in one row."""

    def _arrange(self, rows: RawKeyboard) -> RawKeyboard:
        row = list(chain.from_iterable(rows))
        return [row] if row else []


class Column(_Layout):
    """Each button in a row of its own."""

    def _arrange(self, rows: RawKeyboard) -> RawKeyboard:
        return [[button] for button in chain.from_iterable(rows)]
