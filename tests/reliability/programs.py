"""The bot's process, seen from the driver."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.reliability.bot import Start

BOT = Path(__file__).with_name("bot.py")
ROOT = Path(__file__).parents[2]


class Nursery:
    """Starts the bot, one process at a time, from one that has imported everything.

    Args:
        log: Where what the bots say goes.
        package: A folder to take the package from, instead of the installed one.
        bot: The program of the bot.
    """

    def __init__(
        self, log: Path, package: Path | None = None, *, bot: Path = BOT
    ) -> None:
        self._log = log
        self._package = package
        self._bot = bot
        self._process: asyncio.subprocess.Process | None = None
        self.pid = 0

    async def __aenter__(self) -> Self:
        env = dict(os.environ)
        folders = [ROOT] if self._package is None else [self._package, ROOT]
        env["PYTHONPATH"] = os.pathsep.join(map(str, folders))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(self._bot),
                env=env,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert await self._line() == "ready"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def start(self, start: Start) -> None:
        """Start the bot."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(start)}\n".encode())
        self.pid = int(await self._line())

    def send(self, number: signal.Signals) -> None:
        """Send the bot a signal."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self) -> int:
        """Wait for the end of the bot; give its exit code, negative for a signal."""
        code = await self._line()
        self.pid = 0
        return int(code)

    async def kill(self) -> None:
        """Kill the bot as nobody can refuse, and wait until it is gone."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().strip()
        assert line, f"the bots' process has ended; see {self._log}"
        return line
