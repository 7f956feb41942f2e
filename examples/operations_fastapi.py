"""Long operations in a FastAPI application: a page starts one, and watches it live.

It needs FastAPI and uvicorn, and is run in its folder:

ACTIONS_TOKEN=... DUOLOGUE_MAX_TOKEN=... uvicorn operations_fastapi:app \
    --timeout-graceful-shutdown 3

The same operations may be started by the bot, and by programs that show the token.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from duologue import Dispatcher, Runtime
from duologue.actors import Operation
from duologue.transport.http import (
    ActionsASGI,
    BackgroundOperationBar,
    actions_cookie,
    get_action_url,
)
from duologue.transport.max import Bot

TOKEN = os.environ["ACTIONS_TOKEN"]  # long and secret

dispatcher = Dispatcher()
runtime = Runtime(dispatcher, [Bot()], engine="sqlite")


@dispatcher.task
async def count(operation: Operation, rows: int = 100) -> str:
    """Count rows; after a restart of the server it goes on where it was."""
    for row in range(operation.resumed or 0, rows):
        operation.report(current=row, total=rows, unit="rows")
        operation.checkpoint(row)
        await asyncio.sleep(0.1)  # the work
    return f"{rows} rows"


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with runtime:
        yield
        actions.close()


actions = ActionsASGI(runtime, [count], token=TOKEN, path="/actions")
app = FastAPI(lifespan=lifespan)
app.mount("/actions", actions)


@app.get("/")
async def page() -> Response:
    """Show the page of somebody whom the application knows."""
    owner = "alice"
    bar = BackgroundOperationBar("Rows", url=get_action_url("count"))
    response = Response(
        f"""<!doctype html><title>Rows</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<script type="module" src="/actions/operation-bar.js"></script>
<script type="module" src="/page.js"></script>
<button>Count</button>{bar}""",
        media_type="text/html",
    )
    cookie = actions_cookie(TOKEN, owner=owner)
    response.set_cookie(
        "duologue-actions", cookie, path="/actions", httponly=True, samesite="strict"
    )
    return response


@app.get("/page.js")
async def script() -> Response:
    """Start it when the button is pressed."""
    code = """const bar = document.querySelector("operation-bar");
document.querySelector("button").onclick = () => bar.start({rows: 200});"""
    return Response(code, media_type="text/javascript")
