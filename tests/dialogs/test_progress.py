"""A text that shows how far something is."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import example, given, strategies as st
from magic_filter import F

from duologue.actors.testing import VirtualClock
from duologue.dialogs import Dialog, Dispatcher, State, StatesGroup, Window
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.text import Progress
from duologue.errors import WidgetError
from duologue.testing import Playground

UNKNOWN = "....  …"


class Main(StatesGroup):
    one = State()


def bar(field: Json = "p") -> Progress:
    return Progress(field, 4, "#", ".")


async def shown(progress: Progress, **data: object) -> str:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(progress, state=Main.one, getter=data)))
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        return chat.screen(1).text


async def test_progress_is_red_on_white_ten_signs_wide() -> None:
    assert await shown(Progress("p"), p=30) == "███░░░░░░░  30%"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "....  0%"),
        (50, "##..  50%"),
        (100, "####  100%"),
        (33.4, "#...  33%"),
        (Decimal(50), "##..  50%"),
        (" 50 ", "##..  50%"),
        (-1, "....  0%"),
        (150, "####  100%"),
        (math.inf, "####  100%"),
        (-math.inf, "....  0%"),
        pytest.param(10**400, "####  100%", id="huge"),
        pytest.param(-(10**400), "....  0%", id="-huge"),
        (None, UNKNOWN),
        pytest.param(math.nan, UNKNOWN, id="nan"),
        ("half", UNKNOWN),
        ([50], UNKNOWN),
    ],
)
async def test_any_value_has_its_look(value: object, text: str) -> None:
    assert await shown(bar(), p=value) == text


async def test_a_key_that_is_missing_is_not_known_yet() -> None:
    assert await shown(bar()) == UNKNOWN


def part(data: dict[str, Json], widget: object, _: object) -> float:
    assert isinstance(widget, Progress)
    return float(data["done"] / data["total"] * 100)


@pytest.mark.parametrize("field", [F["done"] / F["total"] * 100, part])
async def test_the_percentage_may_be_computed(field: Json) -> None:
    assert await shown(bar(field), done=1, total=4) == "#...  25%"


async def test_a_magic_filter_that_cannot_be_computed_is_not_known_yet() -> None:
    assert await shown(bar(F["done"] / F["total"]), done=1, total=0) == UNKNOWN
    assert await shown(bar(F["done"] * 100 / F["total"]), done=1) == UNKNOWN


async def test_the_mistake_in_a_function_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await shown(bar(part), done=1, total=0)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.lists(st.integers())
    | st.decimals()
)


@given(value=VALUES)
@example(value=-0.0)
@example(value=math.nan)
@example(value=Decimal("sNaN"))
def test_whatever_the_value_is_the_bar_has_its_width(value: object) -> None:
    text = VirtualClock().run(shown(bar(), p=value))

    assert re.fullmatch(r"(?=.{4} )#*\.* +(\d+%|…)", text)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"width": 0}, "width=0 must be 1 or more"),
        ({"filled": ""}, "filled='' must be a character"),
        ({"empty": 5}, "empty=5 must be a character"),
        ({"field": 5}, "field=5 must be a key of the data, a magic filter or"),
    ],
)
def test_a_progress_that_cannot_work_is_refused(
    options: dict[str, Json], problem: str
) -> None:
    with pytest.raises(WidgetError, match=problem):
        Progress(**{"field": "p", **options})
