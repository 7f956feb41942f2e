"""What the log says of an outage, from its first failure to its end."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import MessageCreated
from duologue.transport.max import Bot
from duologue.transport.sandbox import FaultKind, Sandbox

_logger = logging.getLogger("duologue.transport")


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name.startswith("duologue")
    ]


class _Listener(logging.Handler):
    """Hears when the log says some words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self._heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self._heard.set()

    async def hears(self) -> None:
        _logger.addHandler(self)
        try:
            async with asyncio.timeout(600):
                await self._heard.wait()
        finally:
            _logger.removeHandler(self)


def _dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def echo(_: MessageCreated) -> None:
        pass

    return dispatcher


async def test_an_outage_that_begins_with_429_tells_each_cause_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        bot = Bot(sandbox.token, base_url=sandbox.url)
        async with Runtime(_dispatcher(), [bot], state_dir=tmp_path):
            for status, count in ((429, 2), (503, 2), (429, 1), (503, 1)):
                await control.fault(
                    FaultKind.STATUS, path="/updates", status=status, count=count
                )
            await control.say(await control.add_user("Ann"), "hi")
            await _Listener("works again").hears()

    first, second, last = _lines(caplog)
    assert (
        "fails and is repeated until it works: GET /updates failed: HTTP 429" in first
    )
    assert first.endswith("; call again in 1 s")
    assert "still fails, now in another way: GET /updates failed: HTTP 503" in second
    assert "works again after" in last


async def test_a_second_outage_is_told_like_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        bot = Bot(sandbox.token, base_url=sandbox.url)
        async with Runtime(_dispatcher(), [bot], state_dir=tmp_path):
            for _ in range(2):
                await control.fault(
                    FaultKind.STATUS, path="/updates", status=429, count=1
                )
                await control.say(ann, "hi")
                await _Listener("works again").hears()

    assert [line.split()[4] for line in _lines(caplog)] == [
        *("fails", "works"),
        *("fails", "works"),
    ]


async def test_a_start_during_an_outage_tells_each_cause_and_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        for status in (429, 503, 503):
            await control.fault(FaultKind.STATUS, path="/me", status=status, count=1)
        bot = Bot(sandbox.token, base_url=sandbox.url)

        async with Runtime(_dispatcher(), [bot], state_dir=tmp_path, start_timeout=60):
            pass

    first, second, last = _lines(caplog)
    assert "HTTP 429" in first
    assert first.endswith("trying again for 60 s")
    assert "HTTP 503" in second
    assert last == f"max.{bot.id} answers now"
