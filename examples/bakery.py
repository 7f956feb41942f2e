"""A bakery: a form with a sub-dialog, a timer, a long job with progress, and answers.

A customer writes a name, picks a cake and its candles, and waits for the oven; what the
customer writes is escaped in the HTML windows. The oven stops if the order is called off.
The inventory is a worker: it goes on while the customer orders, and shows its progress.

DUOLOGUE_MAX_TOKEN=... python examples/bakery.py
"""

from __future__ import annotations

import asyncio

from duologue import Dispatcher, F, LongPolling
from duologue.actors import Operation
from duologue.dialogs import (
    BgManager,
    BotStarted,
    Callback,
    Dialog,
    DialogManager,
    DialogWorkers,
    ErrorEvent,
    LaunchMode,
    MessageCreated,
    Notices,
    Settings,
    State,
    StatesGroup,
    TaskGroup,
    Window,
)
from duologue.dialogs.routing import Command, CommandStart, ExceptionTypeFilter
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Button, Cancel, Counter, Row, Select, Start
from duologue.dialogs.widgets.text import Const, Format, Progress
from duologue.transport.max import Bot

CAKES = {"apple": "Apple cake", "poppy": "Poppy cake", "none": "Cheesecake"}
MINUTES, SHELVES = 3, 10
MINUTE = 1.0  # in seconds: they bake fast here


class Bakery(StatesGroup):
    counter = State()


class Order(StatesGroup):
    name = State()
    cake = State()
    oven = State()


class Candles(StatesGroup):
    number = State()


class SoldOutError(Exception):
    """The cake that was picked is gone."""


def name_of(text: str) -> str:
    """Refuse what is no name; `on_error` hears of a ValueError."""
    if not text.isalpha():
        raise ValueError(text)
    return text


async def name_given(
    _: MessageCreated, __: object, manager: DialogManager, name: str
) -> None:
    manager.dialog_data["name"] = name
    await manager.next()


async def name_refused(
    message: MessageCreated, _: object, __: DialogManager, ___: Exception
) -> None:
    await message.reply("Letters only, please.")


async def cake_picked(
    callback: Callback, _: Select[str], manager: DialogManager, cake: str
) -> None:
    if cake == "none":
        raise SoldOutError
    manager.dialog_data["cake"] = CAKES[cake]
    await callback.answer(f"{CAKES[cake]}, a good choice")  # a short notice
    await manager.start(Candles.number)


async def candles_chosen(_: Callback, __: Button, manager: DialogManager) -> None:
    counter = manager.find("candles")
    await manager.done(result=counter.get_value() if counter else 0)


async def candles_known(_: object, candles: int | None, manager: DialogManager) -> None:
    if candles is None:
        return  # the customer went back: pick another cake
    manager.dialog_data.update(candles=int(candles), left=MINUTES)
    await manager.switch_to(Order.oven)
    tasks: TaskGroup = manager.middleware_data["task_group"]
    oven = manager.bg()
    tasks.start_soon(bake, oven, dialog=oven)  # it ends when the order is called off


async def bake(oven: BgManager) -> None:
    """Count the minutes in the window, and then give out the cake."""
    for left in reversed(range(MINUTES)):
        await asyncio.sleep(MINUTE)
        await (await oven.update({"left": left})).drawn()
    await (await oven.done(result="baked"))


async def order_ended(result: object, manager: DialogManager) -> None:
    """Say how it ended, whoever has closed the order: the oven, or a button."""
    words = "Here you are!" if result == "baked" else "The oven is off."
    await manager.event.bot.send_message(manager.event.chat_id, words)


async def count_shelves(operation: Operation) -> str:
    """The long job: it says how far it is, and ends early if it is asked to stop."""
    for shelf in operation.track(range(SHELVES)):
        operation.report(text=f"shelf {shelf + 1} of {SHELVES}")
        await asyncio.sleep(MINUTE / 2)
    return "counted"


async def count_pressed(_: Callback, __: Button, manager: DialogManager) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.start(count_shelves, show=manager.bg(), key="inventory")


dispatcher = Dispatcher()
inventory = F["dialog_data"]["progress"]
dispatcher.include_routers(
    Dialog(
        Window(
            Const("<b>The bakery</b> is open."),
            Format("<i>{dialog_data[progress][text]}</i>", when=inventory["text"]),
            Progress(inventory["percent"], when=inventory),
            Start(Const("Order a cake"), "order", Order.name),
            Button(Const("Count the shelves"), "count", on_click=count_pressed),
            state=Bakery.counter,
            parse_mode="html",
        ),
        launch_mode=LaunchMode.ROOT,
    ),
    Dialog(
        Window(
            Const("Your name?"),
            TextInput("name", name_of, on_success=name_given, on_error=name_refused),
            Cancel(),
            state=Order.name,
        ),
        Window(
            Format("Which cake, <b>{dialog_data[name]}</b>?"),
            Select(
                Format("{item[1]}"),
                "cake",
                F[0],
                list(CAKES.items()),
                on_click=cake_picked,
            ),
            Cancel(),
            state=Order.cake,
            parse_mode="html",
            on_process_result=candles_known,
        ),
        Window(
            Format("{dialog_data[cake]} for <b>{dialog_data[name]}</b>"),
            Format(
                "with {dialog_data[candles]} candles", when=F["dialog_data"]["candles"]
            ),
            Format("ready in {dialog_data[left]} minutes"),
            Cancel(Const("Call it off")),
            state=Order.oven,
            parse_mode="html",
        ),
        on_close=order_ended,
    ),
    Dialog(
        Window(
            Const("How many candles?"),
            Counter("candles", min_value=0, max_value=100),
            Row(Cancel(), Button(Const("That's it"), "ok", on_click=candles_chosen)),
            state=Candles.number,
        )
    ),
)


@dispatcher.message(CommandStart())
async def start(_: BotStarted | MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Bakery.counter)


@dispatcher.message(Command("hours"))
async def hours(message: MessageCreated) -> None:
    waiting = await message.answer("Let me look at the door…", at_once=True)
    await waiting.edit_text("Open from <b>8</b> to <b>18</b>", parse_mode="html")


@dispatcher.error(ExceptionTypeFilter(SoldOutError))
async def sold_out(event: ErrorEvent) -> None:
    await event.answer("That one is sold out, pick another.")


settings = Settings(
    stale=Bakery.counter,  # old buttons, after a restart
    notices={"en": Notices(), "ru": Notices(outdated="Кнопка устарела.")},
)

if __name__ == "__main__":
    LongPolling(dispatcher, settings=settings).run(Bot())
