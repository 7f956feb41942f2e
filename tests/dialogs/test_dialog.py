"""Dialogs and their windows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from duologue.dialogs import (
    CallbackButton,
    Dialog,
    DialogManager,
    Dispatcher,
    LaunchMode,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import Router
from duologue.dialogs.widgets import Widget
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Back, Button, Column, Next, Row
from duologue.dialogs.widgets.text import Const
from duologue.errors import InvalidDialogError, InvalidWidgetTypeError, RouterError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()
    two = State()


class Sub(StatesGroup):
    one = State()


def window(state: State, *parts: Json) -> Window:
    return Window(Const(state.state), *parts, state=state)


def playground(*routers: Router) -> Playground:
    dispatcher = Dispatcher()
    dispatcher.include_routers(*routers)
    return Playground(dispatcher)


def test_a_dialog_needs_a_window() -> None:
    with pytest.raises(InvalidDialogError, match="needs a Window"):
        Dialog()


def test_the_windows_of_a_dialog_belong_to_one_group() -> None:
    with pytest.raises(InvalidDialogError, match="Sub:one is not in Main"):
        Dialog(window(Main.one), window(Sub.one))


def test_each_window_has_a_state_of_its_own() -> None:
    with pytest.raises(InvalidDialogError, match="two windows have the state Main:one"):
        Dialog(window(Main.one), window(Main.one))


def test_a_dialog_is_named_after_its_group() -> None:
    dialog = Dialog(window(Main.two), window(Main.one), launch_mode=LaunchMode.ROOT)

    assert repr(dialog) == "<Dialog Main>"
    assert repr(Dialog(window(Main.one), name="shop")) == "<Dialog shop>"
    assert repr(window(Main.one)) == "<Window Main:one>"
    assert dialog.states_group() is Main
    assert dialog.states() == (Main.two, Main.one)
    assert dialog.launch_mode is LaunchMode.ROOT


def test_a_dialog_takes_no_routers() -> None:
    with pytest.raises(RouterError, match="include both in a router"):
        Dialog(window(Main.one)).include_router(Router("r"))


@pytest.mark.parametrize("part", [7, None, CallbackButton("x", "y")])
def test_a_window_takes_widgets_strings_and_functions_only(part: Json) -> None:
    with pytest.raises(InvalidWidgetTypeError) as caught:
        window(Main.one, part)

    assert caught.value.widget == repr(part)


async def test_a_function_in_a_window_takes_messages() -> None:
    taken: list[str] = []

    async def take(message: MessageCreated, _widget: object, _: DialogManager) -> None:
        taken.append(message.text)

    async with playground(Dialog(window(Main.one, take))) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.say(1, "hi")

    assert taken == ["hi"]


async def test_markup_and_link_previews_of_a_window_reach_the_messenger() -> None:
    shown = Window(
        "<b>x</b>", state=Main.one, parse_mode="HTML", show_link_preview=False
    )
    async with playground(Dialog(shown)) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()

        assert chat.screen(1).view.markup == "html"
        assert not chat.screen(1).view.show_link_preview


async def test_a_dialog_is_told_when_it_opens_and_closes() -> None:
    told: list[tuple[str, Json]] = []

    async def on_start(data: Json, manager: DialogManager) -> None:
        manager.dialog_data["begun"] = True
        told.append(("start", data))

    async def on_close(result: Json, manager: DialogManager) -> None:
        told.append(("close", (result, manager.dialog_data["begun"])))

    async with playground(
        Dialog(window(Main.one), on_start=on_start, on_close=on_close)
    ) as chat:
        await (await chat.dialog(1).start(Main.one, [1]))
        await (await chat.dialog(1).done("ok"))

    assert told == [("start", [1]), ("close", ("ok", True))]


async def test_the_result_reaches_window_and_dialog_below_with_the_start_data() -> None:
    told: list[tuple[str, Json, Json, str]] = []

    async def on_window(start_data: Json, result: Json, manager: DialogManager) -> None:
        state = manager.current_context().state.state
        told.append(("window", start_data, result, state))

    async def on_dialog(start_data: Json, result: Json, manager: DialogManager) -> None:
        state = manager.current_context().state.state
        told.append(("dialog", start_data, result, state))

    below = Dialog(
        Window("below", state=Main.one, on_process_result=on_window),
        on_process_result=on_dialog,
    )
    async with playground(below, Dialog(window(Sub.one))) as chat:
        await (await chat.dialog(1).start(Main.one))
        await (await chat.dialog(1).start(Sub.one, "asked"))
        await (await chat.dialog(1).done("answer"))
        await chat.settled()

        assert chat.screen(1).text == "below"

    assert told == [
        ("window", "asked", "answer", "Main:one"),
        ("dialog", "asked", "answer", "Main:one"),
    ]


async def test_on_close_may_move_on_by_itself() -> None:
    async def on_close(_result: Json, manager: DialogManager) -> None:
        await manager.reset_stack()
        await manager.start(Main.one)

    async with playground(
        Dialog(window(Main.one)), Dialog(window(Sub.one), on_close=on_close)
    ) as chat:
        await (await chat.dialog(1).start(Sub.one))
        await (await chat.dialog(1).done())
        await chat.settled()

        assert chat.screen(1).text == "Main:one"


async def test_widgets_are_found_by_id_in_the_current_window_first() -> None:
    here = Button(Const("here"), id="b")
    there = Button(Const("there"), id="b")
    deep = Button(Const("deep"), id="deep")
    dialog = Dialog(window(Main.one, there, Row(deep)), window(Main.two, here))

    async with playground(dialog) as chat:
        await (await chat.dialog(1).start(Main.two))
        async with chat.dialog(1).fg() as manager:
            found = [manager.find(name) for name in ("b", "deep", "nothing")]

    assert found == [here, deep, None]


async def test_a_dialog_takes_messages_only_while_it_is_on_top() -> None:
    taken: list[str] = []

    def taker(name: str) -> Json:
        async def take(*_: object) -> None:
            taken.append(name)

        return take

    main = Dialog(window(Main.one, taker("main")))
    sub = Dialog(window(Sub.one, taker("sub")))
    async with playground(main, sub) as chat:
        await chat.say(1, "nothing is open")
        await (await chat.dialog(1).start(Main.one))
        await chat.say(1, "for main")
        await (await chat.dialog(1).start(Sub.one))
        await chat.say(1, "for sub")

    assert taken == ["main", "sub"]


async def test_a_message_that_no_input_takes_goes_on_to_the_handlers() -> None:
    taken: list[str] = []
    dialog = Dialog(window(Main.one))

    @dialog.message()
    async def own(event: MessageCreated) -> None:
        taken.append(event.text)

    async with playground(dialog) as chat:
        await (await chat.dialog(1).start(Main.one))
        await chat.say(1, "hi")

    assert taken == ["hi"]


async def test_other_updates_pass_a_dialog_by() -> None:
    told: list[str] = []
    dialog = Dialog(window(Main.one))

    @dialog.bot_started()
    async def started(_: object) -> None:
        told.append("started")

    async with playground(dialog) as chat:
        await (await chat.dialog(1).start(Main.one))
        await chat.happen("bot_started", 1)

    assert told == ["started"]


async def test_an_input_that_closes_the_dialog_takes_the_buttons_away() -> None:
    async def close(_m: MessageCreated, _w: object, manager: DialogManager) -> None:
        await manager.done()

    dialog = Dialog(window(Main.one, Button(Const("x"), id="x"), close))
    async with playground(dialog) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.say(1, "bye")
        await chat.settled()

        assert chat.screen(1).labels == ()
        assert chat.screen(1).text == "Main:one"


class Ends(StatesGroup):
    first = State()
    second = State()


def between(first: Sequence[Widget] = (), last: Sequence[Widget] = ()) -> Dialog:
    return Dialog(
        Window(Const("x"), *first, state=Ends.first),
        Window(Const("x"), *last, state=Ends.second),
    )


@pytest.mark.parametrize(
    "widget",
    [
        Next(),
        Row(Column(Next(id="a"), when="a"), Next()),
        Button(Const("x"), "b", Next()),
        TextInput("t", on_success=Next()),
    ],
    ids=["Next", "Row", "on_click", "on_success"],
)
def test_next_in_the_last_window_is_refused_when_the_dialog_is_made(
    widget: Widget,
) -> None:
    between(first=[widget])

    with pytest.raises(InvalidDialogError, match=r"Ends:second is the last .*Next\(\)"):
        between(last=[widget])


def test_back_in_the_first_window_is_refused_when_the_dialog_is_made() -> None:
    between(last=[Back()])

    with pytest.raises(InvalidDialogError, match=r"Ends:first is the first .*Back\(\)"):
        between(first=[Back()])


async def leave(callback: Json, button: Json, manager: DialogManager) -> None:
    del callback, button
    await manager.done()


def test_a_button_that_may_be_hidden_or_goes_elsewhere_may_stand_anywhere() -> None:
    class Round(Next):
        async def _move(self, manager: DialogManager) -> None:
            await manager.switch_to(Ends.first)

    steps = Row(Back(when="has_back"), Next(when="has_next"))

    between(first=[steps], last=[steps])
    between(first=[Row(Back(), when="has_back")], last=[Round()])
    between(last=[Next(on_click=leave)])
