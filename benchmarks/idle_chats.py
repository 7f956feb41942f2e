"""How much memory a chat takes that nobody writes to."""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
import tracemalloc
from collections.abc import Sequence

from clicks import FIRST_CHAT
from clicks_duologue import Nobody, counting
from max_null import NullBot, clicked, started
from pykka import ActorRegistry

from duologue import Runtime
from duologue.dialogs import Batch, CallKind, Settings
from duologue.transport import PollerSettings

# Seconds; a dialog actor is let go after the first, and looked for each second one.
_IDLE_AFTER = 0.2
_LOOK_EVERY = 0.05
# Enough for what a chat remembers of its last updates to weigh something.
_PRESSES = 25


class _PolledBot(NullBot):
    """A bot on MAX that gives out what it is told, when it is polled.

    It has no rate limits: theirs is memory of the last calls, and goes with the next.
    """

    def __init__(self) -> None:
        super().__init__(one_call=True, round_trip=0.0)
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
        return Batch([json.loads(update) for update in batch], self._marker)

    async def ready(self, chat_id: int, kind: CallKind = "edit") -> None:
        """Never wait."""

    def ready_now(self, chat_id: int, kind: CallKind = "edit") -> bool:
        """Allow each call."""
        del chat_id, kind
        return True

    def give(self, updates: list[bytes]) -> None:
        """Have the next poll bring these."""
        self._batches.put_nowait(updates)


async def idle_bytes(chats: int) -> float:
    """Bytes that a chat takes after some presses, when its actor has left."""
    bot = _PolledBot()
    with tempfile.TemporaryDirectory() as state_dir:
        runtime = Runtime(
            counting(),
            [bot],
            polling=PollerSettings(timeout=_LOOK_EVERY),
            settings=Settings(idle_after=_IDLE_AFTER),
            state_dir=state_dir,
            observer=Nobody(),
        )
        async with runtime:
            await asyncio.sleep(_LOOK_EVERY)
            own = len(ActorRegistry.get_all())
            await _use(bot, range(FIRST_CHAT, FIRST_CHAT + 1))
            await _alone(own)
            tracemalloc.start()
            try:
                before = _memory(bot)
                await _use(bot, range(FIRST_CHAT + 1, FIRST_CHAT + 1 + chats))
                await _alone(own)
                return (_memory(bot) - before) / chats
            finally:
                tracemalloc.stop()


async def _use(bot: _PolledBot, chats: range) -> None:
    """Open the dialog in each chat, and press its button some times."""
    await _give(bot, [started(chat) for chat in chats])
    for press in range(_PRESSES):
        updates = [clicked(chat, press, bot.http.view(chat)) for chat in chats]
        await _give(bot, updates)


async def _give(bot: _PolledBot, updates: list[bytes]) -> None:
    sent = bot.http.requests
    for start in range(0, len(updates), 100):
        bot.give(updates[start : start + 100])
    await bot.http.sent(sent + len(updates))


async def _alone(own: int) -> None:
    """Wait until only so many actors are left, which are the runtime's own."""
    while len(ActorRegistry.get_all()) > own:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(_LOOK_EVERY)


def _memory(bot: NullBot) -> int:
    """Bytes that Python has taken, without what the sink remembers."""
    bot.http.last.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
