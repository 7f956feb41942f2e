"""Arguments stand where bot authors know them, and a wrong thing in a place raises."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    LaunchMode,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs.widgets import WidgetData
from duologue.dialogs.widgets.input import MessageInput, TextInput
from duologue.dialogs.widgets.kbd import (
    Back,
    Button,
    Cancel,
    Checkbox,
    Counter,
    Next,
    Radio,
    Select,
    Start,
    SwitchTo,
)
from duologue.dialogs.widgets.text import Case, Const, Progress
from duologue.errors import (
    HandlerError,
    WidgetError,
    WrongArgumentError,
)
from duologue.testing import Playground

X = Const("x")
SEND = ShowMode.SEND


class Main(StatesGroup):
    one = State()
    two = State()


async def click(callback: Json, widget: Json, manager: DialogManager) -> None:
    """Take what a button gives."""


def two(first: Json, second: Json) -> Json:
    """Take less than a condition is given."""


@pytest.mark.parametrize(
    "button",
    [
        Next(X, "b", click, SEND, "shown"),
        Back(X, "b", click, SEND, "shown"),
        SwitchTo(X, "b", Main.one, click, "shown", SEND),
        Cancel(X, "b", {"a": 1}, click, "shown", SEND),
        Start(X, "b", Main.one, {"a": 1}, click, SEND, StartMode.NEW_STACK, "shown"),
    ],
    ids=lambda button: type(button).__name__,
)
def test_buttons_that_move_take_their_arguments_in_the_known_order(
    button: Next | Back | SwitchTo | Cancel | Start,
) -> None:
    assert (button.widget_id, button.on_click, button.show_mode) == ("b", click, SEND)
    assert not button.is_always_visible


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (Next, (X, "b", click, "shown")),
        (Back, (X, "b", click, "shown")),
        (SwitchTo, (X, "b", Main.one, click, None, "edit")),
        (Cancel, (X, "b", None, click, None, LaunchMode.ROOT)),
        (Start, (X, "b", Main.one, None, click, SEND, SEND)),
        (Start, (X, "b", Main.one, None, click, StartMode.NORMAL)),
        (
            functools.partial(Dialog, launch_mode=StartMode.NORMAL),  # type: ignore[arg-type]  # wrong on purpose
            (Window(X, state=Main.one),),
        ),
    ],
    ids=["Next", "Back", "SwitchTo", "Cancel", "mode", "show_mode", "Dialog"],
)
def test_something_else_in_the_place_of_a_mode_is_refused(
    kind: Json, arguments: tuple[Json, ...]
) -> None:
    with pytest.raises(WrongArgumentError, match="give arguments by name") as caught:
        kind(*arguments)

    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "condition",
    [SEND, StartMode.NORMAL, LaunchMode.ROOT, "", True, 1, click, two, bool, Main.one],
    ids=map(str, range(10)),
)
def test_when_refuses_what_cannot_be_a_condition(condition: Json) -> None:
    with pytest.raises(ValueError, match="when="):
        Button(X, "b", None, condition)


def plain(*_: Json) -> Json:
    """Take anything, and answer at once."""


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (lambda f: Button(X, "w", f), "event, widget, manager"),
        (lambda f: Checkbox(X, X, "w", f), "event, widget, manager"),
        (lambda f: Checkbox(X, X, "w", None, f), "event, widget, manager"),
        (lambda f: Counter("w", on_click=f), "event, widget, manager"),
        (lambda f: Counter("w", on_text_click=f), "event, widget, manager"),
        (lambda f: Counter("w", on_value_changed=f), "event, widget, manager"),
        (lambda f: Next(X, "w", f), "event, widget, manager"),
        (lambda f: Select(X, "w", plain, [], on_click=f), "event, widget, manager, it"),
        (lambda f: Radio(X, X, "w", plain, [], on_click=f), "event, widget, manager, "),
        (
            lambda f: Radio(X, X, "w", plain, [], str, None, f),
            "event, widget, manager,",
        ),
        (MessageInput, "message, widget, manager"),
        (lambda f: Window(f, state=Main.one), "message, widget, manager"),
        (lambda f: TextInput("w", on_success=f), "message, widget, manager, value"),
        (lambda f: TextInput("w", on_error=f), "message, widget, manager, error"),
        (
            lambda f: Dialog(Window(X, state=Main.one), on_start=f),
            "start_data, manager",
        ),
        (lambda f: Dialog(Window(X, state=Main.one), on_close=f), "result, manager"),
        (
            lambda f: Dialog(Window(X, state=Main.one), on_process_result=f),
            "start_data, result, manager",
        ),
        (
            lambda f: Window(X, state=Main.one, on_process_result=f),
            "start_data, result, manager",
        ),
    ],
    ids=map(str, range(18)),
)
def test_a_handler_of_other_arguments_is_refused_when_it_is_given(
    make: Callable[[Function], object], call: str
) -> None:
    async def wrong() -> None:
        pass

    async def anything(*_: Json) -> None:
        pass

    make(anything)
    with pytest.raises((WidgetError, HandlerError)) as caught:
        make(wrong)
    assert f"is called with ({call}" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: Button(X, "w", when=f),
        lambda f: Case({...: X}, f),
        Progress,
        lambda f: Select(X, "w", f, []),
        lambda f: Select(X, "w", plain, f),
        lambda f: Select(X, "w", plain, [], f),
        lambda f: TextInput("w", f),
    ],
    ids=["when", "Case", "Progress", "id", "items", "type", "input"],
)
def test_a_function_of_other_arguments_is_refused_when_it_is_given(
    make: Callable[[Function], object],
) -> None:
    def wrong(*, a: int) -> int:
        return a

    make(plain)
    with pytest.raises(WidgetError, match=r"wrong is called with \("):
        make(wrong)


def test_a_getter_that_takes_arguments_by_place_is_refused() -> None:
    async def wrong(manager: DialogManager, /) -> WidgetData:
        del manager
        return {}

    with pytest.raises(HandlerError, match="by name"):
        Window(X, state=Main.one, getter=wrong)


def test_of_a_decorated_handler_the_arguments_outside_count() -> None:
    async def save(event: Json, widget: Json, manager: Json, base: Json) -> None:
        """Need what its decorator gives."""

    @functools.wraps(save)
    async def with_database(event: Json, widget: Json, manager: Json) -> None:
        await save(event, widget, manager, None)

    Button(X, "w", with_database)


async def test_setters_of_widgets_take_what_belongs_there_in_the_known_order() -> None:
    events: list[Json] = []

    async def change(event: Json, widget: Json, *_: Json) -> None:
        del widget
        events.append(event)

    box = Checkbox(X, X, "box", on_state_changed=change)
    radio = Radio(X, X, "radio", str, [1, 2], int, None, change)
    counter = Counter("counter", on_value_changed=change)
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(X, box, radio, counter, state=Main.one)))
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        async with chat.dialog(1).fg() as manager:
            await box.set_checked("event", checked=True, manager=manager)
            await radio.set_checked("event", 2, manager)
            await counter.set_value(manager, 7)
            assert events == ["event", "event", manager.event]
            assert box.is_checked(manager)
            assert (radio.get_checked(manager), counter.get_value(manager)) == (2, 7)
            with pytest.raises(WrongArgumentError):
                await box.set_checked("event", manager, manager)  # type: ignore[arg-type]  # wrong on purpose
            with pytest.raises(TypeError):
                await counter.set_value(7, manager)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 0),
        ({"min_value": 10}, 10),
        ({"min_value": -9, "max_value": -2}, -2),
        ({"min_value": -9}, 0),
        ({"min_value": 10, "default": 11}, 11),
    ],
)
def test_a_counter_without_a_default_starts_as_near_to_0_as_it_may(
    options: dict[str, float], value: float
) -> None:
    assert Counter("c", **options).default == value  # type: ignore[arg-type]  # numbers only
