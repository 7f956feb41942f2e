"""Widgets that take what the user writes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

from magic_filter import MagicFilter

from duologue.dialogs._data import Json
from duologue.dialogs._manager import DialogManager, DialogProtocol
from duologue.dialogs._updates import MessageCreated
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    Widget,
    call_handler,
    check_handler,
    check_id,
)

T = TypeVar("T")
MessageFilter: TypeAlias = (
    "MagicFilter | Callable[[MessageCreated], bool | Awaitable[bool]]"
)
TextHandler: TypeAlias = (
    "Callable[[MessageCreated, Json, DialogManager, Json], Awaitable[object]]"
)


class Input(Widget):
    """A widget that takes messages. Subclasses override `_process`."""

    def __init__(
        self,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
        id: str | None = None,  # noqa: A002  # the word that bot authors know
    ) -> None:
        super().__init__()
        if id is not None:
            check_id(id)
        self.widget_id = id
        self.filter = filter

    async def process_message(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        """Take the message if it is meant for this widget.

        Returns:
            Whether it was taken.
        """
        if self.filter is not None and not await _passes(self.filter, message):
            return False
        return await self._process(message, dialog, manager)

    async def _process(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        raise NotImplementedError


class MessageInput(Input):
    """Gives each message to a function.

    Args:
        func: `async (message, widget, manager)`.
        filter: Which messages: a magic filter, or a function of the message.
        id: Names it among the widgets of the dialog.
    """

    def __init__(
        self,
        func: ClickHandler,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
        id: str | None = None,  # noqa: A002  # the word that bot authors know
    ) -> None:
        super().__init__(filter, id)
        check_handler(func, "func", id or "MessageInput")
        self.func = func

    async def _process(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del dialog
        await call_handler(self.func, message, self.managed(manager), manager)
        return True


class ManagedTextInput(Generic[T]):
    """A `TextInput` within a turn.

    Args:
        widget: The widget.
        manager: The manager of the turn.
    """

    def __init__(self, widget: TextInput[T], manager: DialogManager) -> None:
        self._widget = widget
        self._manager = manager

    def get_value(self) -> T | None:
        """The value of the last valid text; None before the first."""
        return self._widget.get_value(self._manager)


class TextInput(Input, Generic[T]):
    """Takes text, makes a value of it and remembers it.

    Args:
        id: Names it among the widgets of the dialog.
        type_factory: Makes the value; raises ValueError for wrong texts.
        on_success: `async (message, widget, manager, value)`.
        on_error: `async (message, widget, manager, error)` for wrong texts.
        filter: Which messages: a magic filter, or a function of the message.
    """

    def __init__(
        self,
        id: str,  # noqa: A002  # the word that bot authors know
        type_factory: Callable[[str], T] = str,  # type: ignore[assignment]  # T is str then
        on_success: TextHandler | None = None,
        on_error: TextHandler | None = None,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
    ) -> None:
        super().__init__(filter, id)
        check_handler(on_success, "on_success", id)
        check_handler(on_error, "on_error", id)
        self._key = id
        self.type_factory = type_factory
        self.on_success = on_success
        self.on_error = on_error

    def managed(self, manager: DialogManager) -> ManagedTextInput[T]:
        """The widget with access to its value."""
        return ManagedTextInput(self, manager)

    def get_value(self, manager: DialogManager) -> T | None:
        """The value of the last valid text; None before the first."""
        text = manager.current_context().widget_data.get(self._key)
        return None if text is None else self.type_factory(text)

    async def _process(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del dialog
        if not message.text:
            return False
        try:
            value = self.type_factory(message.text)
        except ValueError as error:
            await self._call(self.on_error, message, manager, error)
            return True
        manager.current_context().widget_data[self._key] = message.text
        await self._call(self.on_success, message, manager, value)
        return True

    async def _call(
        self,
        handler: TextHandler | None,
        message: MessageCreated,
        manager: DialogManager,
        value: object,
    ) -> None:
        if handler is not None:
            await handler(message, self.managed(manager), manager, value)


async def _passes(chosen: MessageFilter, message: MessageCreated) -> bool:
    if isinstance(chosen, MagicFilter):
        return bool(chosen.resolve(message))
    result = chosen(message)
    return bool(await result) if inspect.isawaitable(result) else bool(result)
