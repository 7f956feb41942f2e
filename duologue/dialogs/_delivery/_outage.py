"""Times in which the engine does not answer: how they are seen and waited out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from duologue.actors import Clock, Engine
from duologue.errors import EngineUnavailableError

PAUSE = 1.0
"""Seconds before the engine is asked again."""

T = TypeVar("T")
_logger = logging.getLogger("duologue.dialogs")


class Outage:
    """Whether the engine answers, as those see it who call it.

    Args:
        engine: The engine; it may know itself what is wrong.
        clock: Tells when to ask again.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""
        return self._engine.problem or self._problem

    def note(self, error: EngineUnavailableError) -> None:
        """A call has failed."""
        if self._problem is None:
            _logger.error("%s; it is asked again every %s s", error, PAUSE)
        self._problem = error.reason

    def is_over(self) -> None:
        """A call has succeeded."""
        if self._problem is not None:
            self._problem = None
            _logger.warning("the engine answers again")

    async def outlast(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that may be made twice, until the engine answers it."""
        while True:
            try:
                answer = await call()
            except EngineUnavailableError as error:
                self.note(error)
                await self._clock.sleep(PAUSE)
            else:
                self.is_over()
                return answer
