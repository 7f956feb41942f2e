"""Countdowns: one timeout over a wait of several steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

Countdown: TypeAlias = Callable[[], float | None]


def countdown(timeout: float | None) -> Countdown:
    """What is left of a timeout each time it is called; begins when called first."""
    until: float | None = None

    def left() -> float | None:
        nonlocal until
        if timeout is None:
            return None
        if until is None:
            until = time.monotonic() + timeout
            return timeout
        return max(until - time.monotonic(), 0)

    return left


def lock_timeout(timeout: float | None) -> float:
    """A timeout as `Lock.acquire()` takes it: -1 for ever, and no more than it can."""
    return -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)
