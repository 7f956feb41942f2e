"""What becomes of an update that a messenger brings: taken in, and acknowledged when safe.

An answer of 200 is a promise: the update is in an engine that outlives the process, or
its turn has ended. Everything else makes the messenger bring it again, so whatever is
not certain in time is answered with 503.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from duologue.actors import Observer
from duologue.dialogs import Bot, bot_key
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    HandoverCancelledError,
    MalformedUpdateError,
    RuntimeStoppedError,
    UnknownUpdateError,
)
from duologue.transport._json import parse
from duologue.transport._set_aside import SetAside

_logger = logging.getLogger("duologue.transport")

PATIENCE = 25.0
"""Seconds for one update; MAX counts 30, and the way takes some of them."""
WINDOW = 400
"""Updates that may wait at once; fewer than there may be connections."""
_RETRY_AFTER = 5

Accept: TypeAlias = Callable[[Bot, bytes], Awaitable[asyncio.Future[None] | None]]
"""Takes an update in that is still JSON; see `Runtime.accept`."""


class Answer(NamedTuple):
    """How a delivery is answered.

    Attributes:
        status: The HTTP status.
        outcome: What became of the update, as metrics say it.
    """

    status: int
    outcome: str

    @property
    def retry_after(self) -> int | None:
        """Seconds after which it may come again, if it shall."""
        return _RETRY_AFTER if self.status == UNAVAILABLE else None


UNAVAILABLE = 503
SAFE = Answer(200, "safe")
SET_ASIDE = Answer(200, "set_aside")
FULL = Answer(UNAVAILABLE, "full")
LATE = Answer(UNAVAILABLE, "late")
AWAY = Answer(UNAVAILABLE, "engine_unavailable")
STOPPING = Answer(UNAVAILABLE, "stopping")
FAILED = Answer(UNAVAILABLE, "error")


class Reception:
    """Takes in what is brought for one bot.

    Args:
        bot: The bot, which is started.
        accept: Takes an update in.
        observer: Is told of every delivery.
        window: How many may wait at once.
        patience: Seconds for one.
    """

    def __init__(
        self,
        bot: Bot,
        accept: Accept,
        *,
        observer: Observer,
        window: int = WINDOW,
        patience: float = PATIENCE,
    ) -> None:
        self._bot = bot
        self._name = bot_key(bot)
        self._accept = accept
        self._observer = observer
        self._aside = SetAside(bot, observer)
        self._window = window
        self._patience = patience
        self._open = 0
        self._turns: dict[bytes, asyncio.Future[None]] = {}
        self._is_closed = False

    @property
    def open(self) -> int:
        """How many deliveries have no answer yet."""
        return self._open

    def close(self) -> None:
        """Take nothing more; what has begun goes on."""
        self._is_closed = True

    async def take(self, body: bytes) -> Answer:
        """Take an update in, and tell how its delivery is answered."""
        if self._is_closed:
            return STOPPING
        if self._open >= self._window:
            return FULL
        self._open += 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._answer(body)
        except TimeoutError:
            return LATE
        finally:
            self._open -= 1

    async def _answer(self, body: bytes) -> Answer:
        try:
            await self._safe(body)
        except (MalformedUpdateError, UnknownUpdateError) as error:
            self._aside.refuse(_parsed(body), error)
            return SET_ASIDE
        except EngineUnavailableError:
            return AWAY
        except (EngineClosedError, RuntimeStoppedError):
            return STOPPING
        except Exception:
            # It comes again, and nothing that it does may close the door.
            _logger.exception("an update for bot %s was not taken in", self._bot.id)
            return FAILED
        return SAFE

    async def _safe(self, body: bytes) -> None:
        """Take an update in and wait until it is safe.

        One that comes again waits for the turn that the first has begun.
        """
        # An engine that outlives the process leaves nothing to wait for.
        turn = self._turns.get(_key_of(body)) if self._turns else None
        if turn is None:
            turn = await self._accept(self._bot, body)
            self._observer.count("updates_received", bot=self._name, source="webhook")
            if turn is None:
                return
            key = _key_of(body)
            self._turns[key] = turn
            turn.add_done_callback(lambda _: self._turns.pop(key, None))
        await _end_of(turn)
        if turn.cancelled():
            raise HandoverCancelledError
        turn.result()


def _key_of(body: bytes) -> bytes:
    return sha256(body).digest()


async def _end_of(turn: asyncio.Future[None]) -> None:
    """Wait until a turn has ended; it goes on when nobody waits for it any more.

    `asyncio.wait` does the same for many, in more steps.
    """
    if turn.done():
        return
    ended: asyncio.Future[None] = turn.get_loop().create_future()

    def wake(_: object) -> None:
        if not ended.done():
            ended.set_result(None)

    turn.add_done_callback(wake)
    try:
        await ended
    finally:
        turn.remove_done_callback(wake)


def _parsed(body: bytes) -> object:
    try:
        return parse(body)
    except ValueError:
        return None
