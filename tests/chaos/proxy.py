"""A way to the server that loses answers, holds everything up, or takes its time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_CHUNK = 65536


class Proxy:
    """Stands between a process and the server.

    Args:
        rng: Decides what is lost.
        here: The socket on which it is found.
        there: The socket of the server.

    Attributes:
        loss: How often an answer is lost, and its connection with it.
        delay: The most seconds that something takes, in each direction.
        counts: How often what was done.
    """

    def __init__(self, rng: random.Random, here: Path, there: Path) -> None:
        self._rng = rng
        self._here = here
        self._there = there
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._ways: set[asyncio.Task[None]] = set()
        self.loss = 0.0
        self.delay = 0.0
        self.counts: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._connected, self._here)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for way in self._ways:
            way.cancel()
        if self._ways:
            await asyncio.wait(self._ways)

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"unix://{self._here}"

    def hold(self) -> None:
        """Let nothing through; what comes is kept."""
        self._is_open.clear()

    def let_go(self) -> None:
        """Let everything through again, also what nobody waits for any more."""
        self._is_open.set()

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        way = asyncio.current_task()
        assert way is not None
        self._ways.add(way)
        try:
            await self._is_open.wait()
            up = await asyncio.open_unix_connection(self._there)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, up[1], loses=False))
                    group.create_task(self._pass(up[0], writer, loses=True))
            finally:
                up[1].close()
        except OSError:
            pass  # there is no server now
        finally:
            writer.close()
            self._ways.discard(way)

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, loses: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._is_open.wait()
                if loses and self._rng.random() < self.loss:
                    self.counts["answers lost"] += 1
                    break
                if self.delay:
                    await asyncio.sleep(self.delay * self._rng.random())
                to.write(chunk)
                await to.drain()
        # What was under way is with the other side by now; nothing follows.
        to.close()
