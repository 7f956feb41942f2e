"""The order of what one program sends to one actor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """Lets those who send to one actor do so one after another, as they came."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, ref: str) -> AsyncGenerator[None]:
        """Wait for those who send to the same actor."""
        lock, waiting = self._locks.get(ref) or (asyncio.Lock(), 0)
        self._locks[ref] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[ref]
            if waiting == 1:
                del self._locks[ref]
            else:
                self._locks[ref] = lock, waiting - 1
