"""Widgets that render buttons."""

from __future__ import annotations

import re
from typing import TypeAlias

from duologue.dialogs._chat._chat import CallbackButton, InlineButton, LinkButton
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs.widgets._text import Const, Text, check_text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    ItemHandler,
    When,
    Widget,
    WidgetData,
    call_handler,
    check_handler,
    check_id,
    inherits,
)
from duologue.errors import InvalidItemIdError, InvalidUrlError

RawKeyboard: TypeAlias = list[list[InlineButton]]
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_URL = re.compile(
    r"(?:https?://[^/?#\x00-\x20]|(?:max|tg)://)[^\x00-\x20\x7f\ud800-\udfff]*",
    re.IGNORECASE,
)
_URL_LIMIT = 2048  # of a button's link: MAX Bot API


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
        if id is not None:
            check_id(id)
        self.widget_id = id
        super().__init__(when)

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

    def fixed_keyboard(self) -> RawKeyboard | None:
        """The rows, if they are the same whatever the data; else None."""
        return None

    def takes_only_its_own(self) -> bool:
        """Whether a press reaches it by its id alone.

        Not so where somebody has derived a class that looks at presses itself.
        """
        return inherits(self, Keyboard, "process_callback", "_process_other_callback")

    async def take_press(
        self,
        callback: Callback,
        item: str | None,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        """Handle a press of one of its buttons.

        Args:
            callback: The press; its payload is without scope and dialog.
            item: What stands behind the id of the widget, if anything.
            dialog: The dialog that holds the widget.
            manager: The manager of the turn.

        Returns:
            Whether it knows the button.
        """
        if item is None:
            return await self._process_own_callback(callback, dialog, manager)
        return await self._process_item_callback(callback, item, dialog, manager)

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
                found = item if colon else None
                return await self.take_press(callback, found, dialog, manager)
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

    async def _clicked(
        self,
        on_click: ClickHandler | ItemHandler | None,
        manager: DialogManager,
        *values: object,
    ) -> bool:
        """Call what the author gave for a press; see `stays_after`."""
        return await stays_after(
            on_click, manager.event, self.managed(manager), manager, *values
        )

    def _own_callback_data(self) -> str:
        return self.widget_id or ""

    def _item_callback_data(self, item: str | int) -> str:
        """Make the payload of one item.

        Raises:
            InvalidItemIdError: The item holds something that no payload carries.
        """
        if _UNSENDABLE.search(text := str(item)):
            raise InvalidItemIdError(
                str(self.widget_id),
                f"the id {text!r} of an item holds a control character or half a "
                "character; use letters, digits and signs",
            )
        return f"{self.widget_id}:{text}"


async def stays_after(
    handler: ClickHandler | ItemHandler | None,
    event: object,
    widget: object,
    manager: DialogManager,
    *values: object,
) -> bool:
    """Run what the author gave, as `call_handler` does.

    Returns:
        Whether the same dialog is open afterwards: else there is nothing left
        that the press could change.
    """
    pressed_in = manager.current_context()
    await call_handler(handler, event, widget, manager, *values)
    return manager.has_context() and manager.current_context() is pressed_in


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
        check_id(id)
        super().__init__(id, when)
        check_text(text, id, "text")
        check_handler(on_click, "on_click", id)
        self.text = text
        self.on_click = on_click

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        label = await self.text.render_text(data, manager)
        return [[CallbackButton(label, self._own_callback_data())]]

    def fixed_keyboard(self) -> RawKeyboard | None:
        """The button, if it is always seen and its label never changes."""
        if (
            type(self.text) is not Const
            or not (self.is_always_visible and self.text.is_always_visible)
            or not inherits(self, Button, "render_keyboard", "_render_keyboard")
        ):
            return None
        return [[CallbackButton(self.text.text, self._own_callback_data())]]

    async def _process_own_callback(
        self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del callback, dialog
        await call_handler(self.on_click, manager.event, self.managed(manager), manager)
        return True


class Url(Keyboard):
    """A button that opens an address.

    Args:
        text: The label.
        url: The address: http, https, or a link into a messenger (`max://`, `tg://`).
        id: Names it among the widgets of the dialog.
        when: When it is visible.
    """

    def __init__(
        self,
        text: Text,
        url: Text,
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        check_text(text, id or "Url", "text")
        check_text(url, id or "Url", "url")
        self.text = text
        self.url = url

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        label = await self.text.render_text(data, manager)
        url = await self.url.render_text(data, manager)
        if len(url) > _URL_LIMIT or not _URL.fullmatch(url):
            raise InvalidUrlError(
                self.widget_id or f"Url {label!r}",
                f"the address {url[:100]!r} is none of http://, https://, max:// or "
                f"tg:// without spaces and with {_URL_LIMIT} characters at the most; "
                "hide the button with when= if there is none",
            )
        return [[LinkButton(label, url)]]
