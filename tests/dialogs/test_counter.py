"""A number with buttons that change it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors.testing import VirtualClock
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    Dispatcher,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.kbd import Counter, ManagedCounter
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import CounterValueError, WidgetError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


def playground(counter: Counter) -> Playground:
    dispatcher = Dispatcher()
    window = Window(Const("text"), counter, state=Main.one, getter={"unit": "kg"})
    dispatcher.include_router(Dialog(window))
    return Playground(dispatcher)


async def opened(chat: Playground) -> None:
    await (await chat.dialog(1).start(Main.one)).drawn()


async def value_after(counter: Counter, presses: str) -> float:
    """Press the buttons of a counter in a burst and return its value."""
    async with playground(counter) as chat:
        await opened(chat)
        screen = chat.screen(1)
        for sign in presses:
            payload = screen.payload_of(sign) or ""
            await chat.press(1, payload, message_id=screen.id)
        await chat.settled()
        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("n")
            value: float = found.get_value()
        return value


async def test_a_counter_shows_its_value_between_its_buttons() -> None:
    async with playground(Counter("n", default=3)) as chat:
        await opened(chat)
        before = chat.screen(1).labels
        await chat.click(1, "+")
        await chat.settled()

        assert before == (("-", "3", "+"),)
        assert chat.screen(1).labels == (("-", "4", "+"),)


async def test_the_text_of_a_counter_sees_all_data() -> None:
    counter = Counter("n", text=Format("{value:02} {data[unit]}"))
    async with playground(counter) as chat:
        await opened(chat)

        assert chat.screen(1).labels == (("-", "00 kg", "+"),)


async def test_the_buttons_of_a_counter_can_be_left_out() -> None:
    async with playground(Counter("n", minus=None, text=None)) as chat:
        await opened(chat)

        assert chat.screen(1).labels == (("+",),)


@dataclass(frozen=True)
class Limits:
    low: int
    high: int
    increment: int
    default: int
    cycle: bool

    def after(self, presses: str) -> int:
        value = self.default
        for sign in presses:
            following = value + self.increment * (1 if sign == "+" else -1)
            if self.low <= following <= self.high:
                value = following
            elif self.cycle:
                value = self.low if sign == "+" else self.high
        return value


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    low = draw(st.integers(-5, 5))
    high = draw(st.integers(low, low + 10))
    return Limits(
        low,
        high,
        draw(st.integers(1, 3)),
        draw(st.integers(low, high)),
        draw(st.booleans()),
    )


@settings(max_examples=60)
@given(limits=limits(), presses=st.text("+-", max_size=30))
def test_a_burst_of_presses_comes_to_their_sum_within_the_limits(
    limits: Limits, presses: str
) -> None:
    counter = Counter(
        "n",
        text=None,
        min_value=limits.low,
        max_value=limits.high,
        increment=limits.increment,
        default=limits.default,
        cycle=limits.cycle,
    )

    value = VirtualClock().run(value_after(counter, presses))

    assert value == limits.after(presses)


async def test_tenths_add_up() -> None:
    counter = Counter("n", increment=0.1, max_value=1)

    assert await value_after(counter, "+" * 10) == 1
    assert await value_after(counter, "+++---") == 0


async def test_a_counter_calls_its_handlers_in_order() -> None:
    calls: list[tuple[str, float]] = []

    def noting(name: str) -> Json:
        async def note(
            event: Callback, counter: ManagedCounter, manager: DialogManager
        ) -> None:
            assert event is manager.event
            assert counter.widget_id == "n"
            calls.append((name, counter.get_value()))

        return note

    counter = Counter(
        "n",
        max_value=1,
        on_click=noting("click"),
        on_text_click=noting("text"),
        on_value_changed=noting("changed"),
    )
    async with playground(counter) as chat:
        await opened(chat)
        for label in ("+", "1", "+"):
            await chat.click(1, label)
            await chat.settled()

    assert calls == [
        ("click", 0),
        ("changed", 1),
        ("click", 1),
        ("text", 1),
        ("click", 1),
    ]


async def test_code_can_set_a_counter_within_its_limits() -> None:
    changes: list[float] = []

    async def on_changed(_: object, counter: ManagedCounter, __: object) -> None:
        changes.append(counter.get_value())

    async with playground(
        Counter("n", max_value=9, on_value_changed=on_changed)
    ) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            counter: Json = manager.find("n")
            await counter.set_value(9)
            await counter.set_value(9)
            with pytest.raises(CounterValueError, match="10 is not between"):
                await counter.set_value(10)
            with pytest.raises(CounterValueError):
                await counter.set_value(math.nan)
            value = counter.get_value()

    assert (value, changes) == (9, [9])


@pytest.mark.parametrize(("kept", "value"), [(50, 9), (-1, 2), ("x", 4), (None, 4)])
async def test_what_was_kept_under_other_rules_is_brought_into_the_limits(
    kept: Json, value: float
) -> None:
    counter = Counter("n", min_value=2, max_value=9, default=4)
    async with playground(counter) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            manager.current_context().widget_data["n"] = kept
            found: Json = manager.find("n")

            assert found.get_value() == value


async def test_a_counter_without_an_upper_limit_is_possible() -> None:
    counter = Counter("n", max_value=math.inf, default=10**9)

    assert await value_after(counter, "++") == 10**9 + 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"increment": 0}, "increment=0 must be a positive number"),
        ({"increment": math.inf}, "increment=inf must be a positive number"),
        ({"increment": 1e-11}, "increment=1e-11 must be a positive number"),
        ({"default": "3"}, "default='3' must be a number"),
        ({"max_value": None}, "max_value=None must be a number"),
        ({"default": -1}, "default=-1 must lie between min_value=0"),
        ({"min_value": 2, "max_value": 1}, "must lie between min_value=2 and max_v"),
        ({"max_value": math.nan}, "must lie between"),
        ({"plus": "+"}, r"plus is '\+'; give `Const\('\+'\)`"),
        ({"text": "{value}"}, r"or `Format\('\{value\}'\)`"),
        ({"on_text_click": print}, "on_text_click=print must be an `async def`"),
        ({"on_value_changed": print}, "on_value_changed=print must be"),
    ],
)
def test_a_counter_that_cannot_work_is_refused(
    options: dict[str, Json], problem: str
) -> None:
    with pytest.raises(WidgetError, match=problem):
        Counter("n", **options)
