"""A number with buttons that change it."""

from __future__ import annotations

import math
from typing import ClassVar

from duologue.dialogs._chat._chat import CallbackButton, InlineButton
from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._manager._manager import DialogManager, DialogProtocol
from duologue.dialogs.widgets._kbd import Keyboard, RawKeyboard
from duologue.dialogs.widgets._text import Const, Format, Text, check_text
from duologue.dialogs.widgets._widget import (
    ClickHandler,
    ManagedWidget,
    When,
    WidgetData,
    call_handler,
    check_handler,
    check_id,
)
from duologue.errors import CounterValueError, WidgetError

_PLUS = Const("+")
_MINUS = Const("-")
_VALUE = Format("{value:g}")
_PLACES = 10  # 0.1 three times is 0.3 then


class Counter(Keyboard):
    """A number between two buttons that change it.

    A step beyond the limits has no effect, or leads to the other limit.

    Args:
        id: Names it among the widgets of the dialog.
        plus: The label of the button that adds; None for no such button.
        minus: The label of the button that subtracts; None for no such button.
        text: The label of the button between them, with `{value}`, and `{data}` for
            all other data; None for no such button. The default shows six digits,
            so give `Format("{value}")` for longer numbers.
        min_value: The lowest value.
        max_value: The highest value.
        increment: How much a press adds or subtracts.
        default: The value before the first press; 0 by default, or the limit that is
            nearest to it.
        cycle: Whether a step beyond one limit leads to the other.
        on_click: `async (callback, counter, manager)`, called for each press,
            before it has its effect.
        on_text_click: The same, for the button between.
        on_value_changed: `async (event, counter, manager)`, called after the value
            has changed, for whatever reason.
        when: When it is visible.

    Raises:
        WidgetError: The numbers contradict one another.
    """

    keeps_value: ClassVar[bool] = True

    def __init__(  # noqa: PLR0917  # the order that bot authors know
        self,
        id: str,  # noqa: A002  # the word that bot authors know
        plus: Text | None = _PLUS,
        minus: Text | None = _MINUS,
        text: Text | None = _VALUE,
        min_value: float = 0,
        max_value: float = 999_999,
        increment: float = 1,
        default: float | None = None,
        cycle: bool = False,  # noqa: FBT001, FBT002  # the order that bot authors know
        on_click: ClickHandler | None = None,
        on_text_click: ClickHandler | None = None,
        on_value_changed: ClickHandler | None = None,
        when: When = None,
    ) -> None:
        super().__init__(id, when)
        check_id(id)
        for label, name in ((plus, "plus"), (minus, "minus"), (text, "text")):
            if label is not None:
                check_text(label, id, name)
        check_handler(on_click, "on_click", id)
        check_handler(on_text_click, "on_text_click", id)
        check_handler(on_value_changed, "on_value_changed", id)
        self._key = id
        self.plus = plus
        self.minus = minus
        self.text = text
        self.min_value = min_value
        self.max_value = max_value
        self.increment = increment
        self.default: float = 0 if default is None else default
        self.cycle = cycle
        self.on_click = on_click
        self.on_text_click = on_text_click
        self.on_value_changed = on_value_changed
        self._check_numbers(is_default_given=default is not None)

    def managed(self, manager: DialogManager) -> ManagedCounter:
        """The counter with access to its value."""
        return ManagedCounter(self, manager)

    def get_value(self, manager: DialogManager) -> float:
        """The number; what was kept before the limits changed is moved into them."""
        kept: Json = manager.current_context().widget_data.get(self._key)
        if not isinstance(kept, int | float):
            return self.default
        return min(max(kept, self.min_value), self.max_value)

    async def set_value(self, manager: DialogManager, value: float) -> None:
        """Change the number; `on_value_changed` is called if that is a change.

        Raises:
            CounterValueError: It is outside the limits.
        """
        if not self._holds(value):
            raise CounterValueError(self._key, f"{value} is not {self._range()}")
        if value == self.get_value(manager):
            return
        manager.current_context().widget_data[self._key] = value
        await call_handler(
            self.on_value_changed, manager.event, self.managed(manager), manager
        )

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        shown = {"value": self.get_value(manager), "data": data}
        row: list[InlineButton] = []
        for text, item, fields in (
            (self.minus, "-", data),
            (self.text, "", shown),
            (self.plus, "+", data),
        ):
            if text is not None:
                label = await text.render_text(fields, manager)
                row.append(CallbackButton(label, f"{self._key}:{item}"))
        return [row]

    async def _process_item_callback(
        self,
        callback: Callback,
        data: str,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        del callback, dialog
        if not await self._clicked(self.on_click, manager):
            return True
        if data == "+":
            await self.set_value(manager, self._step(self.increment, manager))
        elif data == "-":
            await self.set_value(manager, self._step(-self.increment, manager))
        else:
            await self._clicked(self.on_text_click, manager)
        return True

    def _step(self, distance: float, manager: DialogManager) -> float:
        """The value that follows the one of now."""
        value = self.get_value(manager)
        following = value + distance
        if isinstance(following, float):
            following = round(following, _PLACES)
        if self._holds(following):
            return following
        if not self.cycle:
            return value
        return self.min_value if distance > 0 else self.max_value

    def _holds(self, value: float) -> bool:
        return self.min_value <= value <= self.max_value and math.isfinite(value)

    def _range(self) -> str:
        return f"between min_value={self.min_value} and max_value={self.max_value}"

    def _check_numbers(self, *, is_default_given: bool) -> None:
        for name in ("min_value", "max_value", "increment", "default"):
            _check_number(getattr(self, name), name, self._key)
        if not 0 < round(self.increment, _PLACES) < math.inf:
            problem = f"increment={self.increment} must be a positive number"
            raise WidgetError(self._key, problem)
        if not is_default_given and self.min_value <= self.max_value:
            self.default = min(max(self.default, self.min_value), self.max_value)
        if not self._holds(self.default):
            problem = f"default={self.default} must lie {self._range()}"
            raise WidgetError(self._key, problem)


def _check_number(value: object, name: str, widget: str) -> None:
    if not isinstance(value, int | float):
        raise WidgetError(widget, f"{name}={value!r} must be a number")


class ManagedCounter(ManagedWidget[Counter]):
    """A `Counter` within a turn."""

    def get_value(self) -> float:
        """The number."""
        return self.widget.get_value(self.manager)

    async def set_value(self, value: float) -> None:
        """Change the number; `on_value_changed` is called if that is a change.

        Raises:
            CounterValueError: It is outside the limits.
        """
        await self.widget.set_value(self.manager, value)
