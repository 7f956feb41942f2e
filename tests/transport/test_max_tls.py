"""Certificates; the ones beside this file are good for nothing but these tests."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web

from duologue.errors import MessengerUnavailableError
from duologue.transport.max import Bot

HERE = Path(__file__).parent / "tls"


async def me(_: web.Request) -> web.Response:
    return web.json_response({"user_id": 7, "first_name": "Bot", "is_bot": True})


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(HERE / "localhost.pem", HERE / "localhost.key")
    return context


@pytest.fixture
async def url(tls: ssl.SSLContext) -> AsyncGenerator[str, None]:
    app = web.Application()
    app.router.add_get("/me", me)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_way_out(
    url: str,
) -> None:
    bot = Bot("token", base_url=url)

    with pytest.raises(MessengerUnavailableError, match="ca_file="):
        await bot.start()

    await bot.close()


async def test_a_certificate_from_the_given_file_is_trusted(url: str) -> None:
    bot = Bot("token", base_url=url, ca_file=str(HERE / "localhost.pem"))

    await bot.start()

    assert bot.id == 7
    await bot.close()
