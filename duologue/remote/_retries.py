"""When something is sent again: until it is known to have arrived, or the patience ends."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from duologue.errors import RemoteUnavailableError

T = TypeVar("T")

_FIRST: Final = 0.1
_LONGEST: Final = 5.0
_QUIET: Final = 2.0  # seconds in which a program may be restarted
_logger = logging.getLogger("duologue.remote")


class AgainError(Exception):
    """It may be sent again; not for anyone outside.

    Attributes:
        problem: Why it has not arrived, as far as that is known.
        after: Seconds until then; None if nobody has said.
    """

    def __init__(self, problem: str, after: float | None = None) -> None:
        super().__init__(problem, after)
        self.problem = problem
        self.after = after


async def persist(
    attempt: Callable[[], Awaitable[T]], *, place: str, patience: float
) -> T:
    """Try something until it succeeds, or there is no time for one more.

    Pauses grow, and are never the same for two programs. Whoever looks on is told once, so
    that a program which waits does not look like one that has stopped.

    Raises:
        RemoteUnavailableError: The patience has ended.
    """
    loop = asyncio.get_running_loop()
    began, pause, is_told = loop.time(), _FIRST, False
    end = began + patience
    while True:
        try:
            return await attempt()
        except AgainError as again:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311  # no secret
            wait = max(wait, again.after or 0.0)
            if loop.time() + wait > end:
                raise RemoteUnavailableError(place, again.problem) from None
            if not is_told and loop.time() - began >= _QUIET:
                is_told, left = True, end - loop.time()
                said = "%s does not take it yet (%s); it is tried for %.0f s more"
                _logger.warning(said, place, again.problem, left)
        await asyncio.sleep(wait)
        pause = min(pause * 2, _LONGEST)
