"""Keyboards with a button for each of several items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Generic, TypeAlias, TypeGuard, TypeVar

from magic_filter import MagicFilter

from duologue.dialogs._chat._chat import CallbackButton, InlineButton
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs._state._functions import name_of
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._text import Text, check_text
from duologue.dialogs.widgets._widget import (
    WRONG_TEXT,
    ItemHandler,
    ManagedWidget,
    When,
    WidgetData,
    call_handler,
    check_call,
    check_handler,
    check_id,
    check_type_factory,
    is_plain_function,
    key_names,
)
from duologue.errors import InvalidItemIdError, ItemsError, WidgetError

T = TypeVar("T")
ITEM_CALL = "event, widget, manager, item_id"

Items: TypeAlias = (
    "str | MagicFilter | Callable[[WidgetData], Iterable[Json]] | Iterable[Json]"
)
ItemIdGetter: TypeAlias = "MagicFilter | Callable[[Json], object]"


class _ItemSource:
    """Finds the items of a widget and their ids.

    Args:
        items: A key of the data, a magic filter, a function of the data, or the
            items themselves.
        item_id_getter: Gives the id of an item: a function, or a magic filter.
        widget: The id of the widget, for errors.

    Raises:
        WidgetError: One of them is something else.
    """

    def __init__(
        self, items: Items, item_id_getter: ItemIdGetter, *, widget: str
    ) -> None:
        self._get_id: Callable[[Json], object]
        if isinstance(item_id_getter, MagicFilter):
            self._get_id = item_id_getter.resolve
        elif is_plain_function(item_id_getter):
            check_call(item_id_getter, "item_id_getter", widget, "item")
            self._get_id = item_id_getter
        else:
            raise WidgetError(
                widget,
                f"item_id_getter={name_of(item_id_getter)} must be a function of an "
                "item that is not async, or a magic filter",
            )
        self._widget = widget
        self._items = items
        self._find = _finder(items, widget)
        self._item_id_getter = item_id_getter

    def by_id(self, data: WidgetData) -> dict[str, Json]:
        """The items that are to be shown now, in their order, by their ids as text.

        Raises:
            ItemsError: There is nothing that could be gone through, an item has no
                id, or two have the same.
        """
        found: dict[str, Json] = {}
        for item in self._items_of(data):
            item_id = self._id_of(item)
            if item_id in found:
                raise ItemsError(
                    self._widget,
                    f"{found[item_id]!r:.100} and {item!r:.100} have the same id "
                    f"{item_id!r}; item_id_getter={name_of(self._item_id_getter)} must "
                    "give each item one of its own",
                )
            found[item_id] = item
        return found

    def _items_of(self, data: WidgetData) -> Iterable[Json]:
        found = self._find(data)
        if _is_iterable(found):
            return found
        raise ItemsError(
            self._widget,
            f"items={name_of(self._items)} gave {found!r:.100} and not a list; the "
            f"getters gave: {key_names(data)}",
        )

    def _id_of(self, item: Json) -> str:
        item_id = self._get_id(item)
        if item_id is None:
            raise ItemsError(
                self._widget,
                f"item_id_getter={name_of(self._item_id_getter)} gave None for "
                f"{item!r:.100}; each item needs an id",
            )
        return str(item_id)


def _finder(items: Items, widget: str) -> Callable[[WidgetData], Json]:
    if isinstance(items, str):
        return lambda data: data.get(items)
    if isinstance(items, MagicFilter):
        return items.resolve
    if _is_iterable(items):  # before calling: an Enum can be called too
        fixed = tuple(items)
        return lambda _data: fixed
    if is_plain_function(items):
        check_call(items, "items", widget, "data")
        return items
    raise WidgetError(
        widget,
        f"items={name_of(items)} must be a key of the data, a magic filter, a list, or "
        "a function of the data that is not async",
    )


def _is_iterable(value: object) -> TypeGuard[Iterable[Json]]:
    return isinstance(value, Iterable)


class _ItemKeyboard(Keyboard, Generic[T]):
    """A row with a button for each item."""

    def __init__(
        self,
        id: str,  # noqa: A002  # the word that bot authors know
        when: When,
        *,
        source: _ItemSource,
        type_factory: Callable[[str], T],
        on_click: ItemHandler | None,
    ) -> None:
        super().__init__(id, when)
        check_id(id)
        check_type_factory(type_factory, id)
        check_handler(on_click, "on_click", id, ITEM_CALL)
        self._key = id
        self._source = source
        self.type_factory = type_factory
        self.on_click = on_click

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        row: list[InlineButton] = []
        for pos, (item_id, item) in enumerate(self._source.by_id(data).items()):
            fields = {"data": data, "item": item, "pos": pos + 1, "pos0": pos}
            text = self._text_of(item_id, manager)
            label = await text.render_text(fields, manager)
            row.append(CallbackButton(label, self._item_callback_data(item_id)))
        return [row]

    async def _process_item_callback(
        self,
        callback: Callback,
        data: str,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        del callback, dialog
        if await self._clicked(self.on_click, manager, self._typed(data)):
            await self._choose(manager.event, data, manager)
        return True

    async def _choose(self, event: Json, item_id: str, manager: DialogManager) -> None:
        """Do what a press does after `on_click`; nothing by default."""

    def _text_of(self, item_id: str, manager: DialogManager) -> Text:
        raise NotImplementedError

    def _typed(self, item_id: str) -> T:
        try:
            return self.type_factory(item_id)
        except WRONG_TEXT as error:
            raise InvalidItemIdError(
                self._key,
                f"type_factory makes nothing of the id {item_id!r}: {error}; it must "
                "take each id that item_id_getter gives",
            ) from error


class Select(_ItemKeyboard[T], Generic[T]):
    """A row with a button for each item.

    Put it into a `Group` or a `Column` for more than one row. A press on an item
    that has left `items` since the drawing is still delivered.

    Args:
        text: The label of each, with `{item}`, its position `{pos}` from 1 or
            `{pos0}` from 0, and `{data}` for all other data.
        id: Names it among the widgets of the dialog.
        item_id_getter: Gives the id of an item, which goes into its payload.
        items: A key of the data, a magic filter, a function of the data, or the
            items themselves.
        type_factory: Makes the id for `on_click` of the text in the payload.
        on_click: `async (callback, select, manager, item_id)`.
        when: When it is visible.
    """

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        item_id_getter: ItemIdGetter,
        items: Items,
        type_factory: Callable[[str], T] = str,  # type: ignore[assignment]  # T is str then
        on_click: ItemHandler | None = None,
        when: When = None,
    ) -> None:
        super().__init__(
            id,
            when,
            source=_ItemSource(items, item_id_getter, widget=id),
            type_factory=type_factory,
            on_click=on_click,
        )
        check_text(text, id, "text")
        self.text = text

    def _text_of(self, item_id: str, manager: DialogManager) -> Text:
        del item_id, manager
        return self.text


class Radio(_ItemKeyboard[T], Generic[T]):
    """A row with a button for each item, one of which is checked.

    Args:
        checked_text: The label of the item that is checked, with the fields of a
            `Select`.
        unchecked_text: The label of the others.
        id: Names it among the widgets of the dialog.
        item_id_getter: Gives the id of an item, which goes into its payload.
        items: A key of the data, a magic filter, a function of the data, or the
            items themselves.
        type_factory: Makes the id for handlers of the text in the payload.
        on_click: `async (callback, radio, manager, item_id)`, called for each press,
            before it has its effect.
        on_state_changed: `async (event, radio, manager, item_id)`, called after
            another item was checked, for whatever reason.
        when: When it is visible.
    """

    keeps_value: ClassVar[bool] = True

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        checked_text: Text,
        unchecked_text: Text,
        id: str,  # noqa: A002  # the word that bot authors know
        item_id_getter: ItemIdGetter,
        items: Items,
        type_factory: Callable[[str], T] = str,  # type: ignore[assignment]  # T is str then
        on_click: ItemHandler | None = None,
        on_state_changed: ItemHandler | None = None,
        when: When = None,
    ) -> None:
        super().__init__(
            id,
            when,
            source=_ItemSource(items, item_id_getter, widget=id),
            type_factory=type_factory,
            on_click=on_click,
        )
        check_text(checked_text, id, "checked_text")
        check_text(unchecked_text, id, "unchecked_text")
        check_handler(on_state_changed, "on_state_changed", id, ITEM_CALL)
        self.checked_text = checked_text
        self.unchecked_text = unchecked_text
        self.on_state_changed = on_state_changed

    def managed(self, manager: DialogManager) -> ManagedRadio[T]:
        """The radio with access to the item that is checked."""
        return ManagedRadio(self, manager)

    def get_checked(self, manager: DialogManager) -> T | None:
        """The id of the item that is checked; None before the first.

        Raises:
            InvalidItemIdError: `type_factory` does not take it.
        """
        item_id = self._checked(manager)
        return None if item_id is None else self._typed(item_id)

    def is_checked(self, item_id: T, manager: DialogManager) -> bool:
        """Tell whether an item is the one that is checked."""
        return str(item_id) == self._checked(manager)

    async def set_checked(
        self, event: Json, item_id: T, manager: DialogManager
    ) -> None:
        """Check an item; `on_state_changed` is called if that is a change.

        Args:
            event: What `on_state_changed` gets as its event.
            item_id: Its id; as text it must be what `item_id_getter` gives.
            manager: The manager of the turn.

        Raises:
            InvalidItemIdError: It is None, or `type_factory` does not take it.
        """
        if item_id is None:
            problem = "None is the id of no item; a radio stays checked once it is"
            raise InvalidItemIdError(self._key, problem)
        await self._choose(event, str(item_id), manager)

    async def _choose(self, event: Json, item_id: str, manager: DialogManager) -> None:
        if item_id == self._checked(manager):
            return
        value = self._typed(item_id)
        manager.current_context().widget_data[self._key] = item_id
        await call_handler(
            self.on_state_changed, event, self.managed(manager), manager, value
        )

    def _text_of(self, item_id: str, manager: DialogManager) -> Text:
        is_checked = item_id == self._checked(manager)
        return self.checked_text if is_checked else self.unchecked_text

    def _checked(self, manager: DialogManager) -> str | None:
        kept: Json = manager.current_context().widget_data.get(self._key)
        return kept if isinstance(kept, str) else None


class ManagedRadio(ManagedWidget[Radio[T]], Generic[T]):
    """A `Radio` within a turn."""

    def get_checked(self) -> T | None:
        """The id of the item that is checked; None before the first."""
        return self.widget.get_checked(self.manager)

    def is_checked(self, item_id: T) -> bool:
        """Tell whether an item is the one that is checked."""
        return self.widget.is_checked(item_id, self.manager)

    async def set_checked(self, item_id: T) -> None:
        """Check an item; `on_state_changed` is called if that is a change.

        Raises:
            InvalidItemIdError: It is None, or `type_factory` does not take it.
        """
        await self.widget.set_checked(self.manager.event, item_id, self.manager)
