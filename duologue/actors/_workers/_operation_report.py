"""Reports of a background operation, made fit to be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import SupportsFloat

TEXT_LIMIT = 1000
NAME_LIMIT = 100  # of a unit or a stage
_EXACT = 2**53  # numbers that every reader of JSON has exactly


@dataclass(frozen=True, slots=True)
class AsyncOperationResult:
    """What `start`, `stop` and `ping` of a body may return; m3's name.

    Attributes:
        value: Progress from 0 to 1; None when there is nothing new.
        text: Words for the user; empty when there is nothing new.
        is_active: What the body thinks. Of an `IBackgroundWorker` it is shown as
            `says_active`; the state of the worker decides.
    """

    value: float | None = 0.0
    text: str = ""
    is_active: bool = True


def clean_value(value: object) -> float | None:
    """Progress as a number from 0 to 1; None if that cannot be made of it."""
    number = value if type(value) is float else _float_of(value)
    if number is None:
        return None
    return min(max(0.0, number), 1.0) if math.isfinite(number) else None


def clean_count(number: object) -> float | None:
    """How many as a number that is not negative; None if that cannot be made of it."""
    if type(number) is int and number < _EXACT:
        return max(0, number)
    count = _float_of(number)
    return max(0.0, count) if count is not None and math.isfinite(count) else None


def clean_total(number: object) -> float | None:
    """How many there are, as a number above 0; None if that cannot be made of it."""
    return clean_count(number) or None


def clean_name(name: object) -> str | None:
    """A name of at most 100 characters that can be encoded; None if there is none."""
    words = clean_text(name)
    if words is None or len(words) <= NAME_LIMIT:
        return words
    return words[: NAME_LIMIT - 1] + "…"


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
    return encodable(words)


def encodable(words: str) -> str:
    """Words that can be encoded."""
    if words.isascii():
        return words
    # Half surrogates become the replacement character, pairs of them one character.
    return words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
