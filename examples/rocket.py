"""A long operation with a progress bar and three buttons: the flight of m3's rocket.

The work is a class with the methods that m3 calls. Its `run` sleeps on the event loop; a
`def` would run in a thread of its own. The dialog asks it every three seconds, as the page
of m3 does, and *Ping* asks at once.

DUOLOGUE_MAX_TOKEN=... python examples/rocket.py
"""

from __future__ import annotations

import asyncio

from duologue import Dispatcher, LongPolling
from duologue.actors import AsyncOperationResult
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
from duologue.dialogs.widgets.kbd import Button, OperationButtons, Row
from duologue.dialogs.widgets.text import Const, OperationProgress
from duologue.transport.max import Bot

FLIGHT = 120  # seconds
STEP = 2


class MissleLaunch:
    """Flies for two minutes, unless it is called back."""

    def __init__(self) -> None:
        self._time_elapsed = 0
        self._is_active = True

    async def start(self) -> AsyncOperationResult:
        """Say the first words."""
        return AsyncOperationResult(text="Поехали!")

    async def run(self) -> None:
        """Fly."""
        while self._is_active and self._time_elapsed < FLIGHT:
            await asyncio.sleep(STEP)
            self._time_elapsed += STEP

    async def stop(self) -> AsyncOperationResult:
        """Come back."""
        self._is_active = False
        return AsyncOperationResult(self._progress, "Полет отменен")

    async def ping(self) -> AsyncOperationResult:
        """Say how far it is, whenever somebody asks."""
        text = f"Полет завершен на {self._progress:.0%}"
        if self._time_elapsed == 0:
            text = ""  # the first words stay
        elif self._time_elapsed >= FLIGHT:
            text = "Кабуууум!"
        return AsyncOperationResult(self._progress, text)

    @property
    def _progress(self) -> float:
        return self._time_elapsed / FLIGHT


class Launch(StatesGroup):
    commanding = State()


async def on_start(_: Callback, __: OperationButtons, manager: DialogManager) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    await workers.start(MissleLaunch, show=manager.bg(), interval=3, key="rocket")


async def on_ping(_: Callback, __: Button, manager: DialogManager) -> None:
    """Ask the rocket; the window, drawn anew after each press, shows the answer."""
    workers: DialogWorkers = manager.middleware_data["workers"]
    known = manager.dialog_data.get("progress")
    if known and known["is_active"]:
        await workers.ping(known["id"])


# Its own words say what has become of it.
SILENT = dict.fromkeys(("cancelling", "cancelled", "succeeded"), Const(""))

dispatcher = Dispatcher()


@dispatcher.message(CommandStart())
async def start(
    _event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
    await dialog_manager.start(Launch.commanding, mode=StartMode.RESET_STACK)


dispatcher.include_router(
    Dialog(
        Window(
            Const("Время полета"),
            OperationProgress(states=SILENT) | Const("К полету готов"),  # noqa: RUF001  # Russian
            Row(
                OperationButtons(
                    "start",
                    on_start=on_start,
                    start=Const("Start"),
                    stop=None,
                    retry=Const("Start"),
                ),
                Button(Const("Ping"), "ping", on_click=on_ping),
                OperationButtons("stop", stop=Const("Stop")),
            ),
            state=Launch.commanding,
        )
    )
)

if __name__ == "__main__":
    LongPolling(dispatcher).run(Bot())
