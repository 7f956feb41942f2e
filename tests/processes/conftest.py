"""Bot programs in processes of their own, and a gate that holds their turns."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

BOT = Path(__file__).with_name("bot.py")


class Gate:
    """Where a bot waits inside a turn until the test lets it go on."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        self._held: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._arrive, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._held:
            writer.close()

    async def arrival(self) -> None:
        """Wait until one more turn is held."""
        async with asyncio.timeout(60):
            self._held.append(await self._waiting.get())

    def let_through(self) -> None:
        """Let the turn that came last go on."""
        self._held[-1].write(b"go\n")

    async def _arrive(
        self, _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._waiting.put_nowait(writer)


class Program:
    """A running bot program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # A test that ran out of time may still be reading while the process is ended.
        self._reading = asyncio.Lock()
        self.log = ""

    async def says(self, words: str) -> None:
        """Wait until it writes a line with these words to its error output."""
        line = await self._line()
        while words not in line:
            assert line, f"it never said {words!r}, but:\n{self.log}"
            line = await self._line()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end and give the exit code, negative for a signal."""
        while await self._line():
            pass
        return await self._process.wait()

    async def insist(self, number: int) -> int:
        """Send a signal again and again until it has ended, as a person would.

        A signal that arrives just before a blocking call does not interrupt it.
        """
        ended = asyncio.ensure_future(self.ended())  # noqa: TID251  # awaited below
        while not ended.done():
            with suppress(ProcessLookupError):
                self.signal(number)
            await asyncio.wait([ended], timeout=0.5)
        return await ended

    async def kill(self) -> None:
        """End it if it still runs, and show what it has said if the test fails."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self.ended()
        sys.stderr.write(self.log)

    async def _line(self) -> str:
        assert self._process.stderr is not None
        async with self._reading:
            line = (await self._process.stderr.readline()).decode()
        self.log += line
        return line


class Bench:
    """Starts bot programs that share a state folder and a journal."""

    def __init__(self, folder: Path, gate: Gate, ends: AsyncExitStack) -> None:
        self.gate = gate
        self._folder = folder
        self._ends = ends

    @property
    def state(self) -> Path:
        """The state folder."""
        return self._folder / "state"

    @property
    def journal(self) -> list[str]:
        """What the programs have handled so far, in order."""
        path = self._folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    async def start(
        self, url: str, token: str, *, drain: float = 600.0, engine: str = "memory"
    ) -> Program:
        """Start a program.

        Args:
            url: Its messenger.
            token: What it says who it is.
            drain: Seconds that it takes for finishing.
            engine: What keeps its state.
        """
        journal = self._folder / "journal"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(BOT, token, self.state, journal, str(self.gate.port), str(drain)),
            env={**os.environ, "DUOLOGUE_MAX_URL": url, "DUOLOGUE_ENGINE": engine},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        program = Program(process)
        self._ends.push_async_callback(program.kill)
        return program


@pytest.fixture
async def gate() -> AsyncGenerator[Gate, None]:
    gate = Gate()
    await gate.open()
    yield gate
    await gate.close()


@pytest.fixture
async def bench(tmp_path: Path, gate: Gate) -> AsyncGenerator[Bench, None]:
    async with AsyncExitStack() as ends:
        yield Bench(tmp_path, gate, ends)
