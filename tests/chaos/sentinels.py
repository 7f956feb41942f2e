"""Two servers and three sentinels that look after them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import cast

import redis.asyncio as redis

from tests.servers import RedisServer

MASTER = "shop"
_NUMBER = 3
_PATIENCE = 60.0
_SETTINGS = """\
sentinel monitor {master} 127.0.0.1 {port} 2
sentinel down-after-milliseconds {master} 3000
sentinel failover-timeout {master} 3000
"""


class Sentinels:
    """A master, a replica, and what decides which is which.

    Args:
        program: The server.
        folder: Where each keeps what is its own.
        options: Of both servers.
    """

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self._program = program
        self._folder = folder
        self._options = options
        self._servers: dict[int, RedisServer] = {}
        self._sentinels: list[RedisServer] = []
        self._doors: list[int] = []
        self.master = 0

    @property
    def url(self) -> str:
        """Where bots find the master."""
        doors = ",".join(f"127.0.0.1:{port}" for port in self._doors)
        return f"redis+sentinel://{doors}/{MASTER}"

    @property
    def here(self) -> str:
        """Where the master is now."""
        return f"redis://127.0.0.1:{self.master}"

    def start(self) -> None:
        """Start all of them, and return when they answer."""
        self.master, replica = _free_port(), _free_port()
        self._start(self.master)
        self._start(replica, self.master)
        for _ in range(_NUMBER):
            port = _free_port()
            place = self._folder / f"sentinel-{port}"
            place.mkdir()
            settings = place / "sentinel.conf"
            text = _SETTINGS.format(master=MASTER, port=self.master)
            settings.write_text(text, "utf-8")
            options = ("--port", str(port), "--bind", "127.0.0.1", "--sentinel")
            one = RedisServer(self._program, *options, folder=place, settings=settings)
            one.start()
            self._sentinels.append(one)
            self._doors.append(port)

    def stop(self) -> None:
        """End all of them."""
        for each in (*self._sentinels, *self._servers.values()):
            each.stop()

    async def ready(self) -> None:
        """Wait until the master has its replica, and the sentinels know of both."""
        async with asyncio.timeout(_PATIENCE):
            while not await self._is_whole():  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.1)

    def stop_replica(self) -> None:
        """Have the replica hear nothing for a while."""
        self._signal_replica(signal.SIGSTOP)

    def let_replica_go_on(self) -> None:
        """Have it hear what was said meanwhile."""
        self._signal_replica(signal.SIGCONT)

    async def fail_over(self, *, is_cut: bool) -> None:
        """Kill the master; return when the other one is, and has the first as its replica.

        Args:
            is_cut: Whether the replica does not hear what the master says last.
        """
        before = self.master
        self._servers[before].kill()
        if is_cut:
            self.let_replica_go_on()
        async with asyncio.timeout(_PATIENCE):
            while (port := await self._said_master()) in (0, before):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        self.master = port
        await asyncio.to_thread(self._start, before, port)
        await self.ready()

    def _start(self, port: int, of: int | None = None) -> None:
        place = self._folder / f"server-{port}"
        place.mkdir(exist_ok=True)
        options = ["--port", str(port), "--bind", "127.0.0.1", *self._options]
        options += ["--repl-diskless-sync-delay", "0"]
        if of is not None:
            options += ["--replicaof", f"127.0.0.1 {of}"]
        self._servers[port] = RedisServer(self._program, *options, folder=place)
        self._servers[port].start()

    def _signal_replica(self, which: signal.Signals) -> None:
        for port, each in self._servers.items():
            if port != self.master:
                os.kill(each.pid, which)

    async def _said_master(self) -> int:
        return int((await self._said(self._doors[0])).get("port", "0"))

    async def _said(self, door: int) -> dict[str, str]:
        """What a sentinel knows of the master."""
        async with redis.Redis(port=door) as client:
            command = ("SENTINEL", "MASTER", MASTER)
            found = await client.execute_command(*command)  # type: ignore[no-untyped-call] # theirs
        known = cast("dict[bytes, bytes]", found)
        return {name.decode(): value.decode() for name, value in known.items()}

    async def _is_whole(self) -> bool:
        # On a busy machine they may have chosen once more meanwhile.
        self.master = await self._said_master() or self.master
        async with redis.Redis(port=self.master) as client:
            info = cast("dict[str, object]", await client.info("replication"))
        replica = info.get("slave0")
        if not isinstance(replica, dict) or replica.get("state") != "online":
            return False
        for door in self._doors:
            known = await self._said(door)
            wanted = {"num-slaves": "1", "num-other-sentinels": str(_NUMBER - 1)}
            wanted |= {"flags": "master", "port": str(self.master)}
            if any(known.get(name) != value for name, value in wanted.items()):
                return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])
