"""How long something takes, over and over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long something took, each time, in one round.

    Attributes:
        seconds: The times, in the order in which they were taken.
    """

    seconds: list[float]

    def percentile(self, hundredths: int) -> float:
        """Milliseconds within which so many of a hundred were over."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) * hundredths // 100, len(ordered) - 1)]
