"""A program whose server is away, or is not what it needs, when it starts."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.errors import EngineServerError, EngineUnavailableError
from duologue.testing import RecordingBot
from tests.servers import RedisServer, TestedEngine, server, valkey_program

SECRET = "hunter2"  # noqa: S105  # that of no one


@pytest.fixture
def stopped(tmp_path: Path) -> RedisServer:
    """A server that nobody has started."""
    return RedisServer(valkey_program(), folder=tmp_path)


def runtime(url: str, limit: float | None, *, login: str = "") -> Runtime:
    engine = TestedEngine(url.replace("unix://", f"unix://{login}"))
    return Runtime(Dispatcher(), [RecordingBot()], engine=engine, start_timeout=limit)


async def test_a_server_that_does_not_come_ends_the_start_after_a_time(
    stopped: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(EngineUnavailableError, match=r"server\.sock"):
        async with runtime(stopped.url, 30, login=f"ann:{SECRET}@"):
            pass

    told = [
        each.getMessage() for each in caplog.records if "trying" in each.getMessage()
    ]
    assert len(told) == 1
    assert told[0].startswith(stopped.url)
    assert told[0].endswith("trying again for 30 s")
    assert SECRET not in caplog.text


@pytest.mark.real_time
async def test_a_server_that_comes_late_is_waited_for(
    stopped: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.Event()

    def note(_: logging.LogRecord) -> bool:
        waiting.set()
        return True

    caplog.handler.addFilter(note)

    async def come() -> None:
        await waiting.wait()
        await asyncio.to_thread(stopped.start)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(come())
            async with runtime(stopped.url, None):
                assert "answers now" in caplog.text
    finally:
        await asyncio.to_thread(stopped.stop)

    assert "trying again until it answers" in caplog.text


async def test_a_server_that_is_not_what_is_needed_ends_the_start_at_once(
    tmp_path: Path,
) -> None:
    common = server(valkey_program())
    common.ask("SET", f"duologue:{{{tmp_path.name}}}:meta", "hello")
    engine = TestedEngine(common.url, namespace=tmp_path.name)

    with pytest.raises(EngineServerError, match="is a key of something else"):
        async with Runtime(Dispatcher(), [RecordingBot()], engine=engine):
            pass
