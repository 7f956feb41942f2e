"""A button that is on or off."""

from __future__ import annotations

from typing import ClassVar

from duologue.dialogs._chat._chat import CallbackButton
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._text import Text, check_text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    ManagedWidget,
    When,
    WidgetData,
    call_handler,
    check_handler,
    check_id,
)
from duologue.errors import WrongArgumentError


class Checkbox(Keyboard):
    """A button that is on or off; each press changes that.

    Args:
        checked_text: The label while it is on.
        unchecked_text: The label while it is off.
        id: Names it among the widgets of the dialog.
        on_click: `async (callback, checkbox, manager)`, called for each press,
            before it has its effect.
        on_state_changed: `async (event, checkbox, manager)`, called after it has
            become on or off, for whatever reason.
        default: Whether it is on before the first press.
        when: When it is visible.
    """

    keeps_value: ClassVar[bool] = True

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        checked_text: Text,
        unchecked_text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        on_click: ClickHandler | None = None,
        on_state_changed: ClickHandler | None = None,
        default: bool = False,  # noqa: FBT001, FBT002  # the order that bot authors know
        when: When = None,
    ) -> None:
        check_id(id)
        super().__init__(id, when)
        check_text(checked_text, id, "checked_text")
        check_text(unchecked_text, id, "unchecked_text")
        check_handler(on_click, "on_click", id)
        check_handler(on_state_changed, "on_state_changed", id)
        self._key = id
        self.checked_text = checked_text
        self.unchecked_text = unchecked_text
        self.on_click = on_click
        self.on_state_changed = on_state_changed
        self.default = default

    def managed(self, manager: DialogManager) -> ManagedCheckbox:
        """The checkbox with access to its state."""
        return ManagedCheckbox(self, manager)

    def is_checked(self, manager: DialogManager) -> bool:
        """Tell whether it is on."""
        kept = manager.current_context().widget_data.get(self._key, self.default)
        return bool(kept)

    async def set_checked(
        self,
        event: Json,
        checked: bool,  # noqa: FBT001  # the argument is the state itself
        manager: DialogManager,
    ) -> None:
        """Make it on or off; `on_state_changed` is called if that is a change.

        Args:
            event: What `on_state_changed` gets as its event.
            checked: Whether it is to be on.
            manager: The manager of the turn.

        Raises:
            WrongArgumentError: `checked` is something else.
        """
        if checked not in (True, False):
            where, expected = f"set_checked() of {self._key!r}", "True or False"
            raise WrongArgumentError(where, "checked", repr(checked), expected)
        if checked == self.is_checked(manager):
            return
        manager.current_context().widget_data[self._key] = checked
        await call_handler(self.on_state_changed, event, self.managed(manager), manager)

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        is_checked = self.is_checked(manager)
        text = self.checked_text if is_checked else self.unchecked_text
        label = await text.render_text(data, manager)
        return [[CallbackButton(label, self._own_callback_data())]]

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog
        if await self._clicked(self.on_click, manager):
            is_checked = self.is_checked(manager)
            await self.set_checked(manager.event, not is_checked, manager)
        return True


class ManagedCheckbox(ManagedWidget[Checkbox]):
    """A `Checkbox` within a turn."""

    def is_checked(self) -> bool:
        """Tell whether it is on."""
        return self.widget.is_checked(self.manager)

    async def set_checked(self, checked: bool) -> None:  # noqa: FBT001  # the argument is the state itself
        """Make it on or off; `on_state_changed` is called if that is a change.

        Raises:
            WrongArgumentError: `checked` is something else.
        """
        await self.widget.set_checked(self.manager.event, checked, self.manager)
