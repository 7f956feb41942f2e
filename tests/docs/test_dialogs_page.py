"""The page about dialogs: its code is one program, and it does what the page says."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from duologue import Dispatcher
from duologue.dialogs import DialogManager, Message, State, StatesGroup
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets import input as inputs, kbd, text
from duologue.testing import Playground, ShownMessage

# The page reads it where a program does: at its start, not in a running loop.
BERLIN = ZoneInfo("Europe/Berlin")
PAGE = Path(__file__).parents[2] / "docs" / "dialogs.md"


def _program() -> dict[str, object]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "dialogs_page"}
    exec("\n".join(blocks), names)  # noqa: S102  # our own page
    return names


async def test_the_conversation_of_the_page_ends_as_it_says() -> None:
    play = cast("Callable[[], Awaitable[str]]", _program()["play"])

    screen = await play()

    assert screen == "10 for everybody\nOrdered."


async def test_the_pizza_of_the_page_is_made_and_baked() -> None:
    play = cast(
        "Callable[[], Awaitable[tuple[ShownMessage, str, str]]]",
        _program()["play_pizza"],
    )

    making, waiting, baking = await play()

    assert making.text == (
        "2 pizzas with Basil, Capers\nLarge!\nIt will look like margherita.png."
    )
    assert making.labels == (
        ("○ 20 cm", "● 30 cm"),
        ("Basil", "Olives"),
        ("Capers",),
        ("-", "2", "+"),
        ("☑ Extra cheese",),
        ("Allergens",),
        ("Bake",),
    )
    assert waiting == "░" * 10 + "  …"
    assert baking == "███░░░░░░░  30%"


async def test_the_size_of_the_pizza_is_chosen_from_the_start() -> None:
    names = _program()
    state = cast("type[Making]", names["Pizza"]).making

    async with Playground(cast("Dispatcher", names["dispatcher"])) as chat:
        await (await chat.dialog(1).start(state)).drawn()
        sizes = chat.screen(1).labels[0]

    assert sizes == ("● 20 cm", "○ 30 cm")


async def test_the_export_of_the_page_is_shown_and_stopped() -> None:
    names = _program()
    dispatcher = cast("Dispatcher", names["dispatcher"])
    state = cast("type[Exporting]", names["Export"]).running

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(state)).drawn()
        await chat.click(1, "Export")
        await chat.settled()
        [worker] = chat.runtime.workers.of("dialog/test.1:1:1")
        async for snapshot in worker.watch():
            if snapshot.value == 0.5 and snapshot.cancellable:
                await chat.click(1, "Stop")
        await chat.settled()
        screen = chat.screen(1)

    assert screen.text.splitlines() == [
        "All your files in one archive.",
        "█████░░░░░  50%",
        "file 21",
        "stopped",
    ]
    assert screen.labels == (("Try again",),)


async def test_the_reminder_of_the_page_comes_after_a_day_or_is_forgotten() -> None:
    names = _program()
    dispatcher = cast("Dispatcher", names["dispatcher"])
    for name in ("remind", "forget"):
        dispatcher.message.register(_as_message(names[name]), Command(name))
    seen = []

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(cast("type[Ordering]", names["Order"]).name))
        for commands in (["/remind"], ["/remind", "/forget"]):
            async with chat.dialog(1).fg() as manager:
                manager.dialog_data.clear()
            for command in commands:
                await chat.say(1, command)
            await chat.settled()
            await asyncio.sleep(86401)
            async with chat.dialog(1).fg() as manager:
                seen.append(manager.dialog_data.get("amount"))

    assert seen == [1, None]


def _as_message(handler: object) -> Callable[[Message, DialogManager], Awaitable[None]]:
    """Have a message do what the page lets a button do."""
    press = cast("Callable[[object, object, DialogManager], Awaitable[None]]", handler)

    async def handle(message: Message, dialog_manager: DialogManager) -> None:
        await press(message, None, dialog_manager)

    return handle


class Ordering(StatesGroup):
    """What the page's group of states for the order looks like."""

    name = State()


class Making(StatesGroup):
    """What the page's group of states for the pizza looks like."""

    making = State()


class Exporting(StatesGroup):
    """What the page's group of states looks like."""

    running = State()


def test_the_handlers_of_the_page_are_those_of_the_widgets() -> None:
    rows = re.findall(
        r"^  \| `(\w+)` \| `(\w+)\(event, \w+, manager(.*?)\)` \|",
        PAGE.read_text(),
        flags=re.MULTILINE,
    )
    told = {(widget, handler, values != "") for widget, handler, values in rows}

    taken = {
        (name, argument, "manager, item_id)" in _line_of(widget, argument))
        for name in ("Checkbox", "Counter", "Radio")
        for widget in [getattr(kbd, name)]
        for argument in inspect.signature(widget).parameters
        if argument.endswith("_changed")
    }

    assert told == taken


def _line_of(widget: type, argument: str) -> str:
    """What the widget's own description says first of an argument."""
    lines = (widget.__doc__ or "").splitlines()
    return next(line for line in lines if line.strip().startswith(f"{argument}:"))


def test_the_tables_of_the_page_name_every_widget() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}

    public = {*text.__all__, *kbd.__all__, *inputs.__all__}
    bases = {"Input", "Keyboard", "RawKeyboard", "Text"}

    widgets = {name for name in public if not name.startswith("Managed")} - bases
    assert widgets <= named
