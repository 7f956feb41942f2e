"""A long operation with a progress bar and a stop button: the flight of a rocket.

The work is a plain class with blocking code. It runs in a thread of its own; the dialog
shows how far it is, and the button asks it to stop.

DUOLOGUE_MAX_TOKEN=... python examples/rocket.py
"""

from __future__ import annotations

import time

from duologue import Dispatcher, F, LongPolling
from duologue.actors import AsyncOperationResult, IBackgroundWorker
from duologue.dialogs import (
    BotStarted,
    Callback,
    Dialog,
    DialogManager,
    DialogWorkers,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format, Progress
from duologue.transport.max import Bot

FLIGHT = 6.0
STEP = 0.2


class Rocket(IBackgroundWorker):
    """Flies for some seconds, unless it is called back."""

    def __init__(self) -> None:
        self._elapsed = 0.0

    def start(self) -> AsyncOperationResult:
        """Say the first words."""
        return AsyncOperationResult(text="Off we go!")

    def run(self) -> None:
        """Fly. Nothing waits for this thread, so it may block."""
        while self.is_active() and self._elapsed < FLIGHT:
            time.sleep(STEP)
            self._elapsed += STEP

    def stop(self) -> AsyncOperationResult:
        """Come back; `is_active()` is false from now on."""
        super().stop()
        return AsyncOperationResult(self._progress(), "The flight is called off.")

    def ping(self) -> AsyncOperationResult:
        """Say how far it is, whenever somebody asks."""
        text = "Boom!" if self._progress() >= 1 else "In flight"
        return AsyncOperationResult(self._progress(), text)

    def _progress(self) -> float:
        return min(self._elapsed / FLIGHT, 1.0)


class LaunchSG(StatesGroup):
    waiting = State()


flight = F["dialog_data"]["progress"]


async def on_launch(
    _callback: Callback, _button: Button, manager: DialogManager
) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.start(Rocket(), show=manager.bg(), key="rocket")


async def on_stop(_callback: Callback, _button: Button, manager: DialogManager) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.stop(manager.dialog_data["progress"]["id"], "the user pressed Stop")


dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def start(
    _event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
    await dialog_manager.start(LaunchSG.waiting, mode=StartMode.RESET_STACK)


dispatcher.include_router(
    Dialog(
        Window(
            Const("The rocket is ready.", when=~flight),
            Format("{dialog_data[progress][text]}", when=flight),
            Progress(flight["percent"], when=flight),
            Button(
                Const("Stop"), id="stop", on_click=on_stop, when=flight["is_active"]
            ),
            Button(
                Const("Launch"),
                id="launch",
                on_click=on_launch,
                when=~flight["is_active"],
            ),
            state=LaunchSG.waiting,
        )
    )
)

if __name__ == "__main__":
    LongPolling(dispatcher).run(Bot())
