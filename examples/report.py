"""A report that takes a while: started in the chat or in the browser, watched in both.

A file with a line for each sale becomes a picture of the year. The bot makes it when it
is asked to, shows how far it is, and gives a link; the page shows the same operation, can
start it too, and has the picture. A restart in between loses nothing.

DUOLOGUE_MAX_TOKEN=... python examples/report.py
"""

from __future__ import annotations

import csv
import os
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from duologue import Dispatcher, Runtime
from duologue.actors import Operation
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
from duologue.dialogs.widgets.kbd import OperationButtons
from duologue.dialogs.widgets.text import Const, Format, OperationProgress
from duologue.transport.http import (
    BackgroundOperationBar,
    actions_application,
    allow_actions,
    get_action_url,
)
from duologue.transport.max import Bot

SALES = Path(os.environ.get("SALES", "sales.csv"))
PORT = int(os.environ.get("PORT", "8080"))
ROWS = int(os.environ.get("ROWS", "1000000"))
TOKEN = secrets.token_urlsafe()  # cookies are worth nothing after a restart
KEY = "chart/report"  # as the door names it: the task and the boundary
URL = f"http://127.0.0.1:{PORT}"

dispatcher = Dispatcher()
tickets: dict[str, str] = {}


@dispatcher.task
def chart(operation: Operation) -> dict[str, str] | None:
    """Add up the sales of each month, and draw them."""
    if not SALES.exists() and not make_sales(operation):
        return None
    operation.report(stage="adding up", total=SALES.stat().st_size / 1e6, unit="MB")
    months = [0.0] * 12
    read = number = 0
    with SALES.open(newline="", encoding="utf-8") as file:
        for number, (month, amount) in enumerate(csv.reader(file)):
            months[int(month) - 1] += float(amount)
            read += len(month) + len(amount) + 2
            if number % 1000 == 0:
                operation.report(text=f"{number:,} sales", current=read / 1e6)
                if operation.is_stop_requested:
                    return None
    operation.report(text=f"{number + 1:,} sales")
    return {"content_type": "image/svg+xml", "name": "sales.svg", "data": drawn(months)}


def make_sales(operation: Operation) -> bool:
    """Write a file with many sales, for want of a real one; false if it is to stop."""
    operation.report(stage="writing an example", total=ROWS, unit="rows")
    unfinished = SALES.with_suffix(".new")
    with unfinished.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            file.write(f"{random.randint(1, 12)},{random.random() * 100:.2f}\n")  # noqa: S311  # an example
            if number % 1000 == 0:
                operation.report(current=number)
                if operation.is_stop_requested:
                    return False
    unfinished.replace(SALES)
    return True


def drawn(months: list[float]) -> str:
    """Draw a bar for each month."""
    top = max(months) or 1.0
    bars = "".join(
        f'<rect x="{month * 30 + 10}" y="{210 - amount / top * 200:.1f}" width="24" '
        f'height="{amount / top * 200:.1f}" fill="#0a66c2"/>'
        f'<text x="{month * 30 + 22}" y="226" font-size="12" text-anchor="middle">'
        f"{month + 1}</text>"
        for month, amount in enumerate(months)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 380 240" width="760">'
        f"{bars}</svg>"
    )


class Report(StatesGroup):
    shown = State()


async def on_start(_: Callback, __: OperationButtons, manager: DialogManager) -> None:
    workers: DialogWorkers = manager.middleware_data["workers"]
    owner = owner_of(manager.event.user_id)
    await workers.start(chart, show=manager.bg(), key=KEY, owner=owner)


def owner_of(user_id: int | None) -> str:
    return f"max.{user_id}"


dispatcher.include_router(
    Dialog(
        Window(
            Const("The sales of the year as a picture."),
            OperationProgress(),
            Format("In the browser: {start_data[link]}"),
            OperationButtons(on_start=on_start, start=Const("Make it")),
            state=Report.shown,
        )
    )
)


@dispatcher.message(CommandStart())
async def start(
    event: BotStarted | MessageCreated, dialog_manager: DialogManager
) -> None:
    """Show the report, with a link that lets this user watch it in the browser."""
    ticket = secrets.token_urlsafe()
    tickets[ticket] = owner_of(event.user_id)
    data = {"link": f"{URL}/enter/{ticket}"}
    await dialog_manager.start(Report.shown, data, mode=StartMode.RESET_STACK)


async def enter(request: web.Request) -> web.Response:
    """Let in who comes with a ticket."""
    owner = tickets.get(request.match_info["ticket"])
    if owner is None:
        raise web.HTTPNotFound(text="ask the bot for a new link")
    response = web.Response(status=303, headers={"Location": "/"})
    allow_actions(response, TOKEN, owner=owner, path="/actions")
    return response


async def page(_: web.Request) -> web.Response:
    bar = BackgroundOperationBar(
        "Sales", "ready", url=get_action_url("chart"), boundary="report"
    )
    return web.Response(
        text=f"""<!doctype html><meta charset="utf-8"><title>Sales</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<script type="module" src="/actions/operation-bar.js"></script>
<script type="module" src="/page.js"></script>
<style>img {{max-width: 100%}}</style>
<h1>Sales</h1>{bar}<p><button>Make it</button></p><img alt="" hidden>""",
        content_type="text/html",
    )


async def script(_: web.Request) -> web.Response:
    code = """const [bar, image] = document.querySelectorAll("operation-bar, img");
document.querySelector("p > button").onclick = () => bar.start();
bar.addEventListener("operation-done", ({detail}) => {
  image.src = detail.links.result;
  image.hidden = false;
});"""
    return web.Response(text=code, content_type="text/javascript")


RUNTIME = web.AppKey("runtime", Runtime)


async def run_bot(app: web.Application) -> AsyncIterator[None]:
    async with app[RUNTIME]:
        yield


def make_app() -> web.Application:
    app = web.Application()
    app[RUNTIME] = runtime = Runtime(dispatcher, [Bot()], engine="sqlite")
    app.cleanup_ctx.append(run_bot)
    app.router.add_get("/", page)
    app.router.add_get("/page.js", script)
    app.router.add_get("/enter/{ticket}", enter)
    app.add_subapp("/actions", actions_application(runtime, [chart], token=TOKEN))
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=PORT)
