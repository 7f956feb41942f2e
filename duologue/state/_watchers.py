"""Who watches States, and how they learn that one has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from duologue.actors import Engine
from duologue.state._values import Values

_LOOK: Final = 1.0  # seconds between looks at what other processes have written


class Watchers:
    """Those who watch the States of a keeper.

    Args:
        engine: Where the States are.
        is_shared: Whether other processes write there, too, and tell nobody.
    """

    def __init__(self, engine: Engine, *, is_shared: bool) -> None:
        self._engine = engine
        self._is_shared = is_shared
        self._events: dict[str, list[asyncio.Event]] = {}
        self._is_open = True

    def tell(self, key: str) -> None:
        """Tell those who watch one that it has changed."""
        for event in self._events.get(key, ()):
            event.set()

    def close(self) -> None:
        """Let all of them end."""
        self._is_open = False
        for key in self._events:
            self.tell(key)

    async def follow(
        self, key: str, read: Callable[[], Awaitable[Values]]
    ) -> AsyncIterator[Values]:
        """The values now, and whenever they have changed; the newest only."""
        event = asyncio.Event()
        events = self._events.setdefault(key, [])
        events.append(event)
        try:
            while self._is_open:
                event.clear()
                line = await self._engine.read(key) if self._is_shared else None
                yield await read()
                await self._change(key, line, event)
        finally:
            events.remove(event)
            if not events:
                self._events.pop(key, None)

    async def _change(self, key: str, line: bytes | None, event: asyncio.Event) -> None:
        """Wait until somebody has written."""
        while not event.is_set():
            if not self._is_shared:
                await event.wait()
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), _LOOK)
            if await self._engine.read(key) != line:
                return
