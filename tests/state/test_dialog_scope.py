"""State of a dialog: it lies in the snapshot of the dialog and ends with it."""

from __future__ import annotations

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    State as WindowState,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    IncorrectBackgroundError,
    StateAtOnceError,
    StateScopeError,
)
from duologue.state import AsyncState
from duologue.testing import Playground


class Form(AsyncState, scope="dialog"):
    n: int = 0


class Main(StatesGroup):
    one = WindowState()


kept: list[Form] = []


async def add(
    _: Callback, _button: Button, _manager: DialogManager, form: Form
) -> None:
    kept.append(form)
    await form.incr("n")
    await form.modify(lambda values: {"n": values["n"] + 1})
    assert not await form.now.set_if("n", 0, 5)
    async with form.transaction() as values:
        values["n"] += 1
    with pytest.raises(StateAtOnceError):
        await anext(form.watch())


async def fail(
    _: Callback, _button: Button, _manager: DialogManager, form: Form
) -> None:
    await form.set("n", 100)
    raise RuntimeError("no")


async def shown(form: Form, **_: object) -> dict[str, object]:
    return await form.get_all()


def bot() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(
                Format("n = {n}"),
                Button(Const("+"), id="plus", on_click=add),
                Button(Const("!"), id="fail", on_click=fail),
                getter=shown,
                state=Main.one,
            )
        )
    )

    @dispatcher.bot_started()
    async def start(_: object, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.one)

    return dispatcher


async def test_it_is_written_with_the_dialog_and_begins_anew_with_the_next() -> None:
    async with Playground(bot()) as chat:
        for _ in range(2):
            await chat.happen("bot_started", 7)
            await chat.settled()
            assert chat.screen(7).text == "n = 0"

            await chat.click(7, "+")
            await chat.click(7, "+")
            await chat.settled()
            assert chat.screen(7).text == "n = 6"


async def test_a_turn_that_fails_leaves_nothing_behind() -> None:
    async with Playground(bot()) as chat:
        await chat.happen("bot_started", 7)
        await chat.settled()
        await chat.click(7, "!")
        await chat.settled()
        assert len(chat.take_errors()) == 1
        await chat.click(7, "+")
        await chat.settled()

        assert chat.screen(7).text == "n = 3"


async def test_it_cannot_be_used_after_its_turn_nor_asked_for_from_outside() -> None:
    kept.clear()
    async with Playground(bot()) as chat:
        await chat.happen("bot_started", 7)
        await chat.settled()
        await chat.click(7, "+")
        await chat.settled()

        with pytest.raises(IncorrectBackgroundError):
            await kept[0].get("n")
        with pytest.raises(StateScopeError, match="it lies in the dialog itself"):
            Form.of()


async def test_it_needs_an_open_dialog() -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def handle(_: MessageCreated, form: Form) -> None:
        await form.set("n", 1)

    async with Playground(dispatcher) as chat:
        await chat.say(7, "go")
        await chat.settled()
        [error] = chat.take_errors()

    assert isinstance(error, StateScopeError)
