"""What all widgets share: when they are visible, and how they are found."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import Protocol, TypeAlias, runtime_checkable

from magic_filter import MagicFilter

from duologue.dialogs._address import PAYLOAD_LIMIT, PREFIX_LENGTH
from duologue.dialogs._data import Json
from duologue.dialogs._functions import is_async, name_of
from duologue.dialogs._manager import DialogManager
from duologue.errors import InvalidWidgetIdError, PayloadTooLongError, WidgetError

WidgetData: TypeAlias = dict[str, Json]
Predicate: TypeAlias = Callable[[WidgetData, "Widget", DialogManager], bool]
When: TypeAlias = str | MagicFilter | Predicate | None
_ID = re.compile(r"[A-Za-z0-9_.]+")


class Widget:
    """A part of a window.

    Args:
        when: When it is visible: always (None), if the value under a key is
            truthy (a string), if a magic filter of the data is truthy, or if a
            function `(data, widget, manager)` says so.
    """

    def __init__(self, when: When = None) -> None:
        self._predicate = None if when is None else _predicate(when)

    def is_visible(self, data: WidgetData, manager: DialogManager) -> bool:
        """Tell whether the widget is to be seen."""
        return self._predicate is None or self._predicate(data, self, manager)

    def find(self, widget_id: str) -> Widget | None:
        """Find a widget in this one, itself included."""
        if getattr(self, "widget_id", None) == widget_id:
            return self
        for part in self.parts():
            found = part.find(widget_id)
            if found is not None:
                return found
        return None

    def parts(self) -> tuple[Widget, ...]:
        """The widgets directly inside this one."""
        return ()

    def managed(self, manager: DialogManager) -> object:  # noqa: ARG002  # for subclasses
        """What `manager.find` hands out for this widget."""
        return self


@runtime_checkable
class EventProcessor(Protocol):
    """A widget that can stand where a callback function is expected."""

    async def process_event(
        self, event: object, widget: object, manager: DialogManager
    ) -> None:
        """Do what the widget does when it is pressed."""
        ...


ClickHandler: TypeAlias = (
    "Callable[[Json, Json, DialogManager], Awaitable[object]] | EventProcessor"
)


async def call_handler(
    handler: ClickHandler | None, event: object, widget: object, manager: DialogManager
) -> None:
    """Run what the author gave as `on_...`, if anything."""
    if handler is None:
        return
    # A function is most likely, and asking the protocol costs 10 µs.
    if isinstance(handler, FunctionType) or not isinstance(handler, EventProcessor):
        await handler(event, widget, manager)
    else:
        await handler.process_event(event, widget, manager)


def check_handler(handler: object, name: str, widget: str) -> None:
    """Refuse at construction what could not be awaited later.

    Raises:
        WidgetError: It is neither an async function nor a widget with
            `process_event`.
    """
    if handler is None or isinstance(handler, EventProcessor):
        return
    if not is_async(handler):
        problem = f"{name}={name_of(handler)} must be an `async def` function"
        raise WidgetError(widget, problem)


def check_id(widget_id: str, *, item_length: int = 0) -> None:
    """Refuse an id that does not fit into a payload.

    Args:
        widget_id: The id.
        item_length: Bytes that the widget needs behind it, separator included.

    Raises:
        InvalidWidgetIdError: It has other characters than letters, digits, `_`, `.`.
        PayloadTooLongError: It is too long.
    """
    if not _ID.fullmatch(widget_id):
        raise InvalidWidgetIdError(
            widget_id, "an id consists of the letters A-Z, a-z, digits, `_` and `.`"
        )
    room = PAYLOAD_LIMIT - PREFIX_LENGTH - item_length
    if len(widget_id) > room:
        raise PayloadTooLongError(
            widget_id, f"the id has {len(widget_id)} characters, {room} fit"
        )


def _predicate(when: str | MagicFilter | Predicate) -> Predicate:
    if isinstance(when, str):
        return lambda data, _widget, _manager: bool(data.get(when))
    if isinstance(when, MagicFilter):
        return lambda data, _widget, _manager: bool(when.resolve(data))
    return when
