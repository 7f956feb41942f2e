"""Many idle dialogs in a file: its size, the memory of a process, and how it starts.

Each part is a program of its own (`run`): one fills the file and ends, one starts with it and
does nothing, one gets presses and dies in the middle of them, one starts after that. One has
a file of its own: there presses wait behind handlers that do not end.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from actors import resident
from clicks import FIRST_CHAT
from clicks_duologue import Nobody, counting
from max_null import clicked, started
from polled import PolledBot

from duologue import Dispatcher, Runtime
from duologue.dialogs import Callback, Capabilities, DialogManager, Settings
from duologue.dialogs.widgets.kbd import Button
from duologue.transport.sqlite import SqliteEngine

_KB = 1  # thousand bytes of data in each dialog
_PATIENCE = 1800.0
_AT_ONCE = 1000
_BUSY = 100  # chats whose handlers do not end
_LONG = 3600.0
_COUNTS = ("SELECT count(*) FROM owed", "SELECT count(*) FROM mail")


def run(part: str, file: Path, number: int) -> float:
    """Run one part in a process of its own.

    Args:
        part: Its name.
        file: The state file.
        number: How many dialogs it is about.

    Returns:
        What it has measured.
    """
    command = [sys.executable, __file__, part, str(file), str(number)]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, str(time.monotonic())],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_PATIENCE,
    )
    if not done.stdout:
        raise RuntimeError(f"{part} ended with {done.returncode}")
    return float(done.stdout)


class _HastyBot(PolledBot):
    """A bot that answers presses soon: nothing but mail is left of those that wait."""

    @property
    def capabilities(self) -> Capabilities:
        """Those of MAX, but for the time."""
        return replace(super().capabilities, answer_deadline=0.1)


def _runtime(file: Path, bot: PolledBot, dispatcher: Dispatcher) -> Runtime:
    return Runtime(
        dispatcher,
        [bot],
        engine=SqliteEngine(file),
        settings=Settings(turn_timeout=_LONG),
        state_dir=file.parent,
        observer=Nobody(),
    )


async def fill(file: Path, number: int) -> float:
    """Open so many dialogs; tell the bytes of the file for each of them."""
    bot = PolledBot()
    async with _runtime(file, bot, counting(_KB)):
        for first in range(FIRST_CHAT, FIRST_CHAT + number, _AT_ONCE):
            last = min(first + _AT_ONCE, FIRST_CHAT + number)
            await bot.work_off([started(chat) for chat in range(first, last)])
    view = file.with_suffix(".view")
    views = {chat: bot.http.view(chat) for chat in bot.http.last}
    view.write_text(json.dumps(views), encoding="utf-8")
    return (await asyncio.to_thread(file.stat)).st_size / number


async def idle(file: Path, number: int) -> float:
    """Start, and tell the bytes of the process that are resident."""
    del number
    async with _runtime(file, PolledBot(), counting(_KB)):
        await asyncio.sleep(1)
        return resident()


async def die(file: Path, number: int) -> float:
    """Die when so many chats have a view that is not drawn, and a press that waits."""
    bot = PolledBot()

    async def on_click(_: Callback, __: Button, manager: DialogManager) -> None:
        manager.dialog_data["count"] += 1
        if manager.dialog_data["count"] > 1:
            await asyncio.Event().wait()

    views = json.loads(file.with_suffix(".view").read_text(encoding="utf-8"))
    chats = range(FIRST_CHAT, FIRST_CHAT + number)
    async with _runtime(file, bot, counting(_KB, on_click)):
        bot.timed.be_silent()
        for press, count in enumerate(_COUNTS):
            bot.give(
                [
                    clicked(chat, press * number + chat, views[str(chat)])
                    for chat in chats
                ]
            )
            while not await asyncio.to_thread(_are_written, file, count, number):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        print(number, flush=True)
        os._exit(1)


async def start(file: Path, number: int) -> float:
    """Start after that; tell the seconds from the start of Python to the first turn."""
    del number
    began = float(sys.argv[4])
    turned = asyncio.get_running_loop().create_future()

    async def on_click(_: Callback, __: Button, manager: DialogManager) -> None:
        manager.dialog_data["count"] += 1
        if not turned.done():
            turned.set_result(time.monotonic() - began)

    async with _runtime(file, PolledBot(), counting(_KB, on_click)):
        seconds: float = await turned
        print(seconds, flush=True)
        os._exit(0)


async def wait(file: Path, number: int) -> float:
    """Have presses wait for busy chats; tell the bytes that each takes in the process.

    It is what as many more add to those that wait already.
    """
    bot = _HastyBot()

    async def on_click(_: Callback, __: Button, ___: DialogManager) -> None:
        await asyncio.Event().wait()

    tracemalloc.start()
    chats = range(FIRST_CHAT, FIRST_CHAT + _BUSY)
    async with _runtime(file, bot, counting(0, on_click)):
        await bot.work_off([started(chat) for chat in chats])
        views = [bot.http.view(chat) for chat in chats]
        waiting = before = 0
        for more in (_BUSY + number, number):
            before = tracemalloc.get_traced_memory()[0]
            presses = range(waiting, waiting + more)
            bot.give(
                [
                    clicked(chats[press % _BUSY], press, views[press % _BUSY])
                    for press in presses
                ]
            )
            waiting += more
            while not await asyncio.to_thread(_are_written, file, _COUNTS[1], waiting):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
            await asyncio.sleep(1)  # until they are answered
            bot.fetched.clear()
            gc.collect()
        print((tracemalloc.get_traced_memory()[0] - before) / number, flush=True)
        os._exit(0)


def _are_written(file: Path, count: str, number: int) -> bool:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
        (found,) = db.execute(count).fetchone()
        return int(found) >= number


_PARTS = {"fill": fill, "idle": idle, "die": die, "start": start, "wait": wait}


if __name__ == "__main__":
    print(asyncio.run(_PARTS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
