"""A cluster of three primaries with a replica each, one of which is killed at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.clusters import RedisCluster

_FAILOVER = 0.5  # seconds after which a primary that says nothing is replaced


class Cluster:
    """Six servers that are one.

    Args:
        program: The server.
        folder: Where each keeps what is its own.
        options: Of all of them.
    """

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        own = folder / "servers"
        self._all = RedisCluster(program, *options, folder=own, failover=_FAILOVER)

    @property
    def url(self) -> str:
        """Where bots find it."""
        return self._all.url

    @property
    def here(self) -> str:
        """Where what is kept can be read."""
        return self._all.url

    def start(self) -> None:
        """Start all of them, and return when they are whole."""
        self._all.start()

    def stop(self) -> None:
        """End all of them."""
        self._all.stop()

    async def ready(self) -> None:
        """They are when they have started."""

    def primaries(self) -> list[int]:
        """The servers that have slots now."""
        return self._all.primaries()

    async def fail_over(self, number: int) -> None:
        """Kill a primary; return when its replica has taken its place."""
        before = len(await asyncio.to_thread(self.primaries))
        await asyncio.to_thread(self._all.nodes[number].kill)
        while len(await asyncio.to_thread(self.primaries)) < before:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)

    async def mend(self, number: int) -> None:
        """Start a server again, and return when the cluster is whole."""
        await asyncio.to_thread(self._all.nodes[number].start)
        await asyncio.to_thread(self._all.settle)
