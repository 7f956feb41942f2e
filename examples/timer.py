"""A timer: a background task updates the dialog ten times, once a second.

DUOLOGUE_MAX_TOKEN=... python examples/timer.py
"""

from __future__ import annotations

import asyncio
import os

from duologue import Dispatcher, LongPolling
from duologue.dialogs import (
    BgManagerFactory,
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.max import Bot


class TimerSG(StatesGroup):
    running = State()


async def timer_getter(dialog_manager: DialogManager, **_: object) -> dict[str, object]:
    count = dialog_manager.dialog_data.get("count", 0)
    return {"count": count}


async def on_start_timer(
    callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Start the task; it belongs to the runtime, not to this press."""
    manager.dialog_data["count"] = 0
    bg_factory: BgManagerFactory = manager.middleware_data["bg_factory"]

    async def tick() -> None:
        bg = bg_factory.bg(chat_id=callback.chat_id, user_id=callback.user_id)
        for i in range(1, 11):
            await asyncio.sleep(1)
            receipt = await bg.update({"count": i})
            await receipt  # an error of the update shows up here

    manager.middleware_data["task_group"].start_soon(tick)


dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def start(_message: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(TimerSG.running, mode=StartMode.RESET_STACK)


dispatcher.include_router(
    Dialog(
        Window(
            Format("Счётчик: {count}"),
            Button(Const("Старт"), id="start", on_click=on_start_timer),
            state=TimerSG.running,
            getter=timer_getter,
        )
    )
)

if __name__ == "__main__":
    LongPolling(dispatcher).run(Bot(os.environ["DUOLOGUE_MAX_TOKEN"]))
