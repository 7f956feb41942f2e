"""A dialog that shows its data, in a runtime on another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    State,
    StatesGroup,
    View,
    Window,
)
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.testing import RecordingBot
from duologue.threads import BlockingBgManager, ThreadedRuntime


class Slow(StatesGroup):
    opening = State()


class Board(StatesGroup):
    showing = State()
    other = State()


async def count(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["presses"] = manager.dialog_data.get("presses", 0) + 1


async def show(dialog_manager: DialogManager) -> dict[str, object]:
    data = dialog_manager.dialog_data
    return {"shown": " ".join(f"{key}={value}" for key, value in data.items())}


async def never_end(_: object, __: DialogManager) -> None:
    await asyncio.get_running_loop().create_future()


@pytest.fixture
def dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    slow = Window(Const("slow"), state=Slow.opening)
    dispatcher.include_router(Dialog(slow, on_start=never_end))
    dispatcher.include_router(
        Dialog(
            Window(
                Format("data {shown}"),
                Button(Const("press"), "press", on_click=count),
                state=Board.showing,
            ),
            Window(Format("other {shown}"), state=Board.other),
            getter=show,
        )
    )
    return dispatcher


@pytest.fixture
def showing() -> State:
    """The state of the window that shows the data."""
    return Board.showing


@pytest.fixture
def other() -> State:
    """The state of the second window."""
    return Board.other


@pytest.fixture
def slow() -> State:
    """The state of a dialog that takes for ever to open."""
    return Slow.opening


class GatedBot(RecordingBot):
    """A messenger that can be kept from showing anything, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
        await asyncio.to_thread(self.gate.wait, 30)
        await super().edit_now(chat_id, message_id, view)


@pytest.fixture
def bot() -> GatedBot:
    return GatedBot()


@pytest.fixture
def runtime(dispatcher: Dispatcher, bot: RecordingBot) -> Iterator[ThreadedRuntime]:
    with Runtime(dispatcher, [bot], polling=None).in_thread() as running:
        yield running


@pytest.fixture
def dialog(runtime: ThreadedRuntime) -> BlockingBgManager:
    """The open dialog of user 1."""
    manager = runtime.dialog(chat_id=1, user_id=1)
    manager.start(Board.showing).wait()
    return manager


@pytest.fixture
def screen(runtime: ThreadedRuntime, bot: RecordingBot) -> Callable[[], str]:
    """What user 1 sees when all is drawn."""

    def look() -> str:
        runtime.settled()
        return bot.messages(1)[-1].text

    return look
