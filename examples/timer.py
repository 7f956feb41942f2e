"""A timer: a background task updates the dialog ten times, once a second.

The task ends with its dialog. A second press starts it anew; the first task sees that
and ends.

DUOLOGUE_MAX_TOKEN=... python examples/timer.py
"""

from __future__ import annotations

import asyncio

from duologue import Dispatcher, LongPolling
from duologue.dialogs import (
    BgManager,
    BotStarted,
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
    _callback: Callback, _button: Button, manager: DialogManager
) -> None:
    """Start the task; it ends when this dialog does, not with this press."""
    run = manager.dialog_data.get("run", 0) + 1
    manager.dialog_data.update(run=run, count=0)
    task_group = manager.middleware_data["task_group"]
    bg = manager.bg()  # it means this very dialog, as `dialog=` does
    task_group.start_soon(tick, bg, run, dialog=bg)


async def tick(bg: BgManager, run: int) -> None:
    """Count to ten, unless the timer is started anew."""
    for i in range(1, 11):
        await asyncio.sleep(1)
        async with bg.fg() as manager:  # a turn: no press comes in between
            if manager.dialog_data["run"] != run:
                return
            await manager.update({"count": i})


dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def start(
    _event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
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
    LongPolling(dispatcher).run(Bot())
