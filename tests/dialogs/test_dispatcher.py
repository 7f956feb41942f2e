"""The dispatcher: the root of the routers."""

from __future__ import annotations

import pytest

from duologue.dialogs import (
    BG_FACTORY_KEY,
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
from duologue.dialogs._state._commands import (
    CloseDialog,
    Command,
    Drawn,
    HandleUpdate,
    LendTurn,
    StartDialog,
    SwitchWindow,
    UpdateData,
    decode,
    encode,
    encode_raw,
)
from duologue.dialogs.routing import HandlerData, NextHandler, Router
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const
from duologue.errors import InvalidDialogError, UnknownCommandError, UnknownStateError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()
    two = State()


class Lost(StatesGroup):
    one = State()


def dialog() -> Dialog:
    return Dialog(Window("text", Button(Const("b"), id="b"), state=Main.one))


def test_a_state_leads_to_the_dialog_that_has_its_window() -> None:
    dispatcher, router, shop = Dispatcher(), Router(), dialog()
    dispatcher.include_router(router)
    router.include_router(shop)

    assert dispatcher.dialog_of(Main.one) is shop
    assert dispatcher.state_by_name("Main:one") is Main.one


def test_a_dialog_that_is_included_late_is_found() -> None:
    dispatcher, late = Dispatcher(), dialog()
    with pytest.raises(UnknownStateError):
        dispatcher.dialog_of(Main.one)

    dispatcher.include_router(late)

    assert dispatcher.dialog_of(Main.one) is late
    assert dispatcher.state_by_name("Main:one") is Main.one


def test_a_state_without_a_window_is_unknown() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(dialog())

    with pytest.raises(UnknownStateError, match="Main:two"):
        dispatcher.dialog_of(Main.two)
    with pytest.raises(UnknownStateError, match="Main:two"):
        dispatcher.state_by_name("Main:two")
    with pytest.raises(UnknownStateError, match="Lost:one"):
        dispatcher.dialog_of(Lost.one)


def test_two_dialogs_of_one_group_are_refused() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_routers(dialog(), dialog())

    with pytest.raises(InvalidDialogError, match="two dialogs have the states of Main"):
        dispatcher.dialog_of(Main.one)


def other_main() -> type[StatesGroup]:
    class Main(StatesGroup):
        one = State()

    return Main


def test_two_groups_of_one_name_are_refused() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(dialog())
    dispatcher.include_router(Dialog(Window("x", state=other_main().states()[0])))

    with pytest.raises(InvalidDialogError, match="two groups are called Main"):
        dispatcher.state_by_name("Main:one")


def test_values_are_kept_under_keys() -> None:
    dispatcher = Dispatcher("shop", db="first")
    dispatcher["db"] = "second"
    dispatcher["more"] = 1

    assert dispatcher["db"] == "second"
    assert "db" in dispatcher
    assert "dbs" not in dispatcher
    assert dispatcher.middleware_data()["more"] == 1
    assert dispatcher.middleware_data() is not dispatcher.middleware_data()
    assert repr(dispatcher) == "<Dispatcher shop>"


def test_the_factory_has_a_documented_key() -> None:
    dispatcher = Dispatcher()

    factory = setup_dialogs(dispatcher)

    assert factory is dispatcher.bg_factory
    assert dispatcher.middleware_data()[BG_FACTORY_KEY] is factory
    assert dispatcher.middleware_data()["bg_factory"] is factory


def test_only_what_somebody_handles_is_used() -> None:
    dispatcher, router = Dispatcher(), Router()
    dispatcher.include_router(router)
    assert dispatcher.used_events() == set()

    @router.user_added()
    async def handler(event: object) -> None: ...

    assert dispatcher.used_events() == {"user_added"}
    dispatcher.include_router(dialog())
    assert dispatcher.used_events() == {"user_added", "message", "callback_query"}
    assert not dispatcher.has_error_handlers()
    router.error.register(handler)
    assert dispatcher.has_error_handlers()


async def test_presses_pass_the_middlewares_around_their_dialog() -> None:
    order: list[str] = []
    dispatcher, router = Dispatcher(), Router()

    def noting(name: str) -> Json:
        async def note(handler: NextHandler, event: Json, data: HandlerData) -> Json:
            order.append(name)
            data["count"] = data.get("count", 0) + 1
            return await handler(event, data)

        return note

    async def on_click(_: object, _button: object, manager: DialogManager) -> None:
        order.append(f"click {manager.middleware_data['count']}")

    shop = Dialog(
        Window("text", Button(Const("b"), "b", on_click=on_click), state=Main.one)
    )
    dispatcher.include_router(router)
    router.include_router(shop)
    dispatcher.update.outer_middleware(noting("update"))
    dispatcher.callback_query.outer_middleware(noting("outer"))
    router.callback_query.outer_middleware(noting("router outer"))
    router.callback_query.middleware(noting("inner"))
    shop.callback_query.middleware(noting("dialog"))
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.click(1, "b")

    assert order == ["update", "outer", "router outer", "inner", "dialog", "click 5"]


async def test_what_a_middleware_changes_after_a_press_is_drawn() -> None:
    dispatcher = Dispatcher()

    @dispatcher.callback_query.outer_middleware
    async def note(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        result = await handler(event, data)
        await data["dialog_manager"].update({"seen": "late"})
        return result

    shown = Window("{dialog_data}", Button(Const("b"), "b"), state=Main.one)
    dispatcher.include_router(Dialog(shown))
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.click(1, "b")
        await chat.settled()

        assert chat.screen(1).text == "{'seen': 'late'}"


async def test_what_a_middleware_puts_into_the_update_reaches_handlers() -> None:
    got: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.update.middleware
    async def provide(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        data["greeting"] = "hello"
        return await handler(event, data)

    @dispatcher.message()
    async def handler(event: MessageCreated, greeting: str) -> None:
        got.append(f"{greeting} {event.text}")

    async with Playground(dispatcher) as chat:
        await chat.say(1, "Ann")

    assert got == ["hello Ann"]


@pytest.mark.parametrize(
    "command",
    [
        HandleUpdate({"type": "message", "text": "Счётчик"}),
        StartDialog("", None, "Main:one", {"a": [1]}, "normal", None),
        CloseDialog("s", "i", None, "edit"),
        SwitchWindow("", "i", "Main:two", None),
        UpdateData("", None, {"n": 1}, "send"),
        LendTurn("", None),
        Drawn("", 7, "m1", None),
    ],
)
def test_a_command_survives_the_mailbox(command: Command) -> None:
    assert decode(encode(command)) == command


def test_an_update_goes_into_the_mailbox_as_it_came() -> None:
    body = encode_raw(b'{"b": 1, "a": 2}')

    assert decode(body) == HandleUpdate({"b": 1, "a": 2})


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"7", b"[]", b"{}", b'["strange", 1]', b'["lend", 1]', b"[[]]"],
)
def test_what_is_no_command_is_told_apart(body: bytes) -> None:
    with pytest.raises(UnknownCommandError):
        decode(body)
