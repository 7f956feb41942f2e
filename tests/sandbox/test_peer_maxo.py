"""A client that nobody here wrote, and that asks for Python 3.12, is brought its updates."""

from __future__ import annotations

import functools
import sys

import pytest
from aiohttp import web

from duologue.transport._server import serve
from duologue.transport.sandbox import Control, Sandbox

if sys.version_info < (3, 12):
    pytest.skip("maxo asks for Python 3.12", allow_module_level=True)

import maxo.bot.bot as where
from maxo import Bot, Dispatcher
from maxo.transport.webhook.adapters.aiohttp import AiohttpWebAdapter
from maxo.transport.webhook.engines import SimpleEngine
from maxo.transport.webhook.routing import StaticRouting
from maxo.types import MessageCreated

pytestmark = pytest.mark.slow


def _dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()

    async def said(event: MessageCreated, bot: Bot) -> None:
        await bot.send_message(
            chat_id=event.message.recipient.chat_id,
            text=f"You said {event.message.body.text}",
        )

    dispatcher.message_created.handler(said)
    return dispatcher


async def test_maxo_is_brought_its_updates(
    sandbox: Sandbox, control: Control, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It has no parameter for the address of the API.
    client = functools.partial(where.MaxApiClient, base_url=f"{sandbox.url}/")
    monkeypatch.setattr(where, "MaxApiClient", client)
    peer, app = Bot(sandbox.token), web.Application()
    adapter = AiohttpWebAdapter()
    routing = StaticRouting(url="http://127.0.0.1/hook")
    SimpleEngine(_dispatcher(), peer, web_adapter=adapter, routing=routing).register(
        app
    )

    async with serve(app) as place, peer.context():
        await peer.subscribe(url=f"{place.url}/hook", update_types=["message_created"])
        await control.say(ann, "hi")
        answer = await control.wait_for(lambda entry: entry.kind == "message")

    assert answer.text == "You said hi"
    assert [one.attempts for one in await control.deliveries()] == [(200,)]
