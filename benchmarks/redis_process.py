"""A process of a bot with the dialog of the clicks, which does what it is told.

It reads commands, a line of JSON each, and answers each with a line. `Process` starts one.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, TypeAlias, cast

from clicks_duologue import Nobody, counting
from max_null import started
from polled import BATCH, PolledBot, TimedHttp

from duologue import Runtime
from duologue.dialogs import Callback, DialogManager
from duologue.dialogs.widgets.kbd import Button
from duologue.transport.redis import RedisEngine

Said: TypeAlias = dict[str, object]


class Process:
    """A process that does what it is told.

    Args:
        url: The server.
        namespace: What tells this run from others.
        lease: Seconds after which others take over what it had.
        handler: Seconds that a handler takes.

    Attributes:
        shown: When it has shown what a press changed, by the number of the press.
        accepted: When it was brought a press.
    """

    def __init__(
        self, url: str, namespace: str, *, lease: float = 10.0, handler: float = 0.0
    ) -> None:
        command = [sys.executable, __file__, url, namespace, str(lease), str(handler)]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._pipe = cast("IO[str]", self._process.stdin)
        self.shown: dict[int, float] = {}
        self.accepted: dict[int, float] = {}
        self._answers: list[Said] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, what: str, **values: object) -> Said:
        """Have it do something, and return what it says to that.

        Raises:
            RuntimeError: It has ended.
        """
        number = len(self._answers)
        self._write({"what": what, **values})
        while len(self._answers) == number:
            if not self._reader.is_alive():
                raise RuntimeError(f"a process has ended with {self._process.wait()}")
            time.sleep(0.002)
        return self._answers[number]

    def kill(self) -> float:
        """End it at once; tell when that was."""
        self._process.kill()
        when = time.monotonic()
        self._process.wait()
        self._reader.join()
        return when

    def end(self) -> None:
        """Let it leave, if it is still there."""
        with suppress(BrokenPipeError):
            self._write({"what": "end"})
        with suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()
        self._reader.join()

    def _write(self, command: Mapping[str, object]) -> None:
        self._pipe.write(json.dumps(command) + "\n")
        self._pipe.flush()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            said = cast("Said", json.loads(line))
            number, at = said.get("press"), cast("float", said.get("at"))
            if number is None:
                self._answers.append(said)
            elif said["is_shown"]:
                self.shown[cast("int", number)] = at
            else:
                self.accepted[cast("int", number)] = at


class _Http(TimedHttp):
    """Says when a press is answered, if it shall."""

    speaks = False

    def _keep(self, query: Mapping[str, str], body: bytes) -> None:
        super()._keep(query, body)
        name = query.get("callback_id")
        if self.speaks and name is not None:
            _say(press=int(name.split(".")[1]), is_shown=True, at=time.monotonic())


def _say(**values: object) -> None:
    print(json.dumps(values), flush=True)


class _Worker:
    def __init__(
        self, runtime: Runtime, bot: PolledBot, http: _Http, group: asyncio.TaskGroup
    ) -> None:
        self._runtime, self._bot, self._http = runtime, bot, http
        self._group = group
        self._updates: list[bytes] = []
        self._began = 0.0

    async def do(self, command: Said) -> Said:
        """Do what is told."""
        match command["what"]:
            case "open":
                chats = range(*cast("list[int]", command["chats"]))
                await self._accept([started(chat) for chat in chats])
            case "views":
                return {
                    "views": {chat: self._http.view(chat) for chat in self._http.last}
                }
            case "prepare":
                file = Path(str(command["file"]))
                lines = await asyncio.to_thread(file.read_bytes)
                self._updates = lines.splitlines()
            case "go":
                self._began = time.process_time()
                self._group.create_task(self._press())
            case "go in time":
                self._group.create_task(self._press_in_time())
            case "speak":
                self._http.speaks = True
            case _:
                pass
        return {
            "requests": self._http.requests,
            "seconds": time.process_time() - self._began,
        }

    async def _accept(self, updates: Sequence[bytes]) -> None:
        accepted = [await self._runtime.accept(self._bot, update) for update in updates]
        for safe in accepted:
            if safe is not None:
                await safe

    async def _press(self) -> None:
        for first in range(0, len(self._updates), BATCH):
            await self._accept(self._updates[first : first + BATCH])

    async def _press_in_time(self) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for line in self._updates:
                number, due, update = line.split(b" ", 2)
                pause = began + float(due) - time.monotonic()
                await asyncio.sleep(max(pause, 0.0))
                group.create_task(self._accept_one(int(number), update))

    async def _accept_one(self, number: int, update: bytes) -> None:
        """Say of a press that it came, when it is safe; else it would come again."""
        at = time.monotonic()
        await self._accept([update])
        _say(press=number, is_shown=False, at=at)


async def _work(url: str, namespace: str, lease: float, handler: float) -> None:
    async def on_click(_: Callback, __: Button, manager: DialogManager) -> None:
        if handler:
            await asyncio.sleep(handler)
        manager.dialog_data["count"] += 1

    bot, http = PolledBot(), _Http()
    bot.timed = bot.http = bot._http = http  # noqa: SLF001 - it is a bot of benchmarks
    engine = RedisEngine(url, namespace=namespace, lease=lease)
    dispatcher = counting(1, on_click)
    runtime = Runtime(dispatcher, [bot], engine=engine, polling=None, observer=Nobody())
    async with runtime, asyncio.TaskGroup() as group:
        worker = _Worker(runtime, bot, http, group)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            if command["what"] == "end":
                return
            _say(**await worker.do(command))


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
