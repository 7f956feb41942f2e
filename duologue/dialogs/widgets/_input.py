"""Widgets that take what the user writes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import ClassVar, Generic, TypeAlias, TypeGuard, TypeVar, cast

from magic_filter import MagicFilter

from duologue.dialogs._chat._chat import ContentType
from duologue.dialogs._chat._updates import MessageCreated
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs._state._functions import name_of, takes
from duologue.dialogs.widgets._widget import (
    WRONG_TEXT,
    ClickHandler,
    ItemHandler,
    ManagedWidget,
    Widget,
    call_handler,
    check_handler,
    check_id,
    check_type_factory,
)
from duologue.errors import WidgetError

T = TypeVar("T")
MessageFilter: TypeAlias = (
    "MagicFilter | Callable[[MessageCreated], bool | Awaitable[bool]]"
)


class Input(Widget):
    """A widget that takes messages. Subclasses override `_process`.

    Args:
        filter: Which messages: a magic filter, or a function of the message.
        id: Names it among the widgets of the dialog.
        commands: Whether it takes commands that a handler would take.

    Raises:
        WidgetError: The filter is something else.
    """

    def __init__(
        self,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        *,
        commands: bool = False,
    ) -> None:
        super().__init__()
        self.takes_commands = commands
        if id is not None:
            check_id(id)
        _check_filter(filter, id or type(self).__name__)
        self.widget_id = id
        self.filter = filter

    def takes(self, message: MessageCreated) -> bool:
        """Tell whether it could take the message, by what that holds."""
        del message
        return True

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
        content_types: Which messages: those with at least one of these, text or a
            kind of attachment; `ContentType.ANY` for all.
        filter: Which of them: a magic filter, or a function of the message.
        id: Names it among the widgets of the dialog.
        commands: Whether it takes commands that a handler would take.

    Raises:
        WidgetError: The function or the content types are something else.
    """

    def __init__(
        self,
        func: ClickHandler,
        content_types: str | Collection[str] = ContentType.ANY,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
        id: str | None = None,  # noqa: A002  # the word that bot authors know
        *,
        commands: bool = False,
    ) -> None:
        super().__init__(filter, id, commands=commands)
        check_handler(func, "func", id or "MessageInput", "message, widget, manager")
        self.func = func
        self._content_types = _kinds(content_types, id or "MessageInput")

    def takes(self, message: MessageCreated) -> bool:
        """Tell whether the message has one of its contents."""
        wanted = self._content_types
        return wanted is None or not wanted.isdisjoint(message.message.content_types)

    async def _process(
        self, message: MessageCreated, dialog: DialogProtocol, manager: DialogManager
    ) -> bool:
        del dialog
        if not self.takes(message):
            return False
        await call_handler(self.func, message, self.managed(manager), manager)
        return True


class TextInput(Input, Generic[T]):
    """Takes text, makes a value of it and remembers it.

    Args:
        id: Names it among the widgets of the dialog.
        type_factory: Makes the value; raises ValueError, TypeError, ArithmeticError
            or LookupError for wrong texts, as int, Decimal and a dict of words do.
        on_success: `async (message, widget, manager, value)`.
        on_error: `async (message, widget, manager, error)` for wrong texts.
        filter: Which messages: a magic filter, or a function of the message.
        commands: Whether it takes commands that a handler would take. A command that
            nobody handles is text in any case.

    Raises:
        WidgetError: The filter, a handler or the type factory is something else.
    """

    keeps_value: ClassVar[bool] = True

    def __init__(
        self,
        id: str,  # noqa: A002  # the word that bot authors know
        type_factory: Callable[[str], T] = str,  # type: ignore[assignment]  # T is str then
        on_success: ItemHandler | None = None,
        on_error: ItemHandler | None = None,
        filter: MessageFilter | None = None,  # noqa: A002  # the word that bot authors know
        *,
        commands: bool = False,
    ) -> None:
        check_id(id)
        super().__init__(filter, id, commands=commands)
        check_type_factory(type_factory, id)
        call = "message, widget, manager, {}"
        check_handler(on_success, "on_success", id, call.format("value"))
        check_handler(on_error, "on_error", id, call.format("error"))
        self._key = id
        self.type_factory = type_factory
        self.on_success = on_success
        self.on_error = on_error

    def takes(self, message: MessageCreated) -> bool:
        """Tell whether the message has text."""
        return bool(message.text)

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
        if not self.takes(message):
            return False
        try:
            value = self.type_factory(message.text)
        except WRONG_TEXT as error:
            await self._call(self.on_error, message, manager, error)
            return True
        manager.current_context().widget_data[self._key] = message.text
        await self._call(self.on_success, message, manager, value)
        return True

    async def _call(
        self,
        handler: ItemHandler | None,
        message: MessageCreated,
        manager: DialogManager,
        value: object,
    ) -> None:
        managed = self.managed(manager)
        await call_handler(handler, message, managed, manager, value)


class ManagedTextInput(ManagedWidget[TextInput[T]], Generic[T]):
    """A `TextInput` within a turn."""

    def get_value(self) -> T | None:
        """The value of the last valid text; None before the first."""
        return self.widget.get_value(self.manager)


def _kinds(given: object, widget: str) -> frozenset[str] | None:
    """Read `content_types`; None stands for all.

    Raises:
        WidgetError: It holds something else than names.
    """
    if isinstance(given, str):
        given = (given,)
    if not _are_names(given):
        raise WidgetError(
            widget,
            f"content_types={name_of(given)} must be names such as "
            "ContentType.FILE; a filter is given as filter=",
        )
    kinds = frozenset(str(name) for name in given)
    return None if ContentType.ANY in kinds else kinds


def _are_names(value: object) -> TypeGuard[Collection[str]]:
    if not isinstance(value, Collection):
        return False
    return all(isinstance(name, str) for name in cast("Collection[object]", value))


def _check_filter(chosen: object, widget: str) -> None:
    """Refuse at construction what could not be asked later.

    Raises:
        WidgetError: It is no filter.
    """
    if chosen is None or isinstance(chosen, MagicFilter):
        return
    advice = "must be a magic filter or a function of the message"
    if isinstance(chosen, type):
        advice = f"is a class; give an instance: {chosen.__name__}()"
    elif callable(chosen) and takes(chosen, 1):
        return
    raise WidgetError(widget, f"filter={name_of(chosen)} {advice}")


async def _passes(chosen: MessageFilter, message: MessageCreated) -> bool:
    if isinstance(chosen, MagicFilter):
        return bool(chosen.resolve(message))
    result = chosen(message)
    return bool(await result) if inspect.isawaitable(result) else bool(result)
