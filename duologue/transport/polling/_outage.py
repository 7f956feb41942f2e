"""Telling about failures that go on: when they begin, change their cause, and end."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from duologue.actors import Clock, Observer
from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    MarkerFileError,
    MessageGoneError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnexpectedAnswerError,
)

_logger = logging.getLogger("duologue.transport")

_REASONS: Mapping[type[Exception], str] = {
    BadRequestError: "bad_request",
    ForbiddenError: "forbidden",
    MarkerFileError: "marker_file",
    MessageGoneError: "not_found",
    MessengerUnavailableError: "unavailable",
    RateLimitedError: "rate_limited",
    UnauthorizedError: "unauthorized",
    UnexpectedAnswerError: "unexpected_answer",
}


class Outage:
    """Counts every failure of one activity, and logs each cause once an outage."""

    def __init__(
        self, activity: str, name: str, *, bot: str, observer: Observer, clock: Clock
    ) -> None:
        """Begin in good order.

        Args:
            activity: What fails, as the log says it.
            name: The name under which failures are counted.
            bot: Whose activity it is, such as `max.42`.
            observer: Is told of each failure.
            clock: Tells how long it takes.
        """
        self._activity = activity
        self._name = name
        self._bot = bot
        self._observer = observer
        self._clock = clock
        self._since: float | None = None
        self._told: set[str] = set()

    def failed(self, error: Exception) -> None:
        """Note one failure."""
        reason = _REASONS.get(type(error), "other")
        self._observer.count(self._name, bot=self._bot, reason=reason)
        said = str(error) or type(error).__name__
        if self._since is None:
            self._since = self._clock.time()
            _logger.warning(
                "%s fails and is repeated until it works: %s", self._activity, said
            )
        elif reason not in self._told:
            _logger.warning(
                "%s still fails, now in another way: %s", self._activity, said
            )
        self._told.add(reason)

    def over(self) -> None:
        """Note that it works."""
        if self._since is not None:
            seconds = self._clock.time() - self._since
            self._since = None
            self._told.clear()
            _logger.warning("%s works again after %.1f s", self._activity, seconds)
