"""The token of a bot in the log, whatever a messenger puts it into."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp import web

from duologue import Dispatcher, Runtime
from duologue.dialogs import BotStarted, Callback, MessageCreated
from duologue.errors import UnknownUpdateError, WebhookSetError
from duologue.transport._server import serve
from duologue.transport.max import Bot

TOKEN = "f9LHodD0cOL-NY7All_9xJRh5ZhPw6bRvq_0Adm8-1bZZEHdRy6"  # noqa: S105  # made up
ME = {"user_id": 7, "first_name": TOKEN, "username": TOKEN, "is_bot": True}
ANN = {"user_id": 11, "first_name": f"Ann {TOKEN}", "is_bot": False}


class Echo:
    """A messenger that says the token wherever it can say something."""

    def __init__(self) -> None:
        self.was_asked = asyncio.Event()
        self._polls = 0

    async def handle(self, request: web.Request) -> web.Response:
        match request.path:
            case "/me":
                return web.json_response(ME)
            case "/subscriptions":
                await self.was_asked.wait()  # then the polling ends
                urls = [f"https://{TOKEN.lower()}.example", f"https://{TOKEN}"]
                hooks = [{"url": url, "update_types": None} for url in urls]
                return web.json_response({"subscriptions": hooks})
            case "/updates":
                return await self._updates()
            case _:
                refused = {"code": TOKEN, "message": f"no {TOKEN}\nERROR forged"}
                return web.json_response(refused, status=400)

    async def _updates(self) -> web.Response:
        self._polls += 1
        if self._polls == 1:
            return web.json_response({"updates": _updates(), "marker": 9})
        if self._polls == 2:
            return web.json_response({"code": TOKEN, "message": TOKEN}, status=500)
        self.was_asked.set()
        await asyncio.sleep(3600)
        raise web.HTTPInternalServerError(reason=TOKEN)


def _updates() -> list[object]:
    known = {"timestamp": 1775025604499, "chat_id": 182, "user": ANN}
    return [
        {"update_type": TOKEN, "timestamp": 1},
        {"update_type": f"{'x' * 60}{TOKEN}", "timestamp": 1},
        {"update_type": "bot_started", "timestamp": TOKEN, TOKEN: TOKEN},
        {"update_type": "bot_started", "payload": TOKEN, **known},
        {
            "update_type": "message_callback",
            "timestamp": 1775025604499,
            "callback": {
                "timestamp": 1,
                "callback_id": TOKEN,
                "payload": TOKEN,
                "user": ANN,
            },
            "message": None,
            "chat_id": 182,
        },
    ]


async def test_the_token_reaches_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "duologue")
    echo, dispatcher = Echo(), Dispatcher()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo.handle)

    @dispatcher.message()
    async def take(event: MessageCreated) -> None: ...

    @dispatcher.bot_started()
    async def begin(event: BotStarted) -> None:
        await event.bot.delete(182, "mid.1")

    @dispatcher.callback_query()
    async def press(event: Callback) -> None:
        await event.answer("ok")

    async with serve(app) as address:
        bot = Bot(TOKEN, base_url=address.url)
        async with Runtime(dispatcher, [bot], state_dir=tmp_path, drain=1) as runtime:
            with pytest.raises(WebhookSetError) as ended:
                await runtime.wait()

    shown = f"{caplog.text}{ended.value}".lower()
    assert "brought to a webhook" in shown
    assert "was set aside" in shown
    assert "could not be answered" in shown
    assert "delete /messages failed" in shown
    assert TOKEN.lower()[:8] not in shown
    assert not any(line.startswith("ERROR forged") for line in caplog.text.splitlines())


def test_the_error_about_an_unknown_update_does_not_hold_the_token() -> None:
    with pytest.raises(UnknownUpdateError) as caught:
        Bot(TOKEN).parse({"update_type": f"{'x' * 90}{TOKEN}", "timestamp": 1})

    assert TOKEN[:8] not in str(caught.value)
