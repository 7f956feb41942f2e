"""How much memory a chat takes that nobody writes to."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import tracemalloc

from clicks import FIRST_CHAT
from clicks_duologue import Nobody, counting
from max_null import clicked, started
from polled import PolledBot
from pykka import ActorRegistry

from duologue import Runtime
from duologue.dialogs import Settings
from duologue.transport import PollerSettings

# Seconds; a dialog actor is let go after the first, and looked for each second one.
_IDLE_AFTER = 0.2
_LOOK_EVERY = 0.05
# Enough for what a chat remembers of its last updates to weigh something.
_PRESSES = 25


async def idle_bytes(chats: int) -> float:
    """Bytes that a chat takes after some presses, when its actor has left."""
    bot = PolledBot()
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


async def _use(bot: PolledBot, chats: range) -> None:
    """Open the dialog in each chat, and press its button some times."""
    await bot.work_off([started(chat) for chat in chats])
    for press in range(_PRESSES):
        updates = [clicked(chat, press, bot.http.view(chat)) for chat in chats]
        await bot.work_off(updates)


async def _alone(own: int) -> None:
    """Wait until only so many actors are left, which are the runtime's own."""
    while len(ActorRegistry.get_all()) > own:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(_LOOK_EVERY)


def _memory(bot: PolledBot) -> int:
    """Bytes that Python has taken, without what the sink remembers."""
    bot.http.last.clear()
    bot.timed.shown.clear()
    bot.fetched.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
