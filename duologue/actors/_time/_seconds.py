"""Seconds: which values are a time that somebody could wait."""

from __future__ import annotations

import sys
from typing import TypeGuard


def is_seconds(value: object) -> TypeGuard[float]:
    """Whether somebody could wait that long: a number, finite and not negative."""
    return _is_number(value) and 0 <= value <= sys.float_info.max


def is_positive_seconds(value: object) -> bool:
    """Whether it is a number of seconds and not 0."""
    return _is_number(value) and 0 < value <= sys.float_info.max


def as_delay(seconds: float) -> float:
    """What a timer can wait: for a time that is over nothing, and never for ever."""
    return min(max(0.0, seconds), sys.float_info.max)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
