"""Reports of a background operation, made fit to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, SupportsFloat

TEXT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class AsyncOperationResult:
    """What `start`, `stop` and `ping` of a body may return; m3's name.

    Attributes:
        value: Progress from 0 to 1; None when there is nothing new.
        text: Words for the user; empty when there is nothing new.
        is_active: What the body thinks. The state of the worker decides instead.
    """

    value: float | None = 0.0
    text: str = ""
    is_active: bool = True


class Report(NamedTuple):
    """Progress and words; None where there is nothing new."""

    value: float | None
    text: str | None

    def then(self, newer: Report) -> Report:
        """Both reports as one: progress never goes back, the newer words count."""
        known = [value for value in (self.value, newer.value) if value is not None]
        text = self.text if newer.text is None else newer.text
        return Report(max(known, default=None), text)


def clean_value(value: object) -> float | None:
    """Progress as a number from 0 to 1; None if that cannot be made of it."""
    number = value if type(value) is float else _float_of(value)
    if number is None:
        return None
    return min(max(0.0, number), 1.0) if math.isfinite(number) else None


def _float_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        return None
    try:
        return float(value)
    except Exception:  # noqa: BLE001 - whatever the author's number does
        return None


def clean_text(text: object) -> str | None:
    """Words of at most 1,000 characters that can be encoded; None if there are none."""
    try:
        words = str(text)
    except Exception:  # noqa: BLE001 - whatever the author's object does
        return None
    if len(words) > TEXT_LIMIT:
        words = words[: TEXT_LIMIT - 1] + "…"
    if words.isascii():
        return words
    # Half surrogates become the replacement character, pairs of them one character.
    return words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
