"""Parts of an operation, as they are seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartSnapshot:
    """What is known of a part of an operation at one moment.

    Attributes:
        name: What it is called.
        weight: How much of the whole it is, compared to the other parts.
        value: Its progress from 0 to 1, never going back; None while unknown.
        text: The last words about it.
        current: How much of it is done, in `unit`; None if nothing is counted.
        total: How much there is to do; None while unknown.
        unit: What is counted, such as `"files"`.
        children: The parts that it has in turn.
    """

    name: str
    weight: float = 1.0
    value: float | None = None
    text: str = ""
    current: float | None = None
    total: float | None = None
    unit: str = ""
    children: tuple[PartSnapshot, ...] = ()
