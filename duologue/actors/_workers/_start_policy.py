"""What a start says: of a worker that is in its way, and of the run of its own."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal, TypeAlias


class StartPolicy(enum.StrEnum):
    """What to do when a worker of the same owner runs under the same key."""

    REJECT = "reject"
    JOIN = "join"
    REPLACE = "replace"
    QUEUE = "queue"


Executor: TypeAlias = Literal["async", "thread", "process"]
"""Where a body runs: on the loop, in a thread of its own, in a process of its own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the start of a worker says of its run.

    Attributes:
        timeout: Seconds the worker may take; None for any number.
        executor: Where its body runs; None for where its kind does.
        heartbeat: Seconds for which nothing may be heard of it; None for any number.
        retries: How often it is tried again after it has raised.
        backoff: Seconds before the first retry; each later one waits twice as long.
    """

    timeout: float | None = None
    executor: Executor | None = None
    heartbeat: float | None = None
    retries: int = 0
    backoff: float = 1.0
