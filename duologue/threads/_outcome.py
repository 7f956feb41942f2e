"""What becomes of something on the loop, as far as a thread wants to know it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Outcome(Generic[T]):
    """Settled once, by one thread; waited for by another.

    It is no `concurrent.futures.Future`, because settling one of those takes a lock
    that its waiter holds for moments. A signal handler or a finaliser that runs in
    such a moment and waits for the loop would keep the loop from ever answering.
    """

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self._latch.acquire()
        self._value: T | None = None
        self._error: BaseException | None = None
        self._is_settled = False

    @property
    def is_settled(self) -> bool:
        """Whether it is known."""
        return self._is_settled

    def succeed(self, value: T) -> None:
        """Settle it with a value."""
        self._value = value
        self._settle()

    def fail(self, error: BaseException) -> None:
        """Settle it with an error."""
        self._error = error
        self._settle()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is settled.

        Args:
            timeout: Seconds to wait; None for as long as it takes.

        Returns:
            Whether it is.
        """
        seconds = -1 if timeout is None else timeout
        if not self._is_settled and self._latch.acquire(timeout=seconds):
            self._latch.release()
        return self._is_settled

    def get(self) -> T:
        """Give the value of one that is settled, or raise its error."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def _settle(self) -> None:
        self._is_settled = True
        self._latch.release()
