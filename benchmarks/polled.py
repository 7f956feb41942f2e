"""A bot on MAX without the network that is polled, as a program polls it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence

from max_null import NullBot, NullHttp

from duologue.dialogs import Batch, CallKind
from duologue.transport.max._http import HttpReply

# As many updates as one answer to a poll holds at most.
BATCH = 100


class TimedHttp(NullHttp):
    """Notes when each chat was shown something, and answers only while it may."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.shown: dict[int, float] = {}
        self._silent = False

    async def exchange(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> HttpReply:
        """Take note of the body, and answer."""
        if self._silent:
            await asyncio.Event().wait()
        return await super().exchange(verb, path, query=query, body=body, within=within)

    def be_silent(self) -> None:
        """Take no request any more, and answer none."""
        self._silent = True

    def _keep(self, query: Mapping[str, str], body: bytes) -> None:
        self.shown[int(next(iter(query.values())).rpartition(".")[2])] = (
            time.perf_counter()
        )
        super()._keep(query, body)


class PolledBot(NullBot):
    """A bot on MAX that gives out what it is told, when it is polled.

    It has no rate limits: theirs is memory of the last calls, and goes with the next.
    """

    def __init__(self) -> None:
        super().__init__(one_call=True, round_trip=0.0)
        self.timed = self.http = self._http = TimedHttp()
        self.fetched: list[float] = []
        self._batches: asyncio.Queue[list[bytes]] = asyncio.Queue()
        self._marker = 0

    async def get_updates(
        self,
        *,
        marker: int | None,
        limit: int,
        timeout: float,  # noqa: ASYNC109 - the port's signature
        types: Sequence[str] | None,
    ) -> Batch:
        """Wait for the next batch."""
        del marker, limit, types
        try:
            async with asyncio.timeout(timeout):
                batch = await self._batches.get()
        except TimeoutError:
            batch = []
        self._marker += 1
        read = [json.loads(update) for update in batch]
        self.fetched.extend([time.perf_counter()] * len(batch))
        return Batch(read, self._marker)

    async def ready(self, chat_id: int, kind: CallKind = "edit") -> None:
        """Never wait."""

    def ready_now(self, chat_id: int, kind: CallKind = "edit") -> bool:
        """Allow each call."""
        del chat_id, kind
        return True

    def give(self, updates: Sequence[bytes]) -> None:
        """Have the next polls bring these, in batches."""
        for start in range(0, len(updates), BATCH):
            self._batches.put_nowait(list(updates[start : start + BATCH]))

    async def work_off(self, updates: Sequence[bytes]) -> None:
        """Give these out, and wait until each of them is drawn."""
        sent = self.http.requests
        self.give(updates)
        await self.http.sent(sent + len(updates))
