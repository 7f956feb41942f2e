"""Rate limits of the Bot API: strict sliding windows of one second."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

from duologue.transport.sandbox._world._values import Profile

WINDOW = 1.0
PER_BOT = 30
PER_POLL = 2
PER_CHAT = 2
SWEEP = 10_000


class LimitedCall(StrEnum):
    """What is limited per chat, each on its own account."""

    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of ``GET /updates`` in a profile; ``None`` means no bound.

    Attributes:
        limit: The largest batch.
        timeout: The longest poll, in seconds.
        polls: Polls in a second.
        ttl: How long an update is kept, in milliseconds.
    """

    limit: int
    timeout: int
    polls: int | None
    ttl: int | None


BOUNDS = {
    Profile.SCHEMA: Bounds(limit=1000, timeout=90, polls=None, ttl=None),
    Profile.LATEST: Bounds(
        limit=100, timeout=30, polls=PER_POLL, ttl=24 * 60 * 60 * 1000
    ),
}


class RequestLimits:
    """The accepted requests of the last second; a refused one costs nothing.

    Rules (MAX documentation, 2026): 30 requests a second for a bot, 2 polls a
    second, and 2 a second into one chat, separately for sending, editing, deleting
    and answering.
    """

    def __init__(self, *, is_on: bool, polls: int | None) -> None:
        self._is_on = is_on
        self._polls = polls
        self._windows: dict[Hashable, deque[float]] = defaultdict(deque)

    @property
    def size(self) -> int:
        """How many accounts it keeps."""
        return len(self._windows)

    def request(self, now: float) -> bool:
        """Take one request of the bot; False is a breach."""
        return self._take("bot", PER_BOT, now)

    def poll(self, now: float) -> bool:
        """Take one poll; False is a breach."""
        return self._polls is None or self._take("poll", self._polls, now)

    def act(self, act: LimitedCall, chat_id: int, now: float) -> bool:
        """Take one act in a chat; False is a breach."""
        return self._take((act, chat_id), PER_CHAT, now)

    def _take(self, key: Hashable, limit: int, now: float) -> bool:
        if not self._is_on:
            return True
        if len(self._windows) > SWEEP:
            self._sweep(now)
        window = self._windows[key]
        while window and now - window[0] >= WINDOW:
            window.popleft()
        if len(window) >= limit:
            return False
        window.append(now)
        return True

    def _sweep(self, now: float) -> None:
        for key, window in list(self._windows.items()):
            if not window or now - window[-1] >= WINDOW:
                del self._windows[key]
