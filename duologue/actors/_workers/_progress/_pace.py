"""How fast work goes, and when it will be done."""

from __future__ import annotations

import math
from typing import Final

_MEMORY: Final = 10.0  # seconds after which a change of pace is seen for two thirds
_SHORTEST: Final = 1e-6  # seconds between two moments that can be compared


class Pace:
    """A rate that follows the newest ten seconds or so.

    Attributes:
        since: The first moment; None before it.
        rate: How much a second; None until there are two moments to compare.
    """

    __slots__ = ("_amount", "_at", "rate", "since")

    def __init__(self) -> None:
        self.since: float | None = None
        self._at = 0.0
        self._amount = 0.0
        self.rate: float | None = None

    def see(self, amount: float, at: float) -> None:
        """Take in how much is done at a moment.

        The first moment only begins to count: what an earlier attempt has done, and is
        reported at once, was not done in no time.
        """
        if self.since is None or amount < self._amount:
            self.since = self._at = at
            self._amount, self.rate = amount, None
            return
        passed = at - self._at
        if passed <= _SHORTEST:
            return
        newest = (amount - self._amount) / passed
        smoothed = (self.rate or 0.0) * _share(self._at - self.since)
        smoothed += (newest - smoothed) * _share(passed)
        # By the time that it has been seen for: two moments that are close to one another
        # would else be believed for long.
        self.rate = smoothed / _share(at - self.since)
        self._at, self._amount = at, amount

    def forget(self) -> None:
        """Begin anew with the next moment."""
        self.since = self.rate = None

    def seconds_for(self, amount: float) -> float | None:
        """How long so much more takes; None while nobody can tell."""
        if self.rate is None or amount <= 0.0:
            return None if self.rate is None else 0.0
        seconds = amount / self.rate if self.rate > 0.0 else math.inf
        return seconds if math.isfinite(seconds) else None


def _share(seconds: float) -> float:
    """How much of a rate the newest seconds are."""
    return -math.expm1(-seconds / _MEMORY)
