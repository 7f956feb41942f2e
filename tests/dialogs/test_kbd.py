"""Widgets that render buttons."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from magic_filter import F

from duologue.dialogs import (
    Callback,
    CallbackButton,
    Dialog,
    DialogManager,
    DialogProtocol,
    Dispatcher,
    LinkButton,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._data import Json
from duologue.dialogs.widgets import Widget, WidgetData
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.kbd import (
    Back,
    Button,
    Cancel,
    Column,
    Keyboard,
    Next,
    RawKeyboard,
    Row,
    Start,
    SwitchTo,
)
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    InvalidWidgetIdError,
    PayloadTooLongError,
    WidgetError,
    WrongStateError,
)
from duologue.testing import Method, Playground


class Main(StatesGroup):
    one = State()
    two = State()


class Sub(StatesGroup):
    one = State()


def playground(*dialogs: Dialog) -> Playground:
    dispatcher = Dispatcher()
    dispatcher.include_routers(*dialogs)
    return Playground(dispatcher)


def window(*keyboards: Keyboard, state: State = Main.one, **data: object) -> Window:
    return Window(Const(state.state), *keyboards, state=state, getter=data)


async def opened(chat: Playground, state: State = Main.one) -> None:
    receipt = await chat.dialog(1).start(state)
    await receipt.drawn()


async def clicked(chat: Playground, label: str) -> str:
    """Press a button and return what is on the screen then."""
    await chat.click(1, label)
    await chat.settled()
    return chat.screen(1).text


async def labels(*keyboards: Keyboard, **data: object) -> tuple[tuple[str, ...], ...]:
    shown = Window(Const("text"), *keyboards, state=Main.one, getter=data)
    async with playground(Dialog(shown)) as chat:
        await opened(chat)
        return chat.screen(1).labels


def button(label: str) -> Button:
    return Button(Const(label), id=label)


async def test_a_button_shows_its_text() -> None:
    rows = await labels(Button(Format("Hi, {name}"), id="hi"), name="Ann")

    assert rows == (("Hi, Ann",),)


async def test_a_press_calls_on_click_with_the_press_the_button_and_the_manager() -> (
    None
):
    calls: list[tuple[Json, Json, Json]] = []

    async def on_click(
        callback: Callback, widget: Button, manager: DialogManager
    ) -> None:
        calls.append((callback.user_id, widget.widget_id, manager.dialog_data))
        await callback.answer("done")

    async with playground(
        Dialog(window(Button(Const("go"), id="b", on_click=on_click)))
    ) as chat:
        await opened(chat)
        await clicked(chat, "go")
        (answer,) = chat.bot.calls_of(Method.ANSWER)

    assert calls == [(1, "b", {})]
    assert answer.notification == "done"


async def test_a_button_without_on_click_can_be_pressed() -> None:
    async with playground(Dialog(window(button("go")))) as chat:
        await opened(chat)

        assert await clicked(chat, "go") == "Main:one"
        assert chat.counts.of("turns", "failed") == 0


async def test_on_click_sees_the_whole_payload_of_the_press() -> None:
    seen: list[str] = []

    async def on_click(callback: Callback, _: Button, _manager: DialogManager) -> None:
        seen.append(callback.payload)

    async with playground(
        Dialog(window(Button(Const("go"), id="b", on_click=on_click)))
    ) as chat:
        await opened(chat)
        whole = chat.screen(1).payload_of("go")
        await clicked(chat, "go")

    assert seen == [whole]


async def test_each_keyboard_of_a_window_gives_its_rows() -> None:
    rows = await labels(button("a"), Row(button("b"), button("c")), button("d"))

    assert rows == (("a",), ("b", "c"), ("d",))


async def test_a_row_puts_all_buttons_side_by_side() -> None:
    rows = await labels(Row(button("a"), Column(button("b"), button("c")), id="r"))

    assert rows == (("a", "b", "c"),)


async def test_a_column_puts_all_buttons_below_one_another() -> None:
    rows = await labels(Column(Row(button("a"), button("b")), button("c")))

    assert rows == (("a",), ("b",), ("c",))


async def test_hidden_buttons_and_empty_rows_are_left_out() -> None:
    rows = await labels(
        Row(Button(Const("a"), id="a", when="no")),
        Row(button("b"), when="no"),
        Column(Button(Const("c"), id="c", when=F["no"])),
        button("d"),
        no=False,
    )

    assert rows == (("d",),)


async def test_buttons_in_layouts_can_be_pressed() -> None:
    pressed: list[str] = []

    async def on_click(_: Callback, widget: Button, _manager: DialogManager) -> None:
        pressed.append(str(widget.widget_id))

    async with playground(
        Dialog(
            window(
                Row(Button(Const("a"), "a", on_click), id="r"),
                Column(Row(button("x")), Row(Button(Const("b"), "b", on_click))),
            )
        )
    ) as chat:
        await opened(chat)
        await clicked(chat, "a")
        await clicked(chat, "b")

    assert pressed == ["a", "b"]


async def test_next_back_and_switch_to_show_other_windows() -> None:
    async with playground(
        Dialog(
            window(Next(), SwitchTo(Const("jump"), id="j", state=Main.two)),
            window(Back(), state=Main.two),
        )
    ) as chat:
        await opened(chat)

        assert await clicked(chat, "Next") == "Main:two"
        assert await clicked(chat, "Back") == "Main:one"
        assert await clicked(chat, "jump") == "Main:two"
        assert len(chat.messages(1)) == 1


@pytest.mark.parametrize(
    ("moving", "label", "problem"),
    [(Next(), "Next", "last one"), (Back(), "Back", "first one")],
)
async def test_there_is_no_window_beyond_the_ends(
    moving: Keyboard, label: str, problem: str
) -> None:
    async with playground(Dialog(window(moving))) as chat:
        await opened(chat)
        await clicked(chat, label)

        (error,) = chat.take_errors()
        assert isinstance(error, WrongStateError)
        assert problem in error.problem


async def test_start_opens_another_dialog_and_cancel_closes_it_with_a_result() -> None:
    results: list[tuple[Json, Json]] = []

    async def on_result(start_data: Json, result: Json, _: DialogManager) -> None:
        results.append((start_data, result))

    async with playground(
        Dialog(
            window(Start(Const("sub"), id="s", state=Sub.one, data={"a": 1})),
            on_process_result=on_result,
        ),
        Dialog(window(Cancel(result="bye"), state=Sub.one)),
    ) as chat:
        await opened(chat)

        assert await clicked(chat, "sub") == "Sub:one"
        assert await clicked(chat, "Cancel") == "Main:one"

    assert results == [({"a": 1}, "bye")]


async def test_start_takes_a_start_mode() -> None:
    async with playground(
        Dialog(
            window(
                Start(
                    Const("sub"), "s", Sub.one, mode=StartMode.RESET_STACK, when="yes"
                ),
                yes=True,
            )
        ),
        Dialog(window(Cancel(), state=Sub.one)),
    ) as chat:
        await opened(chat)
        await clicked(chat, "sub")
        await clicked(chat, "Cancel")

        assert chat.screen(1).labels == ()


async def test_a_moving_button_first_calls_on_click() -> None:
    order: list[str] = []

    async def on_click(_: Callback, _widget: Button, manager: DialogManager) -> None:
        order.append(manager.current_context().state.state)

    async with playground(
        Dialog(window(Next(on_click=on_click)), window(state=Main.two))
    ) as chat:
        await opened(chat)
        await clicked(chat, "Next")

    assert order == ["Main:one"]


@pytest.mark.parametrize(
    "moving",
    [
        Next(Const("go"), show_mode=ShowMode.SEND),
        SwitchTo(Const("go"), "s", Main.two, show_mode=ShowMode.SEND),
        Start(Const("go"), "s", Sub.one, show_mode=ShowMode.SEND),
    ],
)
async def test_a_moving_button_takes_a_show_mode(moving: Keyboard) -> None:
    async with playground(
        Dialog(window(moving), window(state=Main.two)),
        Dialog(window(state=Sub.one)),
    ) as chat:
        await opened(chat)
        await clicked(chat, "go")

        assert len(chat.messages(1)) == 2


async def test_a_moving_widget_stands_in_for_a_function() -> None:
    order: list[str] = []

    async def on_click(*_: object) -> None:
        order.append("called")

    async with playground(
        Dialog(
            Window(
                Const("ask"),
                MessageInput(Next(on_click=on_click)),
                state=Main.one,
            ),
            window(Button(Const("go"), id="go", on_click=Back()), state=Main.two),
        )
    ) as chat:
        await opened(chat)
        await chat.say(1, "anything")
        await chat.settled()
        shown = chat.screen(1).text
        back = await clicked(chat, "go")

    assert (shown, back) == ("Main:two", "ask")
    assert order == ["called"]


class Digits(Keyboard):
    """An author's own keyboard, with an item for each digit."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)
        self.pressed: list[str] = []

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        del data, manager
        return [
            [CallbackButton(str(n), self._item_callback_data(n)) for n in range(3)],
            [LinkButton("help", "https://example.org")],
            [CallbackButton("none", self._own_callback_data() or "x")],
        ]

    async def _process_item_callback(
        self,
        callback: Callback,
        data: str,
        dialog: DialogProtocol,
        manager: DialogManager,
    ) -> bool:
        del callback, dialog, manager
        self.pressed.append(data)
        return True


class Blank(Keyboard):
    """An author's keyboard whose first row happens to be empty."""

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        del data, manager
        return [[], [LinkButton("help", "https://example.org")]]


async def test_an_empty_row_of_an_author_is_left_out() -> None:
    assert await labels(Blank()) == (("help",),)


async def test_authors_write_keyboards_with_items() -> None:
    digits = Digits(id="d")
    async with playground(Dialog(window(Row(button("x")), digits))) as chat:
        await opened(chat)
        await clicked(chat, "2")
        await clicked(chat, "0")
        await clicked(chat, "none")
        rows = chat.screen(1).keyboard

    assert digits.pressed == ["2", "0"]
    assert rows[2] == (LinkButton("help", "https://example.org"),)


class Deaf(Digits):
    """A keyboard that does nothing with its presses."""

    async def _process_item_callback(self, *event: object) -> bool:
        return await Keyboard._process_item_callback(self, *event)  # type: ignore[arg-type]  # passed on as they came


async def test_a_press_that_no_widget_takes_changes_nothing() -> None:
    async with playground(Dialog(window(Row(Deaf(id="d"))))) as chat:
        await opened(chat)

        assert await clicked(chat, "1") == "Main:one"
        assert not chat.errors


async def test_a_keyboard_that_renders_nothing_of_its_own_is_a_mistake() -> None:
    async with playground(Dialog(window(Keyboard(id="k")))) as chat:
        with pytest.raises(NotImplementedError):
            await opened(chat)


@pytest.mark.parametrize("widget_id", ["", "a b", "a:b", "кнопка", "a/b"])
def test_an_id_that_cannot_stand_in_a_payload_is_refused(widget_id: str) -> None:
    with pytest.raises(InvalidWidgetIdError) as caught:
        Button(Const("x"), id=widget_id)

    assert caught.value.widget == widget_id


def test_an_id_of_forty_characters_fits() -> None:
    assert Button(Const("x"), id="a" * 40).widget_id == "a" * 40

    with pytest.raises(PayloadTooLongError, match="41 characters, 40 fit"):
        Button(Const("x"), id="a" * 41)


def test_two_widgets_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidWidgetIdError, match="Main:one has two of this id"):
        window(Row(button("a"), button("b")), Column(button("a")))


def not_async(callback: Callback, widget: Widget, manager: DialogManager) -> None:
    """Stand for a common mistake."""


def test_a_handler_that_cannot_be_awaited_is_refused_at_once() -> None:
    with pytest.raises(WidgetError) as caught:
        Button(Const("x"), id="x", on_click=not_async)  # type: ignore[arg-type]  # that is the mistake

    assert caught.value.widget == "x"
    assert "on_click=not_async must be an `async def` function" in caught.value.problem


class Counter:
    """A handler that is an object."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, *_: object) -> None:
        self.count += 1


async def test_an_object_with_an_async_call_is_a_handler() -> None:
    counter = Counter()
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(
            playground(Dialog(window(Button(Const("go"), id="b", on_click=counter))))
        )
        await opened(chat)
        await clicked(chat, "go")

    assert counter.count == 1
