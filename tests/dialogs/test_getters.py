"""Where the data of windows comes from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    Getter,
    State,
    StatesGroup,
    Window,
    setup_dialogs,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.text import Format
from duologue.errors import HandlerError, InjectionError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


async def text_of(
    text: str,
    *,
    window: Getter | None = None,
    dialog: Getter | None = None,
    common: Getter | None = None,
) -> str:
    """Show a text that these getters fill."""
    dispatcher = Dispatcher(db="the database")
    dispatcher.include_router(
        Dialog(Window(Format(text), state=Main.one, getter=window), getter=dialog)
    )
    setup_dialogs(dispatcher, getter=common)
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one, {"a": 1})).drawn()
        return chat.screen(1).text


async def test_a_getter_gets_what_middlewares_provide() -> None:
    async def getter(**everything: object) -> Mapping[str, Json]:
        manager = everything["dialog_manager"]
        assert isinstance(manager, DialogManager)
        return {"start": manager.start_data, "db": everything["db"]}

    assert await text_of("{start} {db}", window=getter) == "{'a': 1} the database"


async def test_a_getter_may_ask_for_some_of_it() -> None:
    async def getter(
        db: str, dialog_manager: DialogManager, missing: str = "default"
    ) -> Mapping[str, Json]:
        return {"db": db, "missing": missing, "open": dialog_manager.has_context()}

    text = await text_of("{db} {missing} {open}", window=getter)

    assert text == "the database default True"


async def test_a_getter_may_be_an_object() -> None:
    class Ask:
        async def __call__(self, db: str, **_: object) -> Mapping[str, Json]:
            return {"db": db.upper()}

    assert await text_of("{db}", window=Ask()) == "THE DATABASE"


async def test_a_getter_may_be_a_dict() -> None:
    assert await text_of("{x}", window={"x": 1}) == "1"


async def test_several_getters_are_asked_in_order_and_later_ones_win() -> None:
    async def first() -> Mapping[str, Json]:
        return {"x": 1, "y": 1}

    assert await text_of("{x}{y}{z}", window=[first, {"y": 2}, {"z": 3}]) == "123"


async def test_the_getter_of_the_window_wins_over_the_dialog_and_all_dialogs() -> None:
    text = await text_of(
        "{x}{y}{z}",
        common={"x": 1, "y": 1, "z": 1},
        dialog={"y": 2, "z": 2},
        window={"z": 3},
    )

    assert text == "123"


async def test_a_fixed_dict_is_copied() -> None:
    fixed: dict[str, Json] = {"x": 1}
    dialog = Dialog(Window("{x}", state=Main.one, getter=fixed))
    fixed["x"] = 2
    dispatcher = Dispatcher()
    dispatcher.include_router(dialog)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()

        assert chat.screen(1).text == "1"


def plain() -> Mapping[str, Json]:
    """Stand for a getter that is not async."""
    return {}


@pytest.mark.parametrize("getter", [plain, [plain], 7, [7]])
def test_a_getter_that_cannot_be_awaited_is_refused_at_once(getter: Json) -> None:
    with pytest.raises(HandlerError, match="must be an `async def` function or a dict"):
        Window("text", state=Main.one, getter=getter)


async def test_a_getter_that_raises_rolls_the_turn_back() -> None:
    async def getter(**_: object) -> Mapping[str, Json]:
        raise LookupError

    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window("x", state=Main.one, getter=getter)))

    async with Playground(dispatcher) as chat:
        receipt = await chat.dialog(1).start(Main.one)
        with pytest.raises(LookupError):
            await receipt
        await chat.settled()

        assert not chat.messages(1)


async def test_load_data_of_the_manager_is_what_the_window_renders() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window("x", state=Main.one, getter={"x": 1})))

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one, "begin"))
        async with chat.dialog(1).fg() as manager:
            manager.dialog_data["n"] = 5
            data = await manager.load_data()

    assert data["x"] == 1
    assert data["dialog_data"] == {"n": 5}
    assert data["start_data"] == "begin"
    assert data["event"].chat_id == 1
    assert data["middleware_data"]["dialog_manager"] is manager


@pytest.mark.parametrize("wrong", [None, ["name"], "name"])
async def test_a_getter_that_returns_no_dict_is_named(wrong: object) -> None:
    async def forgetful() -> object:
        return wrong

    with pytest.raises(HandlerError, match="a getter returns a dict") as caught:
        await text_of("{name}", window=forgetful)

    assert caught.value.handler.endswith("forgetful")
    assert repr(wrong) in caught.value.problem


async def test_a_getter_that_asks_for_what_nobody_provides_is_named() -> None:
    async def narrow(manager: DialogManager) -> Mapping[str, Json]:
        return {"open": manager.has_context()}

    async def wide(dialog_manger: DialogManager, **_: object) -> Mapping[str, Json]:
        return {"open": dialog_manger.has_context()}

    with pytest.raises(InjectionError, match="narrow asks for 'manager'") as caught:
        await text_of("{open}", window=narrow)
    with pytest.raises(InjectionError, match="mean 'dialog_manager'"):
        await text_of("{open}", window=wide)

    assert "dialog_manager" in caught.value.known
