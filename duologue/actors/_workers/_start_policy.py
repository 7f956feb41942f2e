"""What a start does when another worker is in its way."""

from __future__ import annotations

import enum


class StartPolicy(enum.StrEnum):
    """What to do when a worker of the same owner runs under the same key."""

    REJECT = "reject"
    JOIN = "join"
    REPLACE = "replace"
    QUEUE = "queue"
