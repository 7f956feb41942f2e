"""One bot that echoes, by one library, brought its updates or polling for them.

Run as `python updates_bots.py LIBRARY WAY PORT`, with DUOLOGUE_MAX_URL and _TOKEN.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import TypedDict

from aiohttp import ClientSession

WEBHOOK, POLLING = "webhook", "polling"
PATH = "/hook"
_HOST = "127.0.0.1"
_MANY = 100_000
_URL, _TOKEN = os.environ["DUOLOGUE_MAX_URL"], os.environ["DUOLOGUE_MAX_TOKEN"]


def _duologue(engine: str, way: str, port: int) -> None:
    from duologue import Dispatcher, LongPolling, Webhook  # noqa: PLC0415  # this one only
    from duologue.dialogs import MessageCreated  # noqa: PLC0415
    from duologue.transport.max import Bot, Limits  # noqa: PLC0415

    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(message: MessageCreated) -> None:
        await message.answer(message.text)

    limits = Limits(requests=_MANY, polls=_MANY // 2, sends=_MANY)
    with TemporaryDirectory() as state_dir:
        if way == POLLING:
            program = LongPolling(dispatcher, engine=engine, state_dir=state_dir)
            program.run(Bot(limits=limits))
        else:
            url = f"http://{_HOST}:{port}{PATH}"
            webhook = Webhook(dispatcher, engine=engine, state_dir=state_dir)
            webhook.run(Bot(limits=limits), url=url, port=port)


def _maxapi(way: str, port: int) -> None:
    from maxapi import Bot, Dispatcher  # noqa: PLC0415  # this one only
    from maxapi.types import MessageCreated  # noqa: PLC0415

    bot = Bot(_TOKEN, auto_requests=False)
    bot.set_api_url(_URL)
    dispatcher = Dispatcher()

    @dispatcher.message_created()
    async def echo(event: MessageCreated) -> None:
        body = event.message.body
        await event.message.answer(None if body is None else body.text)

    if way == POLLING:
        asyncio.run(dispatcher.start_polling(bot))
    else:
        asyncio.run(dispatcher.handle_webhook(bot, host=_HOST, port=port, path=PATH))


def _maxo(way: str, port: int) -> None:
    import maxo.bot.bot as where  # noqa: PLC0415  # this one only
    from aiohttp import web  # noqa: PLC0415
    from maxo import Bot, Dispatcher  # noqa: PLC0415
    from maxo.transport.long_polling import LongPolling  # noqa: PLC0415
    from maxo.transport.webhook.adapters.aiohttp import (  # noqa: PLC0415
        AiohttpWebAdapter,
    )
    from maxo.transport.webhook.engines import SimpleEngine  # noqa: PLC0415
    from maxo.transport.webhook.routing import StaticRouting  # noqa: PLC0415
    from maxo.types import MessageCreated  # noqa: PLC0415

    # It has no parameter for the address of the API.
    where.MaxApiClient = functools.partial(where.MaxApiClient, base_url=f"{_URL}/")
    bot, dispatcher = Bot(_TOKEN), Dispatcher()

    async def echo(event: MessageCreated, bot: Bot) -> None:
        message = event.message
        text = message.body.text
        await bot.send_message(chat_id=message.recipient.chat_id, text=text)

    dispatcher.message_created.handler(echo)
    if way == POLLING:
        LongPolling(dispatcher).run(bot)
    else:
        engine = SimpleEngine(
            dispatcher,
            bot,
            web_adapter=AiohttpWebAdapter(),
            routing=StaticRouting(url=f"http://{_HOST}:{port}{PATH}"),
        )
        app = web.Application()
        engine.register(app)
        web.run_app(app, host=_HOST, port=port, print=None)


def _bare(way: str, port: int) -> None:
    """What aiohttp alone costs: no dispatcher, no errors, no limits, no order, no dialogs."""
    asyncio.run(_bare_polling() if way == POLLING else _bare_webhook(port))


async def _bare_webhook(port: int) -> None:
    from aiohttp import web  # noqa: PLC0415  # this one only

    async with ClientSession(headers={"Authorization": _TOKEN}) as session:

        async def take(request: web.Request) -> web.Response:
            await _echo(session, json.loads(await request.read()))
            return web.Response()

        app = web.Application()
        app.router.add_post(PATH, take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, _HOST, port).start()
        await asyncio.Event().wait()


async def _bare_polling() -> None:
    async with ClientSession(headers={"Authorization": _TOKEN}) as session:
        while True:
            async with session.get(f"{_URL}/updates") as answer:
                found = json.loads(await answer.read())
            await asyncio.gather(*(_echo(session, one) for one in found["updates"]))


async def _echo(session: ClientSession, update: Update) -> None:
    message = update["message"]
    async with session.post(
        f"{_URL}/messages",
        params={"chat_id": message["recipient"]["chat_id"]},
        data=json.dumps({"text": message["body"]["text"]}).encode(),
        headers={"Content-Type": "application/json"},
    ) as answer:
        json.loads(await answer.read())


class _Recipient(TypedDict):
    chat_id: int


class _Body(TypedDict):
    text: str


class _Message(TypedDict):
    recipient: _Recipient
    body: _Body


class Update(TypedDict):
    """What an echo reads of an update."""

    message: _Message


BOTS: dict[str, Callable[[str, int], None]] = {
    "duologue, memory": functools.partial(_duologue, "memory"),
    "duologue, SQLite": functools.partial(_duologue, "sqlite"),
    "maxapi": _maxapi,
    "maxo": _maxo,
    "aiohttp alone": _bare,
}


if __name__ == "__main__":
    BOTS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
