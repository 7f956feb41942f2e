"""Messages of another program while the bot is killed: `python -m tests.remote.campaign`.

Many senders tell many dialogs numbers, one after another, and send again what has no
answer. Meanwhile the bot is killed with SIGKILL and started again, and some answers are
lost. In the end each dialog is asked what it has seen: nothing may be missing, double or
out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from duologue.errors import AskTimeoutError, RemoteUnavailableError
from duologue.remote import RemoteRuntime
from tests.chaos.proxy import Proxy
from tests.remote.bot import SECRET, Count, GetCount, Step
from tests.servers import RedisServer, valkey_program

BOT = Path(__file__).with_name("bot.py")
ROOT = Path(__file__).parents[2]
DIALOGS = 20


@dataclass
class Report:
    """What a campaign has found."""

    door: str
    accepted: int = 0
    messages: int = 0
    kills: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.messages / max(self.seconds, 0.001)
        return (
            f"{self.door}: {self.messages} messages, {self.kills} kills, "
            f"{self.seconds:.0f} s ({rate:.0f}/s), faults: {len(self.faults)}"
        )


class Bot:
    """The process of a bot, which is killed and started again."""

    def __init__(self, engine: str, lost: float) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._words = [sys.executable, str(BOT), engine, str(self.port), str(lost)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._words, cwd=ROOT, env=_environment())  # noqa: S603  # of this test

    async def answers(self) -> None:
        """Wait until its door is open."""
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)

    def kill(self) -> None:
        """Kill it, as the system does when its memory is full."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    import os  # noqa: PLC0415

    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def _engine(door: str) -> Iterator[tuple[str, str]]:
    """The engine of a campaign, and the URL of its server."""
    if door == "http":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/state.db", ""
        return
    server = RedisServer(valkey_program(), "--appendfsync", "everysec")
    server.start()
    try:
        yield server.url, server.url
    finally:
        server.stop()


@asynccontextmanager
async def _remote(
    door: str, bot: Bot, server: str, lost: float
) -> AsyncGenerator[RemoteRuntime]:
    """The way to the bot; that of answers of the server loses some."""
    async with AsyncExitStack() as stack:
        if door == "stream":
            there = Path(server.removeprefix("unix://"))
            proxy = Proxy(random.Random(1), there.with_name("proxy"), there)  # noqa: S311  # no secret
            await stack.enter_async_context(proxy)
            proxy.loss = lost
            remote = RemoteRuntime.redis(proxy.url, secret=SECRET, patience=120)
        else:
            url = f"http://127.0.0.1:{bot.port}/refs"
            remote = RemoteRuntime(url, source="//campaign", patience=120)
        yield await stack.enter_async_context(remote)


async def campaign(
    door: str,
    messages: int,
    *,
    kills: int = 10,
    lost: float = 0.01,
    pace: float = 0.02,
) -> Report:
    """Run one: `http` with a file, `http-redis`, or `stream`.

    Args:
        door: The way of the messages.
        messages: How many.
        kills: How often the bot is killed, each time that so many more are accepted.
        lost: The share of answers that are lost.
        pace: Seconds between two messages to one dialog.
    """
    report = Report(door)
    with _engine(door) as (engine, server):
        bot = Bot(engine, lost)
        bot.start()
        began = time.monotonic()
        try:
            async with _remote(door, bot, server, lost) as remote:
                killing = asyncio.get_running_loop().create_task(
                    _kill(bot, report, messages, kills)
                )
                async with asyncio.TaskGroup() as group:
                    for user in range(1, DIALOGS + 1):
                        group.create_task(
                            _send(remote, user, messages // DIALOGS, report, pace)
                        )
                await killing
                for user in range(1, DIALOGS + 1):
                    await _check(remote, user, messages // DIALOGS, report)
        finally:
            bot.kill()
        report.seconds = time.monotonic() - began
    return report


async def _kill(bot: Bot, report: Report, messages: int, kills: int) -> None:
    """Kill the bot each time that a part of the messages has been accepted."""
    for number in range(1, kills + 1):
        while report.accepted < messages * number // (kills + 1):  # noqa: ASYNC110  # senders do
            await asyncio.sleep(0.01)
        await asyncio.to_thread(bot.kill)
        bot.start()
        report.kills += 1
        await bot.answers()


async def _send(
    remote: RemoteRuntime, user: int, number: int, report: Report, pace: float
) -> None:
    dialog = remote.dialog("test.1", chat_id=user, user_id=user)
    for each in range(1, number + 1):
        await dialog.tell(Step(each), id=f"{user}-{each}")
        report.accepted += 1
        await asyncio.sleep(pace)


async def _check(remote: RemoteRuntime, user: int, number: int, report: Report) -> None:
    """Ask a dialog, once it has handled everything."""
    dialog = remote.dialog("test.1", chat_id=user, user_id=user)
    found = Count(0, [])
    end = time.monotonic() + 60 + number
    while found.number < number and time.monotonic() < end:
        with contextlib.suppress(AskTimeoutError, RemoteUnavailableError):
            found = await dialog.ask(GetCount(), Count, timeout=5)
        await asyncio.sleep(0.05)
    report.messages += found.number
    report.faults += [f"{user}: {fault}" for fault in found.faults]
    if found.number != number:
        report.faults.append(f"{user}: {number} were accepted, {found.number} came")


def main() -> int:
    """Run the campaigns that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--pace", type=float, default=0.02)
    parser.add_argument(
        "--door", action="append", choices=["http", "http-redis", "stream"]
    )
    given = parser.parse_args()
    reports = [
        asyncio.run(campaign(door, given.messages, kills=given.kills, pace=given.pace))
        for door in given.door or ["http", "http-redis", "stream"]
    ]
    for report in reports:
        print(report, *report.faults[:20], sep="\n  ")  # noqa: T201  # a command
    return int(any(report.faults for report in reports))


if __name__ == "__main__":
    sys.exit(main())
