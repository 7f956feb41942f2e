"""The bot of the demo, a program to copy from: timer, counter, echo, rocket, order.

It finds its token in the environment variable DUOLOGUE_MAX_TOKEN, and the messenger
in DUOLOGUE_MAX_URL if it is another one than MAX itself.
"""

from __future__ import annotations

import asyncio
import logging

from duologue import Dispatcher, F, LongPolling, Router
from duologue.actors import Operation
from duologue.dialogs import (
    BgManager,
    BgManagerFactory,
    BotStarted,
    Callback,
    ContentType,
    Dialog,
    DialogManager,
    DialogWorkers,
    MessageCreated,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    TaskGroup,
    Window,
)
from duologue.dialogs.routing import Command, CommandStart
from duologue.dialogs.widgets.input import ManagedTextInput, MessageInput, TextInput
from duologue.dialogs.widgets.kbd import Button, Next, Row
from duologue.dialogs.widgets.text import Const, Format, Progress
from duologue.errors import MessengerError
from duologue.transport.max import Bot, BotCommand

_logger = logging.getLogger("demo")

CALLS = 10
SLOW = 0.05
"""Seconds that each press spends waiting, as for a database."""
COMMANDS = [
    BotCommand("start", "Таймер"),
    BotCommand("count", "Счётчик нажатий"),
    BotCommand("echo", "Эхо"),
    BotCommand("rocket", "Запуск ракеты"),
    BotCommand("order", "Заказ билетов"),
    BotCommand("help", "Что я умею"),
]
STEPS = 40
STEP = 0.1
"""Seconds between two reports of the rocket."""


class TimerSG(StatesGroup):
    running = State()


class CounterSG(StatesGroup):
    counting = State()


class EchoSG(StatesGroup):
    listening = State()


class RocketSG(StatesGroup):
    launching = State()


class OrderSG(StatesGroup):
    naming = State()
    counting = State()
    ordered = State()


class HelpSG(StatesGroup):
    reading = State()


async def timer_getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    return {"count": dialog_manager.dialog_data.get("count", 0)}


async def on_start_timer(
    callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Start a task that changes the count once a second."""
    manager.dialog_data["count"] = 0
    bg_factory: BgManagerFactory = manager.middleware_data["bg_factory"]
    tasks: TaskGroup = manager.middleware_data["task_group"]

    async def tick() -> None:
        bg = bg_factory.bg(chat_id=callback.chat_id, user_id=callback.user_id)
        for count in range(1, CALLS + 1):
            await asyncio.sleep(1)
            receipt = await bg.update({"count": count})
            await receipt

    tasks.start_soon(tick, dialog=manager)


timer = Dialog(
    Window(
        Format("Счётчик: {count}"),
        Button(Const("Старт"), id="start", on_click=on_start_timer),
        state=TimerSG.running,
        getter=timer_getter,
    )
)


async def counter_getter(
    dialog_manager: DialogManager, **_: object
) -> dict[str, object]:
    data = dialog_manager.dialog_data
    done = [str(job) for job in range(1, CALLS + 1) if f"job {job}" in data]
    return {"presses": data.get("presses", 0), "jobs": " ".join(done) or "—"}


async def on_press(
    _callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Count a press, with a wait between reading and writing.

    In a handler that is not a turn, other presses would come in between, and all of
    them would write the same number.
    """
    presses: int = manager.dialog_data.get("presses", 0)
    await asyncio.sleep(SLOW)
    manager.dialog_data["presses"] = presses + 1


async def on_jobs(_callback: Callback, _button: Button, manager: DialogManager) -> None:
    """Start ten tasks that report to this dialog, all at once."""
    tasks: TaskGroup = manager.middleware_data["task_group"]
    for job in range(1, CALLS + 1):
        tasks.start_soon(report, manager.bg(), job, dialog=manager)


async def report(bg: BgManager, job: int) -> None:
    receipt = await bg.update({f"job {job}": True})
    await receipt


counter = Dialog(
    Window(
        Format("Нажатий: {presses}\nИз фона: {jobs}"),
        Row(
            Button(Const("+1"), id="press", on_click=on_press),
            Button(Const("10 задач"), id="jobs", on_click=on_jobs),
        ),
        state=CounterSG.counting,
        getter=counter_getter,
    )
)


async def echo_getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    text: ManagedTextInput[str] | None = dialog_manager.find("text")
    return {"heard": None if text is None else text.get_value()}


async def on_file(
    message: MessageCreated, _input: MessageInput, manager: DialogManager
) -> None:
    files = message.message.attachments
    manager.dialog_data["files"] = ", ".join(file.name or file.kind for file in files)


async def on_text(
    _message: MessageCreated,
    _input: ManagedTextInput[str],
    manager: DialogManager,
    _text: str,
) -> None:
    # By itself a burst of messages is answered once, with the last; an echo repeats each.
    manager.show_mode = ShowMode.SEND


echo = Dialog(
    Window(
        Const("Напишите что-нибудь или пришлите файл.", when=~F["heard"]),
        Format("Слышу: «{heard}»", when="heard"),
        Format("Получено: {dialog_data[files]}", when=F["dialog_data"]["files"]),
        MessageInput(on_file, content_types=(ContentType.FILE, ContentType.IMAGE)),
        TextInput(id="text", on_success=on_text),
        state=EchoSG.listening,
        getter=echo_getter,
    )
)

flight = F["dialog_data"]["flight"]


def fly(operation: Operation) -> None:
    """Fly; a plain function runs in a thread of its own, so it may block."""
    for _ in operation.track(range(STEPS)):
        operation.report(text="Летит")
        if operation.wait_for_stop(STEP):
            operation.report(text="Полёт отменён")
            return
    operation.report(text="Кабуууум!")


async def on_launch(
    _callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Start the flight and have this window show it."""
    workers: DialogWorkers = manager.middleware_data["workers"]
    show = manager.bg()
    # Whoever presses twice still has one rocket.
    await workers.start(fly, show=show, name="flight", key="rocket")


async def on_abort(
    _callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Ask it to stop; what becomes of it will be shown."""
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.stop(manager.dialog_data["flight"]["id"])


rocket = Dialog(
    Window(
        Format("{dialog_data[flight][text]}", when=flight),
        Progress(flight["percent"], when=flight),
        Const("Ракета готова.", when=~flight),
        Button(Const("Стоп"), id="abort", on_click=on_abort, when=flight["is_active"]),
        Button(
            Const("Старт"), id="launch", on_click=on_launch, when=~flight["is_active"]
        ),
        state=RocketSG.launching,
    )
)


async def order_getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    name: ManagedTextInput[str] | None = dialog_manager.find("name")
    return {
        "name": None if name is None else name.get_value(),
        "tickets": dialog_manager.dialog_data.get("tickets", 0),
    }


async def on_more(_callback: Callback, _button: Button, manager: DialogManager) -> None:
    """Count in the dialog: what is there survives the end of this process."""
    tickets: int = manager.dialog_data.get("tickets", 0)
    manager.dialog_data["tickets"] = tickets + 1


order = Dialog(
    Window(
        Const("Как вас зовут?"),
        TextInput(id="name", on_success=Next()),
        state=OrderSG.naming,
    ),
    Window(
        Format("{name}, билетов: {tickets}"),
        Row(Button(Const("Ещё один"), id="more", on_click=on_more), Next(Const("Всё"))),
        state=OrderSG.counting,
    ),
    Window(
        Format("{name}, заказано билетов: {tickets}"),
        state=OrderSG.ordered,
    ),
    getter=order_getter,
)

guide = Dialog(
    Window(
        Const(
            "Вот что я умею:\n"
            "/start — таймер\n"
            "/count — счётчик нажатий\n"
            "/echo — эхо\n"
            "/rocket — запуск ракеты\n"
            "/order — заказ билетов"
        ),
        state=HelpSG.reading,
    )
)

commands = Router("commands")
rest = Router("rest")


@commands.startup()
async def offer_commands(bot: Bot) -> None:
    """Let the messenger show the commands to whoever types `/`."""
    try:
        await bot.set_my_commands(COMMANDS)
    except MessengerError as error:
        _logger.warning("the commands are not offered: %s", error)


@commands.message(CommandStart())
async def start(
    _event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
    await dialog_manager.start(TimerSG.running, mode=StartMode.RESET_STACK)


@commands.message(Command("count"))
async def count(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(CounterSG.counting, mode=StartMode.RESET_STACK)


@commands.message(Command("echo"))
async def listen(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(EchoSG.listening, mode=StartMode.RESET_STACK)


@commands.message(Command("rocket"))
async def launch(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(RocketSG.launching, mode=StartMode.RESET_STACK)


@commands.message(Command("order"))
async def take_order(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(OrderSG.naming, mode=StartMode.RESET_STACK)


@commands.message(Command("help"))
@rest.message()
async def explain(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    """Answer /help, and all that neither a command nor a dialog takes."""
    await dialog_manager.start(HelpSG.reading, mode=StartMode.RESET_STACK)


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    logging.basicConfig(
        level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        commands, timer, counter, echo, rocket, order, guide, rest
    )
    LongPolling(dispatcher, metrics_port=0).run(Bot())


if __name__ == "__main__":
    main()
