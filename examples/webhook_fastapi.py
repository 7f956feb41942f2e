"""An echo inside a FastAPI application: MAX brings the updates, the runtime handles them.

WEBHOOK_URL=https://bot.example/max DUOLOGUE_MAX_TOKEN=... uvicorn webhook_fastapi:app

`duologue webhook set $WEBHOOK_URL` has MAX bring them; this program does so at its start.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from duologue import Dispatcher, Runtime
from duologue.dialogs import MessageCreated
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    MalformedUpdateError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    UnknownUpdateError,
)
from duologue.transport.max import Bot

SECONDS = 25.0  # MAX waits for 30

dispatcher = Dispatcher()
bot = Bot()
runtime = Runtime(dispatcher, [bot], engine="sqlite", polling=None)


@dispatcher.message()
async def echo(message: MessageCreated) -> None:
    await message.answer(message.text)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with runtime:
        await bot.subscribe(os.environ["WEBHOOK_URL"], secret=bot.own_secret())
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/max")
async def take(request: Request) -> Response:
    """Answer 200 when the update is safe; all else comes again."""
    given = request.headers.get(bot.secret_header, "")
    if not hmac.compare_digest(given.encode(), bot.own_secret().encode()):
        return Response(status_code=401)
    try:
        safe = await runtime.accept(bot, await request.body())
        if safe is not None:  # with the engine in memory: when its turn has ended
            await asyncio.wait_for(asyncio.shield(safe), SECONDS)
    except (MalformedUpdateError, UnknownUpdateError):
        return Response()  # it would only come again
    except (
        EngineClosedError,
        EngineUnavailableError,
        RuntimeNotStartedError,
        RuntimeStoppedError,
        TimeoutError,
    ):
        return Response(status_code=503, headers={"Retry-After": "5"})
    return Response()
