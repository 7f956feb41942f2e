"""An empty folder in which somebody tries their first programs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SECRET = "s3cret-of-the-first-bot"  # noqa: S105  # given to programs, never to be seen

# What a newcomer has not set, and what changes how output is written and found.
UNUSUAL = {"PYTHONSAFEPATH", "PYTHONUNBUFFERED"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended.

    Attributes:
        status: Its exit status.
        output: What it wrote to standard output.
        errors: What it wrote to standard error.
    """

    status: int
    output: str
    errors: str

    @property
    def last_line(self) -> str:
        return self.errors.strip().splitlines()[-1]


class Folder:
    """Where the programs lie, and where they are started."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.secret = SECRET
        self._running: list[asyncio.subprocess.Process] = []

    def write(self, name: str, text: str) -> None:
        """Save a program."""
        (self.path / name).write_text(text, encoding="utf-8")

    async def start(
        self,
        *command: str,
        files: tuple[int, ...] = (),
        through: tuple[str, ...] = (),
        **environment: str,
    ) -> asyncio.subprocess.Process:
        """Start Python with these arguments; the variables are added to ours.

        Args:
            command: What follows `python`.
            files: Descriptors that it gets beside the standard ones.
            through: A program that runs it, with its arguments.
            environment: Variables beside ours.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("DUOLOGUE_") and name not in UNUSUAL
        }
        process = await asyncio.create_subprocess_exec(
            *through,
            sys.executable,
            *command,
            cwd=self.path,
            env={**inherited, **environment},
            pass_fds=files,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._running.append(process)
        return process

    async def run(self, *command: str, **environment: str) -> Ended:
        """Run Python to its end, and see that it keeps the secret."""
        return await self.ended(
            await self.start(*command, files=(), through=(), **environment)
        )

    async def ended(self, process: asyncio.subprocess.Process, said: str = "") -> Ended:
        """Wait for the end of a program, and see that it kept the secret."""
        output, errors = await process.communicate()
        assert process.returncode is not None
        ended = Ended(process.returncode, output.decode(), said + errors.decode())
        assert SECRET not in ended.output + ended.errors
        return ended

    async def close(self) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncGenerator[Folder, None]:
    folder = Folder(tmp_path)
    yield folder
    await folder.close()
