"""A server that sentinels find."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

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
