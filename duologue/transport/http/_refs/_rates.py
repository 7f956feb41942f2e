"""How many messages each caller may bring in a second."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from duologue.errors import RuntimeSettingError

_ROUNDING: Final = 1e-9


class TooManyError(Exception):
    """A caller brings more than it may; not for anyone outside.

    Attributes:
        seconds: When it may come again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Rates:
    """What the callers may still bring now: each has a second's worth at the most.

    Args:
        rate: Messages a second; None for any number.

    Raises:
        RuntimeSettingError: The rate lets nothing in.
    """

    def __init__(self, rate: float | None) -> None:
        if rate is not None and not (0 < rate < math.inf):
            raise RuntimeSettingError("rate=", f"{rate!r} lets nothing in, or is none")
        self._rate = rate
        # By their names, of which there are as many as tokens: when each has all again.
        self._full_at: dict[str, float] = {}

    def spend(self, caller: str, number: int) -> None:
        """Let a caller bring some messages.

        One that has something left may bring a batch that is larger; then it waits as
        much longer.

        Raises:
            TooManyError: It has to wait.
        """
        if self._rate is None:
            return
        now = asyncio.get_running_loop().time()
        full_at = max(self._full_at.get(caller, now), now)
        room = max(1.0, 1 / self._rate)
        wait = full_at + 1 / self._rate - now - room
        if wait > _ROUNDING:
            raise TooManyError(wait)
        self._full_at[caller] = full_at + number / self._rate
