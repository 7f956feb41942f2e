"""The rates that the MAX Bot API allows."""

from __future__ import annotations

from duologue.actors import Clock
from duologue.transport._limits import Buckets, TokenBucket, take_both, try_take_both

# Source: descriptions of the calls at dev.max.ru: 30 requests a second in all,
# 2 a second into one chat; the notice of May 2026: 2 polls a second. The polls
# count among the 30, so two are set aside and intake never waits for sending.
_SECOND = 1.0
_REQUESTS = 30
_PER_CHAT = 2
_POLLS = 2


class MaxLimits:
    """Keeps one bot within its rates."""

    def __init__(self, clock: Clock) -> None:
        self.polls = TokenBucket(_POLLS, _SECOND, clock=clock)
        self.bot = TokenBucket(_REQUESTS - _POLLS, _SECOND, clock=clock)
        self.chats = Buckets(_PER_CHAT, _SECOND, clock=clock)

    async def ready(self, chat_id: int) -> None:
        """Wait until a call for this chat is allowed, and count it."""
        await take_both(self.chats.of(chat_id), self.bot)

    def ready_now(self, chat_id: int) -> bool:
        """Count a call for this chat if it is allowed without waiting."""
        return try_take_both(self.chats.of(chat_id), self.bot)
