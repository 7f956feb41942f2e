"""What a messenger takes is checked before it is sent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from duologue.dialogs import (
    CallbackButton,
    Capabilities,
    Dialog,
    DialogManager,
    Dispatcher,
    LinkButton,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets import WidgetData
from duologue.dialogs.widgets.kbd import (
    Button,
    Column,
    Keyboard,
    RawKeyboard,
    Row,
    Url,
)
from duologue.dialogs.widgets.text import Const
from duologue.errors import ViewError
from duologue.testing import Playground, RecordingBot
from duologue.transport.max import Bot


class Main(StatesGroup):
    one = State()


SMALL = Capabilities(
    answer_carries_view=True,
    text_limit=10,
    payload_limit=64,
    button_text_limit=5,
    max_rows=2,
    max_columns=3,
    max_buttons=4,
    answer_deadline=5.0,
    max_columns_with_link=2,
)


async def show(
    *keyboards: Keyboard, text: str = "text", capabilities: Capabilities = SMALL
) -> int:
    """Show a window on a small messenger; tell how many messages there are."""
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(Const(text), *keyboards, state=Main.one)))
    async with Playground(
        dispatcher, bot=RecordingBot(capabilities=capabilities)
    ) as chat:
        receipt = await chat.dialog(1).start(Main.one)
        await receipt.drawn()
        return len(chat.messages(1))


def buttons(number: int, label: str = "x") -> list[Button]:
    return [Button(Const(label), id=f"{label}{n}") for n in range(number)]


def links(number: int) -> list[Url]:
    return [Url(Const("u"), Const("https://example.org"))] * number


async def payload_of(item: str, limit: int = 64) -> str:
    """Show a button of an item; tell what it carries."""
    bot = RecordingBot(capabilities=replace(SMALL, payload_limit=limit))
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window("text", Items(item), state=Main.one)))
    async with Playground(dispatcher, bot=bot) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        return chat.screen(1).payload_of("x") or ""


async def test_a_row_with_a_link_that_fits_is_shown() -> None:
    assert await show(Row(*links(1), *buttons(1))) == 1


async def test_what_fits_exactly_is_shown() -> None:
    shown = await show(Row(*buttons(3, "12345")), Row(*buttons(1)), text="1234567890")

    assert shown == 1


@pytest.mark.parametrize(
    ("keyboard", "text", "problem"),
    [
        (Row(), "12345678901", "11 characters, 10 are allowed"),
        (Column(*buttons(3)), "x", "3 rows of buttons, 2 are allowed"),
        (Row(*buttons(4)), "x", "4 buttons in one row, 3 are allowed"),
        (Row(*buttons(1, "123456")), "x", "6 characters on a button, 5 are allowed"),
        (Row(*links(3)), "x", "3 buttons in a row with a link, 2 are allowed"),
        (Row(*links(1), *buttons(2)), "x", "3 buttons in a row with a link"),
        (Row(*buttons(4)), "x", "put them into a Group(width=3)"),
        (Row(Button(Const(""), id="b")), "x", "a button has no text"),
        (Row(Button(Const(" "), id="b")), "x", "hide it with when= of the button"),
    ],
    ids=[
        *("text", "rows", "columns", "label", "links", "link", "advice"),
        *("no label", "blank label"),
    ],
)
async def test_what_does_not_fit_is_refused_with_numbers(
    keyboard: Keyboard, text: str, problem: str
) -> None:
    with pytest.raises(ViewError) as caught:
        await show(keyboard, text=text)

    assert caught.value.state == "Main:one"
    assert problem in caught.value.problem


async def test_the_number_of_buttons_is_limited_too() -> None:
    with pytest.raises(ViewError, match="it has 5 buttons, 4 are allowed"):
        await show(Row(*buttons(3)), Row(*buttons(2, "y")))


class Items(Keyboard):
    """One button with an item of some length, and a link."""

    def __init__(self, item: str) -> None:
        super().__init__(id="items")
        self.item = item

    async def _render_keyboard(
        self, data: WidgetData, manager: DialogManager
    ) -> RawKeyboard:
        del data, manager
        link = LinkButton("link", "https://example.org/" + "x" * 200)
        return [[CallbackButton("x", self._item_callback_data(self.item)), link]]


@pytest.mark.parametrize("item", ["1" * 34, "ж" * 17])
async def test_an_item_fits_to_the_last_byte(item: str) -> None:
    assert (await payload_of(item))[24:] == f"items:{item}"


@pytest.mark.parametrize("item", ["1" * 35, "ж" * 18, "1" * 900])
async def test_a_digest_stands_for_an_item_that_does_not_fit(item: str) -> None:
    assert re.fullmatch("~[A-Za-z0-9_-]{20}", (await payload_of(item))[24:])


async def test_a_messenger_with_other_payloads_sets_the_limit() -> None:
    assert (await payload_of("1" * 30, limit=50))[24] == "~"
    assert (await payload_of("1" * 900, limit=1024))[24:] == f"items:{'1' * 900}"


async def test_a_window_that_does_not_fit_leaves_the_old_one() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window("{dialog_data}", state=Main.one)))

    @dispatcher.message()
    async def handler(event: MessageCreated, manager: DialogManager) -> None:
        await manager.update({"a": event.text})

    async with Playground(dispatcher, bot=RecordingBot(capabilities=SMALL)) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.say(1, "much too long")
        await chat.settled()

        (error,) = chat.take_errors()
        assert isinstance(error, ViewError)
        texts = [each.text for each in chat.messages(1) if each.user_id is None]
        assert texts == ["{}", "This cannot be shown."]
        async with chat.dialog(1).fg() as manager:
            assert manager.dialog_data == {}


async def test_max_takes_three_buttons_in_a_row_with_a_link() -> None:
    limits = Bot("token").capabilities

    assert await show(Row(*links(3)), Row(*buttons(7)), capabilities=limits) == 1
    with pytest.raises(ViewError, match="4 buttons in a row with a link, 3 are"):
        await show(Row(*links(4)), Row(*buttons(7)), capabilities=limits)
