"""Presses through a runtime that polls, on one engine or another."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from clicks import FIRST_CHAT, Job, Result, check_screens, stopwatch
from clicks_duologue import Nobody, counting
from max_null import clicked, started
from polled import PolledBot

from duologue import Runtime
from duologue.actors import Engine, MemoryEngine
from duologue.transport.sqlite import SqliteEngine

SYNC = 0.05  # seconds that the slow disk takes


class SlowDisk(SqliteEngine):
    """A file on a disk that takes its time to sync; the thread that writes waits.

    Attributes:
        syncs: When each sync began.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.syncs: list[float] = []

    def _connect(self, database: str) -> sqlite3.Connection:
        connection = super()._connect(database)
        connection.set_trace_callback(self._sync)
        return connection

    def _sync(self, statement: str) -> None:
        if statement == "COMMIT":
            self.syncs.append(time.perf_counter())
            time.sleep(SYNC)

    def between(self, first: float, last: float) -> int:
        """How many syncs were on their way between two times, or a part of them."""
        began = bisect_left(self.syncs, first - SYNC)
        return bisect_left(self.syncs, last) - began


@dataclass(frozen=True, slots=True)
class Waited:
    """What a press has waited for, from the poll that brought it to its view.

    Attributes:
        seconds: How long.
        syncs: How many syncs were on their way meanwhile.
    """

    seconds: float
    syncs: int


def in_memory(_: Path) -> Engine:
    """The engine that ends with the process."""
    return MemoryEngine()


def in_file(folder: Path) -> Engine:
    """The engine that outlives it."""
    return SqliteEngine(folder / "state.db")


@asynccontextmanager
async def polling(
    make: Callable[[Path], Engine], data_kb: int = 0
) -> AsyncGenerator[PolledBot]:
    """A bot with the dialog of the clicks, which is being polled for."""
    bot = PolledBot()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = make(folder)
        async with Runtime(
            counting(data_kb), [bot], engine=engine, state_dir=folder, observer=Nobody()
        ):
            yield bot


async def opened(bot: PolledBot, job: Job) -> list[list[bytes]]:
    """Open the dialog in each chat, and make the presses, a batch for each round."""
    await bot.work_off([started(chat) for chat in job.everywhere])
    return [
        [
            clicked(chat, number * job.chats + chat, bot.http.view(chat))
            for chat in job.everywhere
        ]
        for number in range(job.each)
    ]


@dataclass(frozen=True, slots=True)
class Engines:
    """Handles presses on an engine, a batch after the other.

    Attributes:
        make: Makes the engine, in a folder.
    """

    make: Callable[[Path], Engine]

    async def __call__(self, job: Job) -> Result:
        """Open the dialog in each chat, then time the presses."""
        async with polling(self.make, job.data_kb) as bot:
            rounds = await opened(bot, job)
            requests, views = bot.http.requests, bot.http.views
            with stopwatch() as watch:
                for updates in rounds:
                    await bot.work_off(updates)
        shown = {chat: str(bot.http.view(chat)["text"]) for chat in bot.http.last}
        check_screens(shown, job)
        return Result(
            job.clicks,
            bot.http.requests - requests,
            bot.http.views - views,
            watch.seconds,
        )


async def press_latencies(chats: int, presses: int) -> list[Waited]:
    """What presses wait for on a slow disk.

    Args:
        chats: All of them press, and again when each press is drawn.
        presses: How often each.
    """
    everywhere = range(FIRST_CHAT, FIRST_CHAT + chats)
    waited: list[Waited] = []
    disks: list[SlowDisk] = []

    def slow(folder: Path) -> Engine:
        disks.append(SlowDisk(folder / "state.db"))
        return disks[0]

    async with polling(slow) as bot:
        await bot.work_off([started(chat) for chat in everywhere])
        for number in range(presses):
            updates = [
                clicked(chat, number * chats + chat, bot.http.view(chat))
                for chat in everywhere
            ]
            bot.fetched.clear()
            await bot.work_off(updates)
            for chat, fetched in zip(everywhere, bot.fetched, strict=True):
                shown = bot.timed.shown[chat]
                syncs = disks[0].between(fetched, shown)
                waited.append(Waited(shown - fetched, syncs))
    return waited
