"""A text that shows how far something is."""

from __future__ import annotations

import math

from magic_filter import MagicFilter

from duologue.dialogs._chat._data import Json
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._functions import name_of
from duologue.dialogs.widgets._text import Text
from duologue.dialogs.widgets._widget import (
    Selector,
    When,
    WidgetData,
    check_width,
    selection,
)
from duologue.errors import WidgetError


class Progress(Text):
    """A bar and a percentage.

    A value below 0 counts as 0, one above 100 as 100. What is no number at all (a
    key that is missing, None, NaN, a list) is not known yet: an empty bar with an
    ellipsis. So is a magic filter that cannot be computed, such as a division by a
    total of 0. A text counts as the number that it holds. No value fails a turn;
    what a function raises does.

    Args:
        field: The percentage, 0 to 100: a key of the data, a magic filter, or a
            function `(data, widget, manager)`.
        width: How many signs the bar has.
        filled: The sign for what is done.
        empty: The sign for what is left.
        when: When it is visible.

    Raises:
        WidgetError: The field or the width is something else.
    """

    def __init__(
        self,
        field: Selector,
        width: int = 10,
        filled: str = "█",
        empty: str = "░",
        when: When = None,
    ) -> None:
        super().__init__(when)
        check_width(width, "Progress")
        _check_sign("filled", filled)
        _check_sign("empty", empty)
        self.width = width
        self.filled = filled
        self.empty = empty
        self._field = field
        self._is_magic = isinstance(field, MagicFilter)
        self._select = selection(field, "field", "Progress")

    def __repr__(self) -> str:
        return f"Progress({name_of(self._field)})"

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        percent = _percent(self._value(data, manager))
        if percent is None:
            return f"{self.empty * self.width}  …"
        done = round(self.width * percent / 100)
        bar = self.filled * done + self.empty * (self.width - done)
        return f"{bar} {percent: 2.0f}%"

    def _value(self, data: WidgetData, manager: DialogManager) -> Json:
        try:
            return self._select(data, self, manager)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            if self._is_magic:
                return None
            raise


def _percent(value: Json) -> float | None:
    """Make a number from 0 to 100 of anything; None if that is impossible."""
    try:
        number = float(value)
    except OverflowError:
        return 100.0 if value > 0 else 0.0
    except (TypeError, ValueError):
        return None
    if math.isnan(number):
        return None
    # In this order: of two zeros the first one counts, and -0 would show its sign.
    return min(max(0.0, number), 100.0)


def _check_sign(name: str, given: object) -> None:
    if not isinstance(given, str) or not given:
        problem = f"{name}={given!r} must be a character, such as {'#'!r}"
        raise WidgetError("Progress", problem)
