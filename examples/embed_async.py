"""Dialogs inside an asyncio program of your own: a shop that reports on an order.

The program starts a runtime, waits for a customer, and works on the order. After each
step it updates the customer's dialog from outside and waits for the receipt. Then it
waits for the next one, until SIGTERM or Ctrl+C.

DUOLOGUE_MAX_TOKEN=... python examples/embed_async.py
"""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from duologue import Dispatcher, Router, Runtime
from duologue.dialogs import (
    BgManager,
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
from duologue.transport.max import Bot

Customers: TypeAlias = "asyncio.Queue[BotStarted | MessageCreated]"

STEPS = ("accepted", "packed", "delivered")


class OrderSG(StatesGroup):
    watching = State()


router = Router()


@router.message(CommandStart())
async def order(
    event: BotStarted | MessageCreated,
    dialog_manager: DialogManager,
    customers: Customers,
) -> None:
    """Open the dialog and tell the program who is there."""
    await dialog_manager.start(OrderSG.watching, mode=StartMode.RESET_STACK)
    dialog_manager.dialog_data["status"] = "received"
    customers.put_nowait(event)


async def main() -> None:
    """Run the shop until SIGTERM or Ctrl+C; what has begun is finished."""
    customers: Customers = asyncio.Queue()
    dispatcher = Dispatcher(customers=customers)  # handlers ask for it by its name
    dispatcher.include_router(router)
    dispatcher.include_router(
        Dialog(
            Window(Format("Your order: {dialog_data[status]}"), state=OrderSG.watching)
        )
    )
    bot = Bot()
    async with Runtime(dispatcher, [bot]) as runtime, asyncio.TaskGroup() as group:
        serving = group.create_task(serve_all(runtime, customers))
        await runtime.run_until_signal()
        serving.cancel()


async def serve_all(runtime: Runtime, customers: Customers) -> None:
    """Serve one customer after the other."""
    while True:
        customer = await customers.get()
        await serve(runtime.dialog(chat_id=customer.chat_id, user_id=customer.user_id))


async def serve(dialog: BgManager) -> None:
    """Work on an order and report each step."""
    for step in STEPS:
        await asyncio.sleep(1)  # the work itself
        receipt = await dialog.update({"status": step})
        await receipt  # it is stored
        await receipt.drawn()  # the customer can see it
        print(f"the customer knows: {step}", flush=True)  # a program that prints


if __name__ == "__main__":
    asyncio.run(main())
