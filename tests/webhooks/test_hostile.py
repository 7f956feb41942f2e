"""Those who want to keep the bot from its work: the door answers, and dialogs go on."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from duologue import Dispatcher, Runtime
from duologue.transport._server import CONNECTIONS, ListenAddress, serve
from duologue.transport.max import Bot
from tests.webhooks.conftest import HEADER, SECRET
from tests.webhooks.test_runtime import message

FLOOD = 1000


@pytest.fixture
async def door(
    dispatcher: Dispatcher, bot: Bot, tmp_path: Path
) -> AsyncIterator[ListenAddress]:
    runtime = Runtime(dispatcher, [bot], engine="sqlite", state_dir=tmp_path)
    app = runtime.webhook(bot, secret=SECRET)
    async with serve(app, silence=20) as place, runtime:
        yield place
        await runtime.settled()


async def bring(
    session: aiohttp.ClientSession,
    place: ListenAddress,
    body: bytes,
    *,
    secret: str = SECRET,
    **headers: str,
) -> int:
    """Bring a body; 0 if the connection was closed before an answer."""
    try:
        async with session.post(
            place.url, data=body, headers={HEADER: secret, **headers}
        ) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def test_a_flood_of_a_thousand_deliveries_is_answered_and_handled(
    door: ListenAddress, heard: list[str]
) -> None:
    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(connector=connector) as session:
        bodies = [json.dumps(message(f"text {n}", n)).encode() for n in range(FLOOD)]
        statuses = await asyncio.gather(
            *(bring(session, door, body) for body in bodies)
        )
        while len(heard) < FLOOD:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)

    assert statuses == [200] * FLOOD
    assert sorted(heard) == sorted(f"text {n}" for n in range(FLOOD))


async def test_a_flood_without_the_secret_keeps_nobody_out(
    door: ListenAddress, heard: list[str]
) -> None:
    body = json.dumps(message("let me in")).encode()
    async with aiohttp.ClientSession() as stranger, aiohttp.ClientSession() as session:
        wrong = [bring(stranger, door, body, secret="wrong") for _ in range(200)]  # noqa: S106  # that is the point
        right = [
            bring(session, door, json.dumps(message(f"text {n}", n)).encode())
            for n in range(10)
        ]
        statuses = await asyncio.gather(*wrong, *right)

    assert set(statuses[:200]) <= {401, 0}
    assert statuses[200:] == [200] * 10
    assert "let me in" not in heard


async def test_who_holds_connections_without_a_request_loses_them(
    door: ListenAddress,
) -> None:
    writers: list[asyncio.StreamWriter] = []
    for _ in range(CONNECTIONS):
        _, writer = await asyncio.open_connection(door.host, door.port)
        writer.write(b"POST / HTTP/1.1\r\nX-Slow: ")
        writers.append(writer)
    await asyncio.sleep(1)
    async with aiohttp.ClientSession() as session:
        body = json.dumps(message("hello")).encode()
        during = await bring(session, door, body)
        await asyncio.sleep(20)
        after = await bring(session, door, body)
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    assert (during, after) == (0, 200)


async def test_a_body_that_comes_a_byte_at_a_time_is_given_up(
    door: ListenAddress,
) -> None:
    reader, writer = await asyncio.open_connection(door.host, door.port)
    head = f"POST / HTTP/1.1\r\nHost: x\r\n{HEADER}: {SECRET}\r\n"
    writer.write(f"{head}Content-Length: 10000\r\n\r\n".encode())
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = loop.create_task(reader.readline())
    while not answer.done():
        with suppress(ConnectionError):
            writer.write(b" ")
        await asyncio.sleep(1)
    writer.close()

    assert b" 408 " in answer.result()
    assert loop.time() - began < 15


async def test_a_body_that_unpacks_to_a_gigabyte_is_not_unpacked(
    door: ListenAddress,
) -> None:
    packed = gzip.compress(b" " * 10_000_000)
    async with aiohttp.ClientSession() as session:
        encoding = {"Content-Encoding": "gzip"}
        status = await bring(session, door, packed, **encoding)

    assert status == 415


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\n{HEADER}: ".encode() + b"\xff\xfe\r\n\r\n",
    ],
    ids=["get", "path", "length", "coding", "tls", "header", "secret"],
)
async def test_what_is_no_delivery_is_refused_and_the_next_one_is_taken(
    door: ListenAddress, head: bytes
) -> None:
    reader, writer = await asyncio.open_connection(door.host, door.port)
    writer.write(head)
    writer.write_eof()
    with suppress(ConnectionError):
        answer = await reader.read()
        assert b" 200 " not in answer.partition(b"\r\n")[0]
    writer.close()

    async with aiohttp.ClientSession() as session:
        status = await bring(session, door, json.dumps(message("hello")).encode())

    assert status == 200
