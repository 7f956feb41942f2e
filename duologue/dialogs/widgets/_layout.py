"""Widgets that arrange the buttons of other widgets."""

from __future__ import annotations

from functools import partial
from itertools import chain

from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._widget import (
    When,
    Widget,
    WidgetData,
    check_instance,
    check_width,
    inherits,
)
from duologue.errors import InvalidWidgetTypeError


class _Layout(Keyboard):
    """Arranges the buttons of other widgets."""

    def __init__(
        self,
        *buttons: Keyboard,
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        for button in buttons:
            check_keyboard(button, id or type(self).__name__)
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

    def fixed_keyboard(self) -> RawKeyboard | None:
        """The rows, if all the buttons are always the same."""
        parts = [button.fixed_keyboard() for button in self.buttons]
        if (
            None in parts
            or not self.is_always_visible
            or not inherits(self, _Layout, "render_keyboard", "_render_keyboard")
        ):
            return None
        return self._arrange(
            [row for rows in parts if rows is not None for row in rows]
        )

    def takes_only_its_own(self) -> bool:
        """Whether it does nothing but pass presses on."""
        return inherits(self, _Layout, "process_callback", "_process_other_callback")

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


class Group(_Layout):
    """Buttons in rows of equal width.

    Args:
        buttons: The buttons, and other layouts.
        id: Names it among the widgets of the dialog.
        width: How many buttons a row has; None to leave the rows as they are.
        when: When it is visible.

    Raises:
        WidgetError: The width is no whole number, or less than 1.
    """

    def __init__(
        self,
        *buttons: Keyboard,
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        width: int | None = None,
        when: When = None,
    ) -> None:
        super().__init__(*buttons, id=id, when=when)
        if width is not None:
            check_width(width, id or "Group")
        self.width = width

    def _arrange(self, rows: RawKeyboard) -> RawKeyboard:
        if self.width is None:
            return rows
        buttons = list(chain.from_iterable(rows))
        starts = range(0, len(buttons), self.width)
        return [buttons[start : start + self.width] for start in starts]


def check_keyboard(keyboard: object, widget: str) -> None:
    """Refuse at construction what could not be arranged later.

    Raises:
        InvalidWidgetTypeError: It is no widget with buttons.
    """
    check_instance(keyboard, partial(InvalidWidgetTypeError, widget))
    if not isinstance(keyboard, Keyboard):
        raise InvalidWidgetTypeError(
            widget, f"{keyboard!r} has no buttons; give `Button` and other keyboards"
        )
