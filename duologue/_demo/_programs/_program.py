"""The programs that the demo starts, and how they end."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Never, Self

from duologue.errors import ProgramEndedError

GRACE = 4.0
"""Seconds between the request to end and the end by force."""
TAIL = 4000
"""Characters of a program's output that are worth showing."""
_LEASH = "duologue._demo._programs._child"


class Program:
    """A Python module in a process of its own, for the length of an `async with`.

    It has its own session, so that Ctrl+C in a terminal reaches only the demo, which
    then ends its programs in order. If the demo is killed, the program ends by itself.

    Args:
        name: What messages call it.
        command: The module and its arguments.
        log: The file that takes what it writes.
        environment: Variables beside those of this process.
        is_read: Whether `line` reads its standard output; else that goes to the log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        is_read: bool = False,
    ) -> None:
        self.name = name
        self._command = tuple(command)
        self._log = log
        self._environment = dict(environment or {})
        self._is_read = is_read
        self._process: Process | None = None
        self._is_up = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def start(self) -> None:
        """Start it, at the beginning or after `kill`; its log goes on."""
        # The child keeps the file open; opening one does not block for long.
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _LEASH,
                *self._command,
                stdin=PIPE,
                stdout=PIPE if self._is_read else log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        self._is_up.set()

    async def kill(self) -> int:
        """Kill it, as `kill -9` does; until the next `start` it does not run.

        Returns:
            Its exit status, negative for a signal.
        """
        process = self._running()
        self._is_up.clear()
        _signal(process, force=True)
        await process.communicate()
        return await process.wait()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it: ask first, then use force."""
        await self.end()

    async def end(self) -> None:
        """End it in order, and by force if it does not; `start` starts it again."""
        process = self._running()
        self._is_up.clear()
        try:
            _signal(process, force=False)
            async with asyncio.timeout(GRACE):
                await process.communicate()
        except TimeoutError:
            _signal(process, force=True)
            await process.communicate()
        finally:
            _signal(process, force=True)

    async def line(self) -> str:
        """Read the next line that it writes to standard output.

        Raises:
            ProgramEndedError: It ended instead.
        """
        stdout = self._running().stdout
        assert stdout is not None  # noqa: S101  # said so at the start
        line = await stdout.readline()
        if not line:
            await self.ended()
        return line.decode()

    async def ended(self) -> Never:
        """Wait until it ends by itself, which it should not.

        Raises:
            ProgramEndedError: It did.
        """
        while True:
            process = self._running()
            status = await process.wait()
            if self._is_up.is_set() and process is self._process:
                break
            await self._is_up.wait()
        raise ProgramEndedError(self.name, status, self.output())

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._running().returncode

    def output(self) -> str:
        """The end of what it wrote into its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-TAIL:].strip()

    def _running(self) -> Process:
        assert self._process is not None  # noqa: S101  # __aenter__ has set it
        return self._process


def _signal(process: Process, *, force: bool) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill() if force else process.terminate()
