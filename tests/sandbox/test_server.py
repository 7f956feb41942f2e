from __future__ import annotations

import asyncio
import pickle

import aiohttp
import pytest
from aiohttp import web

from duologue.errors import AddressInUseError, AddressNotAvailableError
from duologue.transport._server import LOOPBACK, ListenAddress, new_application, serve


async def test_it_serves_on_loopback_for_as_long_as_the_block_runs() -> None:
    app = new_application()

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app.router.add_get("/", hello)

    async with aiohttp.ClientSession() as session:
        async with serve(app) as address, session.get(address.url) as response:
            text = await response.text()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(address.url)

    assert text == "hello"
    assert address.host == LOOPBACK == "127.0.0.1"


async def test_a_taken_port_is_a_typed_error() -> None:
    async with serve(new_application()) as address:
        with pytest.raises(AddressInUseError) as caught:
            async with serve(new_application(), port=address.port):
                pytest.fail("two servers on one port")

    assert (caught.value.host, caught.value.port) == (address.host, address.port)
    assert "choose another port" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - its own bytes


async def test_an_address_that_is_not_here_is_named() -> None:
    with pytest.raises(AddressNotAvailableError, match=r"192\.0\.2\.1, port 0"):
        async with serve(new_application(), host="192.0.2.1"):
            pytest.fail("served on an address of documentation")


async def test_a_body_over_the_limit_is_refused() -> None:
    app = new_application(body_limit=10)

    async def size(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    app.router.add_post("/", size)

    statuses = []
    async with serve(app) as address, aiohttp.ClientSession(address.url) as session:
        for length in (10, 11):
            async with session.post("/", data=b"x" * length) as response:
                statuses.append(response.status)

    assert statuses == [200, 413]


async def test_a_stubborn_request_is_cancelled_after_the_grace_period() -> None:
    app = new_application()
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def stubborn(_: web.Request) -> web.Response:
        entered.set()
        try:
            return await asyncio.Future[web.Response]()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    app.router.add_get("/", stubborn)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        async with serve(app, grace=0.01) as address:
            asked = tasks.create_task(_fails(session, address.url))
            await entered.wait()
        assert await asked

    assert cancelled.is_set()


async def _fails(session: aiohttp.ClientSession, url: str) -> bool:
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.get(url)
    return True


def test_an_address_of_ip_6_has_brackets_in_its_url() -> None:
    assert ListenAddress("::1", 80).url == "http://[::1]:80"


def test_all_addresses_of_ip_6_are_its_loopback_for_this_machine() -> None:
    assert ListenAddress("::", 80).own_url == "http://[::1]:80"


async def test_where_nothing_listens_nothing_has_to_end() -> None:
    await ListenAddress("::1", 80).listen_no_more()
