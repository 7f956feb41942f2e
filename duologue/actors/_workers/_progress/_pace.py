"""How fast work goes, and when it will be done."""

from __future__ import annotations

import math
from typing import Final

_MEMORY: Final = 10.0  # seconds after which a change of pace is seen for two thirds


class Pace:
    """A rate that follows the newest ten seconds or so.

    Attributes:
        rate: How much a second; None until there are two moments to compare.
    """

    __slots__ = ("_amount", "_at", "rate")

    def __init__(self) -> None:
        self._at: float | None = None
        self._amount = 0.0
        self.rate: float | None = None

    def see(self, amount: float, at: float) -> None:
        """Take in how much is done at a moment.

        The first moment only begins to count: what an earlier attempt has done, and is
        reported at once, was not done in no time.
        """
        if self._at is None or amount < self._amount:
            self._at, self._amount, self.rate = at, amount, None
            return
        passed = at - self._at
        if passed <= 0.0:
            return
        newest = (amount - self._amount) / passed
        if self.rate is None:
            self.rate = newest
        else:
            self.rate += (newest - self.rate) * -math.expm1(-passed / _MEMORY)
        self._at, self._amount = at, amount

    def seconds_for(self, amount: float) -> float | None:
        """How long so much more takes; None while nobody can tell."""
        if self.rate is None or amount <= 0.0:
            return None if self.rate is None else 0.0
        seconds = amount / self.rate if self.rate > 0.0 else math.inf
        return seconds if math.isfinite(seconds) else None
