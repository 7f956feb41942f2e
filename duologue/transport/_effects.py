"""What becomes of the calls to a messenger, as an observer is told of it."""

from __future__ import annotations

import time

from duologue.actors import Observer
from duologue.errors import (
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    UnexpectedAnswerError,
)


class Effects:
    """Tells an observer of the calls of one bot, once there is one."""

    def __init__(self) -> None:
        self._observer: Observer | None = None
        self._bot = ""

    @property
    def are_told(self) -> bool:
        """Whether there is an observer."""
        return self._observer is not None

    def report_to(self, observer: Observer | None, bot: str) -> None:
        """Tell somebody from now on.

        Args:
            observer: Whom; None tells nobody any more.
            bot: The messenger and the number of the bot, such as `max.42`.
        """
        self._observer = observer
        self._bot = bot

    def begin(self) -> float:
        """The time, for `succeeded` and `failed`."""
        return time.monotonic()

    def succeeded(self, method: str, began: float) -> None:
        """Tell that a call did what it should.

        Args:
            method: Which call; from the code, without ids.
            began: What `begin` said.
        """
        self._note(method, began, "ok")

    def failed(
        self, method: str, began: float, *, error: MessengerError, status: int | None
    ) -> None:
        """Tell that a call failed.

        Args:
            method: Which call; from the code, without ids.
            began: What `begin` said.
            error: What is raised for it.
            status: The HTTP status; None if there was no answer.
        """
        self._note(method, began, outcome(error, status))
        if isinstance(error, RateLimitedError) and self._observer is not None:
            seconds = error.retry_after
            self._observer.record("effect_retry_after_seconds", seconds, bot=self._bot)

    def _note(self, method: str, began: float, result: str) -> None:
        if self._observer is None:
            return
        seconds = time.monotonic() - began
        bot = self._bot
        self._observer.count("effects", bot=bot, method=method, outcome=result)
        self._observer.record(
            "effect_duration_seconds", seconds, bot=bot, method=method
        )


def outcome(error: MessengerError, status: int | None) -> str:
    """Name the way in which a call failed.

    Args:
        error: What is raised for it.
        status: The HTTP status; None if there was no answer.

    Returns:
        `429`, `4xx`, `5xx`, `network`, or `invalid` for an answer that is none.
    """
    match error:
        case RateLimitedError():
            return "429"
        case MessengerUnavailableError():
            return "network" if status is None else "5xx"
        case UnexpectedAnswerError():
            return "invalid"
        case _:
            return "4xx"
