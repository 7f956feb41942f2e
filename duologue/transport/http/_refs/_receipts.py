"""Outcomes that somebody asks for later, for as long as they are remembered."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from duologue.messages._recipients import Result

_MOST: Final = 10_000


@dataclass(slots=True)
class Waiting:
    """An outcome on its way.

    Attributes:
        owner: The name of whoever may ask for it.
        id: The message.
        outcome: Gives it.
    """

    owner: str
    id: str
    outcome: asyncio.Task[Result]


class Receipts:
    """Outcomes by a name that cannot be guessed: the newest ten thousand.

    Args:
        most: How many.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._waiting: dict[str, Waiting] = {}

    def add(
        self, owner: str, name: str, outcome: Coroutine[object, object, Result]
    ) -> str:
        """Remember an outcome; return its name."""
        token = secrets.token_urlsafe(16)
        self._waiting[token] = Waiting(owner, name, start(outcome))
        while len(self._waiting) > self._most:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            oldest.outcome.cancel()
        return token

    def get(self, token: str, owner: str) -> Waiting | None:
        """The outcome of a name; None if there is none, or it is somebody else's."""
        found = self._waiting.get(token)
        return found if found is not None and found.owner == owner else None

    async def close(self) -> None:
        """Wait for nothing any more."""
        for waiting in self._waiting.values():
            waiting.outcome.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await waiting.outcome
        self._waiting.clear()


def start(outcome: Coroutine[object, object, Result]) -> asyncio.Task[Result]:
    """Wait for an outcome, whoever else waits or gives up."""
    task = asyncio.get_running_loop().create_task(outcome)
    task.add_done_callback(_hear)
    return task


def _hear(task: asyncio.Task[Result]) -> None:
    if not task.cancelled():
        task.exception()  # whoever asks is told
