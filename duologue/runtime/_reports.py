"""Where errors go that nobody awaits."""

from __future__ import annotations

import logging
from typing import Protocol

from duologue.actors import Observer

_logger = logging.getLogger("duologue")


class OnError(Protocol):
    """Is told of errors that nobody awaits."""

    def __call__(self, error: BaseException, where: str, /) -> None:
        """Take note of an error.

        Args:
            error: What happened.
            where: The address, or the name of the task.
        """
        ...


class Reports:
    """Counts and logs errors, and tells the application.

    Args:
        observer: Counts them.
        on_error: The application's hook.
    """

    def __init__(self, observer: Observer, on_error: OnError | None) -> None:
        self._observer = observer
        self._on_error = on_error

    def __call__(self, error: BaseException, where: str) -> None:
        """Report an error."""
        kind = type(error).__name__
        self._observer.count("errors", error=kind)
        _logger.error("error in %s: %s: %s", where, kind, error, exc_info=error)
        self.tell(error, where)

    def tell(self, error: BaseException, where: str) -> None:
        """Tell the application only: the log has it already."""
        if self._on_error is not None:
            try:
                self._on_error(error, where)
            except Exception:
                _logger.exception("on_error failed")
