"""Dialogs inside a program with threads: a kitchen whose cooks report to the chat.

No `async` outside the handlers: the runtime lives on a thread of its own, and the cooks
call it from theirs. /start orders a meal; each cook takes the next order and reports.

DUOLOGUE_MAX_TOKEN=... python examples/embed_threaded.py
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress

from duologue import Dispatcher, Router, Runtime
from duologue.dialogs import (
    BotStarted,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.text import Format
from duologue.errors import RuntimeStoppedError
from duologue.threads import BlockingBgManager, ThreadedRuntime
from duologue.transport.max import Bot

COOKS = 2
STEPS = ("chopping", "frying", "ready")

Orders = queue.SimpleQueue[BotStarted | MessageCreated]


class MealSG(StatesGroup):
    watching = State()


router = Router()


@router.message(CommandStart())
async def order(
    event: BotStarted | MessageCreated, dialog_manager: DialogManager, orders: Orders
) -> None:
    """Open the dialog and pass the order on; putting it there does not block."""
    await dialog_manager.start(MealSG.watching, mode=StartMode.RESET_STACK)
    dialog_manager.dialog_data.update(step="ordered", minutes=0)
    orders.put(event)


def cook(runtime: ThreadedRuntime, orders: Orders) -> None:
    """Work on one order after the other. A thread of the program runs this."""
    while True:
        event = orders.get()
        with suppress(RuntimeStoppedError):  # the program ends
            prepare(runtime.dialog(chat_id=event.chat_id, user_id=event.user_id))


def prepare(dialog: BlockingBgManager) -> None:
    """Report each step in the dialog."""
    for step in STEPS:
        time.sleep(1)  # the work itself
        with dialog.fg() as manager:  # nobody else changes the dialog meanwhile
            manager.dialog_data["minutes"] += 5
            manager.dialog_data["step"] = step
            manager.update()
    receipt = dialog.update({"step": "served"}, timeout=10)
    receipt.drawn(timeout=10)  # the guest can see it
    print("served", flush=True)  # a program that prints


def main() -> None:
    """Cook until SIGTERM or Ctrl+C."""
    orders = Orders()
    dispatcher = Dispatcher(orders=orders)  # handlers ask for it by its name
    dispatcher.include_router(router)
    dispatcher.include_router(
        Dialog(
            Window(
                Format("{dialog_data[step]} after {dialog_data[minutes]} minutes"),
                state=MealSG.watching,
            )
        )
    )
    bot = Bot()
    with Runtime(dispatcher, [bot]).in_thread() as runtime:
        for _ in range(COOKS):
            threading.Thread(target=cook, args=(runtime, orders), daemon=True).start()
        runtime.run_until_signal()


if __name__ == "__main__":
    main()
