"""Locks whose holder may be interrupted by somebody who wants them as well.

Python runs a finaliser wherever the collector finds garbage, and a signal handler
between any two steps of the main thread. Either may send to the very actor that its
thread is busy with. A lock that cannot be entered again would hold it for ever; one
that can lets it in, in the middle of a change, so it has to ask.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Protocol, cast


class InterruptibleLock(Protocol):
    """A re-entrant lock that knows its holder."""

    def __enter__(self) -> bool:
        """Wait for it and take it."""
        ...

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Give it to others."""

    def _is_owned(self) -> bool:
        """Whether this thread holds it: then it has been interrupted."""
        ...


def interruptible_lock() -> InterruptibleLock:
    """A new lock."""
    # Conditions of `threading` ask an RLock the same question by this name.
    return cast("InterruptibleLock", threading.RLock())
