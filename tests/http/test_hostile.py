"""Doors, served or mounted, and requests that mean them no good."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from typing import ClassVar, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.compression_utils import ZLibBackendProtocol
from aiohttp.typedefs import Handler
from yarl import URL

from duologue import Dispatcher, Runtime
from duologue.actors import Operation
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.http import AsyncAction, actions_application, allow_actions

TOKEN = "a-long-token-of-the-door"  # noqa: S105  # of this test
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PING = {"command": "ping"}


class Wait:
    async def run(self, operation: Operation) -> None:
        await operation.stopping()


class Waiting(AsyncAction):
    url = "/waiting"
    shortname = "waiting"
    worker_cls: ClassVar[object] = Wait


async def _page(_: web.Request) -> web.Response:
    response = web.Response(text="the page")
    allow_actions(response, TOKEN, path="/actions")
    return response


@pytest.fixture
async def runtime() -> Runtime:
    return Runtime(Dispatcher(), [RecordingBot()], polling=None)


@pytest.fixture
async def site(runtime: Runtime) -> AsyncIterator[str]:
    """An application with a page and a door, made before its runtime runs."""
    app = web.Application(client_max_size=1024**3)
    app.router.add_get("/", _page)
    door = actions_application(runtime, [Waiting], token=TOKEN)
    app.add_subapp("/actions", door)
    async with serve(app) as place:
        yield place.url


async def test_a_door_that_is_mounted_before_its_runtime_runs_works_when_it_does(
    runtime: Runtime, site: str, http: aiohttp.ClientSession
) -> None:
    url = f"{site}/actions/waiting"

    async with http.post(url, data=PING, headers=BEARER) as early:
        before = early.status
    async with runtime, http.post(url, data=PING, headers=BEARER) as answer:
        during = answer.status

    assert (before, during) == (503, 200)


@pytest.mark.parametrize(
    ("origins", "status"),
    [
        (["{site}"], 200),
        ([], 401),
        (["http://evil.example"], 401),
        (["null"], 401),
        (["{site}", "{site}"], 401),
        (["{site}", "http://evil.example"], 401),
    ],
    ids=["own", "none", "foreign", "null", "twice", "two"],
)
async def test_a_page_uses_the_door_by_its_cookie_from_its_own_origin_only(
    runtime: Runtime, site: str, origins: list[str], status: int
) -> None:
    # An address is no host to keep cookies for, unless one says so.
    jar = aiohttp.CookieJar(unsafe=True)
    headers = [("Origin", origin.format(site=site)) for origin in origins]
    async with runtime, aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(site) as page:
            cookie = page.headers["Set-Cookie"]
        url = f"{site}/actions/waiting"
        async with browser.post(url, data=PING, headers=headers) as answer:
            given = answer.status

    assert given == status
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_another_token_makes_the_cookie_worthless(runtime: Runtime) -> None:
    response = web.Response()
    allow_actions(response, "another token")
    cookies = {name: morsel.value for name, morsel in response.cookies.items()}
    door = actions_application(runtime, [Waiting], token=TOKEN)
    async with (
        runtime,
        serve(door) as place,
        aiohttp.ClientSession(cookies=cookies) as browser,
        browser.post(
            f"{place.url}/waiting", data=PING, headers={"Origin": place.url}
        ) as answer,
    ):
        assert answer.status == 401


async def test_the_limit_of_a_body_is_that_of_the_door_wherever_it_is_mounted(
    runtime: Runtime, site: str, http: aiohttp.ClientSession
) -> None:
    long = {**PING, "more": "x" * 20_000}
    url = f"{site}/actions/waiting"
    async with runtime, http.post(url, data=long, headers=BEARER) as answer:
        assert answer.status == 413
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "br"])
async def test_a_compressed_body_is_refused_unread(
    runtime: Runtime, site: str, http: aiohttp.ClientSession, encoding: str
) -> None:
    bomb = zlib.compress(b"0" * 10_000_000)
    headers = {**BEARER, "Content-Encoding": encoding}
    url = f"{site}/actions/waiting"
    async with runtime, http.post(url, data=bomb, headers=headers) as answer:
        assert answer.status == 415
        assert "without compression" in (await answer.json(content_type=None))["detail"]


class Inflated:
    """Is zlib to aiohttp, and counts what comes out of compressed bodies."""

    def __init__(self) -> None:
        self.size = 0

    def __getattr__(self, name: str) -> object:
        return getattr(zlib, name)

    def decompressobj(self, wbits: int) -> Inflating:
        return Inflating(self, wbits)


class Inflating:
    """One body that is inflated."""

    def __init__(self, inflated: Inflated, wbits: int) -> None:
        self._inflated = inflated
        self._body = zlib.decompressobj(wbits)

    def __getattr__(self, name: str) -> object:
        return getattr(self._body, name)

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        found = self._body.decompress(data, max_length)
        self._inflated.size += len(found)
        return found


@pytest.fixture
def inflated() -> Iterator[Inflated]:
    counting = Inflated()
    aiohttp.set_zlib_backend(cast("ZLibBackendProtocol", counting))
    yield counting
    aiohttp.set_zlib_backend(zlib)


@pytest.fixture
async def host(runtime: Runtime) -> AsyncIterator[str]:
    """The application of somebody else, served by a server that inflates bodies."""
    app = web.Application()
    app.add_subapp("/actions", actions_application(runtime, [Waiting], token=TOKEN))
    app.add_subapp("/ops", runtime.operations())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


def _bomb(encoding: str) -> bytes:
    """A megabyte that becomes a gigabyte."""
    press = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    first = press.compress(bytes(2**20)) + press.flush(zlib.Z_FULL_FLUSH)
    again = press.compress(bytes(2**20)) + press.flush(zlib.Z_FULL_FLUSH)
    return first + again * 1000


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/actions/waiting", TOKEN, b"415"),
        ("/actions/waiting", "wrong", b"415"),
        ("/actions/nothing", TOKEN, b"415"),
        ("/ops/metrics", "", b"415"),
        ("/ops/nothing", "", b"415"),
    ],
)
@pytest.mark.parametrize("encoding", ["deflate", "gzip"])
async def test_the_server_of_a_host_inflates_no_more_of_a_bomb_than_it_reads_ahead(
    host: str,
    inflated: Inflated,
    *,
    path: str,
    token: str,
    status: bytes,
    encoding: str,
) -> None:
    bomb = _bomb(encoding)
    place = URL(host)
    head = {
        "Host": place.authority,
        "Content-Encoding": encoding,
        "Content-Length": str(len(bomb)),
        "Authorization": f"Bearer {token}",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    reader, writer = await asyncio.open_connection(place.host, place.port)
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + bomb)
    answer = await reader.readline()
    # What is sent after the answer is not read any more, which may break the connection.
    with suppress(ConnectionError):
        await reader.read()
    writer.close()

    assert answer.split()[1] == status
    assert 0.9 < len(bomb) / 2**20 < 1.1
    assert inflated.size <= 2**20


async def test_who_leaves_before_the_refusal_of_a_compressed_body_leaves_no_trace(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    left, was_gone = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        await left.wait()
        await asyncio.sleep(1)
        if request.transport is None:
            was_gone.set()
        return await handler(request)

    app = web.Application(middlewares=[wait])
    app.add_subapp("/ops", runtime.operations())
    async with serve(app) as place:
        _, writer = await asyncio.open_connection(place.host, place.port)
        writer.write(
            b"POST /ops/metrics HTTP/1.1\r\nHost: x\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
        )
        await asyncio.sleep(1)
        writer.close()
        left.set()
        await was_gone.wait()

    assert caplog.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n",
        (
            b'--b\r\nContent-Disposition: form-data; name="command"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--\r\n"
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="command"\r\n'
            b"Content-Transfer-Encoding: nonsense\r\n\r\nx\r\n--b--\r\n"
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="command"\r\n'
            b"Content-Encoding: deflate\r\n\r\nx\r\n--b--\r\n"
        ),
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="command"\r\n\r\nunfinished',
        b"--b\r\n" + b"X-Long: " + b"y" * 10_000 + b"\r\n\r\nx\r\n--b--\r\n",
        (
            b'--b\r\nContent-Disposition: form-data; name="command"\r\n'
            b"Content-Type: text/plain; charset=nonsense\r\n\r\nping\r\n--b--\r\n"
        ),
        b'--b\r\nContent-Disposition: form-data; name="command"\r\n\r\n\xff\r\n--b--\r\n',
    ],
)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b"])
async def test_a_form_that_is_none_is_refused_in_words(
    runtime: Runtime, site: str, http: aiohttp.ClientSession, kind: str, body: bytes
) -> None:
    headers = {**BEARER, "Content-Type": kind}
    url = f"{site}/actions/waiting"
    async with runtime, http.post(url, data=body, headers=headers) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"


async def test_more_connections_than_a_door_takes_are_closed() -> None:
    app = web.Application()
    app.router.add_get("/", _page)
    async with serve(app, connections=3) as place, AsyncExitStack() as stack:

        async def answer() -> bytes:
            reader, writer = await asyncio.open_connection(place.host, place.port)
            stack.callback(writer.close)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                return await reader.readline()
            except ConnectionError:
                return b""

        answers = [await answer() for _ in range(5)]

    assert answers == [b"HTTP/1.1 200 OK\r\n"] * 3 + [b""] * 2
