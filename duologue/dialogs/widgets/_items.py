"""Items: the things that a widget shows a button each for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeGuard

from magic_filter import MagicFilter

from duologue.dialogs._chat._data import Json
from duologue.dialogs._state._functions import name_of
from duologue.dialogs.widgets._widget import (
    WidgetData,
    check_call,
    is_plain_function,
    key_names,
)
from duologue.errors import ItemsError, WidgetError

Items: TypeAlias = (
    "str | MagicFilter | Callable[[WidgetData], Iterable[Json]] | Iterable[Json]"
)
ItemIdGetter: TypeAlias = Callable[[Json], object]


class ItemSource:
    """Finds the items of a widget and their ids.

    Args:
        items: A key of the data, a magic filter, a function of the data, or the
            items themselves.
        item_id_getter: Gives the id of an item.
        widget: The id of the widget, for errors.

    Raises:
        WidgetError: One of them is something else.
    """

    def __init__(
        self, items: Items, item_id_getter: ItemIdGetter, *, widget: str
    ) -> None:
        if not is_plain_function(item_id_getter):
            raise WidgetError(
                widget,
                f"item_id_getter={name_of(item_id_getter)} must be a function of an "
                "item that is not async",
            )
        check_call(item_id_getter, "item_id_getter", widget, "item")
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
        item_id = self._item_id_getter(item)
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
