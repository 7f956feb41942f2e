"""A server that sentinels find."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import ResponseError

from duologue.errors import EngineUnavailableError
from duologue.transport.redis import RedisEngine
from tests.engines.conftest import Desk, letter
from tests.servers import RedisServer, valkey_program

pytestmark = pytest.mark.real_time
A, B = "x/a", "x/b"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


@pytest.fixture
def master() -> Iterator[int]:
    """The port of a server."""
    port = free_port()
    server = RedisServer(valkey_program(), "--port", str(port), "--bind", "127.0.0.1")
    server.start()
    yield port
    server.stop()


@pytest.fixture
def sentinel(master: int, tmp_path: Path) -> Iterator[str]:
    """The URL of a sentinel that looks after it."""
    port = free_port()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(f"sentinel monitor shop 127.0.0.1 {master} 1\n", "utf-8")
    place = ("--port", str(port), "--bind", "127.0.0.1", "--sentinel")
    server = RedisServer(valkey_program(), *place, settings=settings)
    server.start()
    yield f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{port}/shop"
    server.stop()


async def use(url: str) -> None:
    """Handle two messages of which one sends the other."""
    async with RedisEngine(url) as engine:
        await engine.enqueue([letter(A, "1")])
        some = Desk(engine)
        turn = await some.begin(A)
        await engine.commit(turn, snapshot=b"done", outbox=[letter(B, "2")])
        assert await some.rest() == ["2"]
        assert await engine.read(A) == b"done"
        assert engine.problem is None


def test_sentinels_say_where_the_server_is(sentinel: str) -> None:
    asyncio.run(use(sentinel))


@pytest.fixture
def replica(master: int) -> Iterator[RedisServer]:
    """A server that follows it."""
    place = ("--port", str(free_port()), "--bind", "127.0.0.1")
    follows = ("--replicaof", f"127.0.0.1 {master}", "--repl-diskless-sync-delay", "0")
    server = RedisServer(valkey_program(), *place, *follows)
    server.start()
    yield server
    server.stop()


async def refuses_to_fail_over(sentinel: redis.Redis) -> bool:
    try:
        await sentinel.execute_command("SENTINEL", "FAILOVER", "shop")  # type: ignore[no-untyped-call] # theirs
    except ResponseError:
        return True
    return False


async def use_through_a_fail_over(url: str, replica: RedisServer, master: int) -> None:
    async with RedisEngine(url) as engine:
        await engine.hold("a", "me", 8.0)
        port = int(url.rpartition(":")[2].partition("/")[0])
        async with redis.Redis(port=port) as sentinel:
            # It knows of no replica yet.
            while await refuses_to_fail_over(sentinel):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        async with redis.Redis(port=master) as before:
            while (await before.info("replication"))["role"] != "slave":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await before.script_flush()  # as if it had been started again

        async with asyncio.timeout(20):
            while True:
                try:
                    await engine.hold("b", "me", 8.0)
                except EngineUnavailableError:
                    await asyncio.sleep(0.2)
                else:
                    break

    assert replica.ask("EXISTS", "duologue:{main:h:b}:by") == b":1\r\n"


@pytest.mark.slow
def test_the_server_that_takes_the_place_of_another_is_found(
    sentinel: str, replica: RedisServer, master: int
) -> None:
    asyncio.run(use_through_a_fail_over(sentinel, replica, master))
