"""The port through which the runtime tells what happened inside it."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Observer(Protocol):
    """Is told of everything worth counting. Calls must be quick and never raise."""

    def count(self, name: str, *, reason: str = "") -> None:
        """Note that something happened once.

        Args:
            name: What happened, in snake case, such as `turns`.
            reason: Which kind of it, from a small fixed set.
        """
        ...


class Counts:
    """An observer that keeps the numbers in memory."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, name: str, *, reason: str = "") -> None:
        """Add one to the number kept for this name and reason."""
        self._counts[name, reason] += 1

    def of(self, name: str, reason: str | None = None) -> int:
        """Tell how often something happened.

        Args:
            name: What to look up.
            reason: Only this kind of it; None adds up all kinds.
        """
        if reason is not None:
            return self._counts[name, reason]
        return sum(
            count for (counted, _), count in self._counts.items() if counted == name
        )
