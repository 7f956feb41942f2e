"""Dialogs, windows and states that do not fit together."""

from __future__ import annotations

import pytest

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
    Window,
    setup_dialogs,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.kbd import Button, Select
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    HandlerError,
    InvalidDialogError,
    InvalidWidgetIdError,
    NotAStateError,
    StateNotNamedError,
    UnknownStateError,
    WidgetError,
    WrongStateError,
)
from duologue.testing import Playground


class Menu(StatesGroup):
    first = State()
    second = State()


class Order(StatesGroup):
    address = State()


async def _error(dispatcher: Dispatcher, state: Json) -> Exception:
    """Let a handler start a state, and give the one error that comes of it."""

    @dispatcher.message()
    async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(state)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        (error,) = chat.take_errors()
    assert isinstance(error, Exception)
    return error


def _menu() -> Dialog:
    return Dialog(Window(Const("Menu"), state=Menu.first))


async def test_a_dialog_that_was_never_included_is_missed_by_name() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(_menu())

    error = await _error(dispatcher, Order.address)

    assert isinstance(error, UnknownStateError)
    assert "no window has the state Order:address" in str(error)
    assert "dispatcher.include_router(...)" in str(error)
    assert "The dispatcher knows Menu:first" in str(error)


async def test_a_dispatcher_without_any_dialog_says_that_it_knows_no_state() -> None:
    error = await _error(Dispatcher(), Order.address)

    assert "knows no state at all" in str(error)


async def test_a_state_whose_window_is_missing_names_the_dialog_that_lacks_it() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(_menu())

    error = await _error(dispatcher, Menu.second)

    assert isinstance(error, UnknownStateError)
    assert "Menu:second; add a Window" in str(error)
    assert "the Dialog of Menu" in str(error)


def test_hundreds_of_states_do_not_fill_the_message() -> None:
    known = tuple(f"Group:s{number}" for number in range(300))

    text = str(UnknownStateError("Other:one", known))

    assert "Group:s0, " in text
    assert "and 288 more" in text
    assert len(text) < 500


@pytest.mark.parametrize(
    "wrong", ["Menu:first", Menu, None], ids=["text", "group", "None"]
)
async def test_what_is_no_state_cannot_be_started(wrong: Json) -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(_menu())

    error = await _error(dispatcher, wrong)

    assert isinstance(error, NotAStateError)
    assert repr(wrong) in str(error)
    assert "without quotes" in str(error)


@pytest.mark.parametrize("call", ["start", "switch_to"])
async def test_what_is_no_state_is_refused_before_a_background_call(call: str) -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(_menu())

    async with Playground(dispatcher) as chat:
        bg = chat.runtime.dialog(chat_id=1, user_id=1)
        with pytest.raises(NotAStateError, match=rf"{call}\(\) needs a State"):
            await getattr(bg, call)("Menu:first")


async def test_switching_to_another_dialog_says_to_start_it() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        _menu(), Dialog(Window(Const("Where?"), state=Order.address))
    )

    @dispatcher.message()
    async def move(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Menu.first)
        await dialog_manager.switch_to(Order.address)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        (error,) = chat.take_errors()

    assert isinstance(error, WrongStateError)
    assert "use start()" in str(error)


def test_a_window_whose_state_is_a_text_is_refused() -> None:
    with pytest.raises(
        NotAStateError, match=r"Window\(state=...\) .* not 'Menu:first'"
    ):
        Window(Const("x"), state="Menu:first")  # type: ignore[arg-type]  # that is the mistake


def test_a_state_outside_a_group_says_where_to_declare_it() -> None:
    with pytest.raises(StateNotNamedError, match="body of a StatesGroup"):
        Dialog(Window(Const("x"), state=State()))


def test_a_widget_outside_a_window_is_refused() -> None:
    with pytest.raises(InvalidDialogError, match=r"put widgets into a Window\("):
        Dialog(Const("x"))  # type: ignore[arg-type]  # that is the mistake


async def test_the_same_states_in_two_dialogs_are_refused_at_the_start() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_routers(_menu(), _menu())

    with pytest.raises(InvalidDialogError, match="two dialogs have the states of Menu"):
        async with Playground(dispatcher):
            pass


async def test_a_missing_value_names_widget_window_and_what_there_is() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(Format("Hello, {name}!"), state=Menu.first, getter={"nmae": "Ann"})
        )
    )

    error = await _error(dispatcher, Menu.first)

    assert isinstance(error, WidgetError)
    told = "\n".join([str(error), *error.__notes__])
    assert "Format('Hello, {name}!')" in told
    assert "nmae" in told
    assert "in the window of Menu:first" in told


def test_a_getter_that_is_not_async_is_refused_by_name() -> None:
    def profile(**_: object) -> dict[str, object]:
        return {}

    with pytest.raises(HandlerError, match=r"profile .*`async def` function or a dict"):
        Window(Const("x"), state=Menu.first, getter=profile)


async def test_dialogs_work_without_setup_dialogs_and_with_it() -> None:
    for prepare in (lambda _: None, setup_dialogs):
        dispatcher = Dispatcher()
        dispatcher.include_router(_menu())
        prepare(dispatcher)

        async with Playground(dispatcher) as chat:
            receipt = await chat.dialog(1).start(Menu.first)
            await receipt.drawn()

            assert chat.screen(1).text == "Menu"


def plain(*_: object) -> None:
    """A function that lacks its `async`."""


@pytest.mark.parametrize("argument", ["on_start", "on_close", "on_process_result"])
def test_a_callback_of_a_dialog_that_is_not_async_is_refused_by_name(
    argument: str,
) -> None:
    callback: Json = {argument: plain}

    with pytest.raises(HandlerError, match=f"plain .*{argument}= must be an `async"):
        Dialog(Window(Const("x"), state=Menu.first), **callback)


def test_a_callback_of_a_window_that_is_not_async_is_refused_by_name() -> None:
    with pytest.raises(HandlerError, match=r"plain .*on_process_result= must be an"):
        Window(Const("x"), state=Menu.first, on_process_result=plain)  # type: ignore[arg-type]  # that is the mistake


async def test_a_getter_that_returns_nothing_is_refused_by_name() -> None:
    async def address(**_: Json) -> None:
        pass

    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(Window(Const("Where?"), state=Order.address, getter=address))
    )

    error = await _error(dispatcher, Order.address)

    assert isinstance(error, HandlerError)
    assert error.handler.endswith("address")
    assert "it returned None; a getter returns a dict" in str(error)


def test_a_button_without_an_id_is_told_what_stands_there() -> None:
    async def on_yes(*_: Json) -> None:
        pass

    with pytest.raises(InvalidWidgetIdError) as caught:
        Button(Const("Yes"), on_yes)  # type: ignore[arg-type]  # that is the mistake

    assert "on_yes" in caught.value.widget
    assert 'give a text such as id="save"' in str(caught.value)


@pytest.mark.parametrize("wrong", ["xml", "MarkdownV2", ""])
def test_an_unknown_parse_mode_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidDialogError, match="give 'html' or 'markdown'"):
        Window(Const("x"), state=Menu.first, parse_mode=wrong)


async def test_too_many_buttons_in_a_row_come_with_the_widget_that_breaks_rows() -> (
    None
):
    row = Select[str](Const("x"), "number", str, range(20))
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(Const("Menu"), row, state=Menu.first)))

    error = await _error(dispatcher, Menu.first)

    assert "20 buttons in one row, 7 are allowed" in str(error)
    assert "put them into a Group(width=7) or a Column" in str(error)
