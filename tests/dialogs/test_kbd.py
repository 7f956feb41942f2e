"""Widgets that render buttons."""

from __future__ import annotations

import math
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
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets import Widget, WidgetData
from duologue.dialogs.widgets.input import MessageInput, TextInput
from duologue.dialogs.widgets.kbd import (
    Back,
    Button,
    Cancel,
    Checkbox,
    Column,
    Counter,
    Group,
    Keyboard,
    Next,
    Radio,
    RawKeyboard,
    Row,
    Start,
    SwitchTo,
    Url,
)
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    InvalidUrlError,
    InvalidWidgetIdError,
    InvalidWidgetTypeError,
    NotAStateError,
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
    [
        (Next(when="event"), "Next", "last one"),
        (Back(when="event"), "Back", "first one"),
    ],
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
    async with playground(Dialog(window(Column(Deaf(id="d"))))) as chat:
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


async def test_the_id_of_a_button_may_be_of_any_length() -> None:
    pressed: list[Json] = []

    async def on_click(*call: Json) -> None:
        pressed.append(call[1].widget_id)

    async with playground(
        Dialog(window(Button(Const("x"), "a" * 99, on_click)))
    ) as chat:
        await opened(chat)
        await clicked(chat, "x")

    assert pressed == ["a" * 99]


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


class Presses:
    """A handler that is an object."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, *_: object) -> None:
        self.count += 1


async def test_an_object_with_an_async_call_is_a_handler() -> None:
    presses = Presses()
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(
            playground(Dialog(window(Button(Const("go"), id="b", on_click=presses))))
        )
        await opened(chat)
        await clicked(chat, "go")

    assert presses.count == 1


async def test_a_group_leaves_rows_as_they_are() -> None:
    rows = await labels(Group(button("a"), Row(button("b"), button("c"))))

    assert rows == (("a",), ("b", "c"))


async def test_a_group_of_a_width_fills_one_row_after_the_other() -> None:
    rows = await labels(
        Group(
            Row(button("a"), button("b"), button("c")),
            Button(Const("no"), "no", when="no"),
            Column(button("d"), button("e")),
            width=2,
        )
    )

    assert rows == (("a", "b"), ("c", "d"), ("e",))


async def test_buttons_in_a_group_can_be_pressed_and_found() -> None:
    async with playground(
        Dialog(window(Group(Next(), id="g", width=1)), window(state=Main.two))
    ) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            group: Json = manager.find("g")
            inner: Json = manager.find("__next__")

        assert group.parts() == (inner,)
        assert await clicked(chat, "Next") == "Main:two"


def test_a_group_has_room_for_a_button() -> None:
    with pytest.raises(WidgetError, match="'g': width=0 must be 1 or more"):
        Group(button("a"), id="g", width=0)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a?b=c#d",
        "HTTP://example.org",
        "max://user/5",
        "tg://resolve?domain=bot",
    ],
)
async def test_a_url_opens_an_address(address: str) -> None:
    link = Url(Format("{name}"), Format("{address}"), "link")
    shown = window(Group(link, button("x"), width=2), name="Docs", address=address)

    async with playground(Dialog(shown)) as chat:
        await opened(chat)

        assert chat.screen(1).keyboard[0][0] == LinkButton("Docs", address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.org",
        "//example.org",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "https://",
        "https:///path",
        "https://a b",
        "https://example.org/\n",
        " https://example.org",
        "https://example.org/\ud83d",
        "https://example.org/" + "a" * 2048,
    ],
)
@pytest.mark.parametrize("widget_id", [None, "link"])
async def test_an_address_that_should_not_be_opened_is_refused(
    address: str, widget_id: str | None
) -> None:
    with pytest.raises(InvalidUrlError) as caught:
        await labels(Url(Const("Docs"), Const(address), widget_id))

    assert caught.value.widget == (widget_id or "Url 'Docs'")
    assert repr(address[:100]) in caught.value.problem
    assert len(str(caught.value)) < 500


async def test_a_url_that_is_hidden_needs_no_address() -> None:
    rows = await labels(Url(Const("Docs"), Const(""), when="no"), button("x"))

    assert rows == (("x",),)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("text", lambda label: Button(label, "b")),
        ("text", Next),
        ("text", lambda label: Url(label, Const("https://a.example"))),
        ("url", lambda address: Url(Const("x"), address)),
    ],
    ids=["button", "next", "text", "url"],
)
def test_a_string_is_no_text_widget(name: str, make: Json) -> None:
    with pytest.raises(WidgetError) as caught:
        make("x")

    assert caught.value.problem == (
        f"{name} is 'x'; give `Const('x')`, or `Format('x')` to have its fields filled"
    )


def test_what_is_neither_text_nor_a_string_is_refused_too() -> None:
    with pytest.raises(WidgetError, match="text is 5; give a text widget such as"):
        Button(5, "b")  # type: ignore[arg-type]  # that is the mistake


def test_a_text_among_buttons_is_shown_as_it_was_written() -> None:
    with pytest.raises(InvalidWidgetTypeError, match=r"Const\('hi'\) has no buttons"):
        Group(Const("hi"))  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize(
    "make",
    [
        lambda: Window(Const("x"), Cancel, state=Main.one),  # type: ignore[arg-type]
        lambda: Row(Cancel),  # type: ignore[arg-type]
    ],
    ids=["window", "row"],
)
def test_a_class_in_the_place_of_a_widget_is_named(make: Json) -> None:
    with pytest.raises(
        InvalidWidgetTypeError, match=r"is a class.*: `Cancel\("
    ) as error:
        make()

    assert "instance" in str(error.value)


def test_a_class_in_the_place_of_a_text_is_named() -> None:
    with pytest.raises(WidgetError, match=r"is a class.*: `Const\("):
        Button(Const, "b")  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize("layout", [Row, Column, Group])
@pytest.mark.parametrize("part", ["text", Const("text")])
def test_a_layout_takes_keyboards_only(layout: Json, part: object) -> None:
    with pytest.raises(InvalidWidgetTypeError, match="has no buttons; give `Button`"):
        layout(part)


async def is_shown(*_: object) -> bool:
    """Stand for a common mistake: conditions answer at once."""
    return False


@pytest.mark.parametrize("when", [True, 5, ["key"], is_shown])
def test_a_condition_that_would_never_work_is_refused(when: Json) -> None:
    with pytest.raises(WidgetError, match=r"widget 'b': when=.* must be a key"):
        Button(Const("x"), "b", when=when)


def checkbox() -> Checkbox:
    return Checkbox(Const("on"), Const("off"), "x")


def radio() -> Radio[str]:
    return Radio(Const("on"), Const("off"), "x", str, ["a"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (checkbox(), Row(radio())),
        (Counter("x"), checkbox()),
        (TextInput("x"), radio()),
    ],
)
def test_two_kinds_of_widgets_do_not_keep_their_values_in_one_place(
    one: Widget, other: Widget
) -> None:
    with pytest.raises(InvalidWidgetIdError, match="keep their values in one place"):
        Dialog(
            Window(Const("one"), one, state=Main.one),
            Window(Const("two"), other, state=Main.two),
        )


async def test_windows_of_a_dialog_may_show_the_same_checkbox() -> None:
    async with playground(
        Dialog(
            window(checkbox(), Next(), button("y")),
            window(checkbox(), button("y"), state=Main.two),
        )
    ) as chat:
        await opened(chat)
        await clicked(chat, "off")
        await clicked(chat, "Next")

        assert chat.screen(1).labels == (("on",), ("y",))


async def _leave(_: Callback, _widget: Json, manager: DialogManager) -> None:
    await manager.done()


@pytest.mark.parametrize(
    "moving",
    [
        Next(Const("move"), on_click=_leave),
        Cancel(Const("move"), on_click=_leave),
        SwitchTo(Const("move"), "move", Sub.one, on_click=_leave),
        Start(Const("move"), "move", Main.one, on_click=_leave),
        Button(Const("move"), "stand_in", Next(on_click=_leave)),
    ],
    ids=["next", "cancel", "switch", "start", "stand-in"],
)
async def test_a_moving_button_whose_on_click_leaves_the_dialog_moves_no_other(
    moving: Keyboard,
) -> None:
    main = Dialog(window(Start(Const("sub"), "sub", Sub.one)), window(state=Main.two))
    async with playground(main, Dialog(window(moving, state=Sub.one))) as chat:
        await opened(chat)
        await clicked(chat, "sub")

        assert await clicked(chat, "move") == "Main:one"
        assert chat.screen(1).labels == (("sub",),)


@pytest.mark.parametrize("wrong", [5, None, _leave])
@pytest.mark.parametrize(
    "make",
    [
        lambda wrong: Button(Const("x"), wrong),
        lambda wrong: Checkbox(Const("x"), Const("y"), wrong),
        Counter,
        lambda wrong: Radio(Const("x"), Const("y"), wrong, str, [1]),
        TextInput,
    ],
    ids=["button", "checkbox", "counter", "radio", "input"],
)
def test_what_stands_in_the_place_of_an_id_is_named(make: Json, wrong: Json) -> None:
    with pytest.raises(InvalidWidgetIdError, match="in the place of its id"):
        make(wrong)


@pytest.mark.parametrize("width", [0, -1, "2", 2.0, math.inf])
def test_the_width_of_a_group_is_a_whole_number(width: Json) -> None:
    with pytest.raises(WidgetError, match="must be 1 or more, and whole"):
        Group(width=width)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SwitchTo(Const("x"), "x", "Main:one"),  # type: ignore[arg-type]  # wrong on purpose
        lambda: Start(Const("x"), "x", Main),  # type: ignore[arg-type]  # wrong on purpose
    ],
    ids=["switch", "start"],
)
def test_a_button_that_moves_to_no_state_is_refused(make: Json) -> None:
    with pytest.raises(NotAStateError, match=r"\(state=...\) needs a State"):
        make()
