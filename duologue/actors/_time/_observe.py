"""The port through which the runtime tells what happened inside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol, TypeAlias

# What is counted, the names of its labels, their values: one tuple is made quicker
# than one for each label.
_Key: TypeAlias = tuple[str, ...]
_KINDS = frozenset({"error", "outcome", "reason"})
_REMEMBERED = 1000  # values of one name and one set of labels


class Observer(Protocol):
    """Is told of everything worth counting or measuring.

    Whoever implements it is called on the loop, in the middle of the work that it is
    told of: a call must be quick and must never raise. Names and labels are in snake
    case. Label values come from code or configuration (an outcome, a class name, the
    name of a messenger), never from a chat: not a user, not a text, not an id. So
    their number stays small.
    """

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Note that something happened.

        Args:
            name: What happened, such as `turns`.
            amount: How often; 0 says that it may happen, so that whoever watches
                the number sees it grow from 0 when it does.
            labels: Which kind of it, such as `reason="failed"`.
        """
        ...

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Note a measured value: a duration in seconds, a size in bytes.

        Args:
            name: What was measured, such as `turn_seconds`.
            value: How much.
            labels: Which kind of it.
        """
        ...


class Counts:
    """An observer that keeps the numbers in memory.

    Of measured values it remembers the newest 1,000 of each kind. Tell it things on
    one thread; ask it on any.
    """

    def __init__(self) -> None:
        self._counts: dict[_Key, int] = {}
        self._values: dict[_Key, deque[float]] = {}

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Add to the number kept for this name and these labels."""
        key = (name, *labels, *labels.values())
        try:
            self._counts[key] += amount
        except KeyError:
            self._counts[key] = amount

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Keep a value for this name and these labels."""
        key = (name, *labels, *labels.values())
        try:
            self._values[key].append(value)
        except KeyError:
            self._values[key] = deque([value], _REMEMBERED)

    def of(self, name: str, kind: str | None = None, /, **labels: str) -> int:
        """Tell how often something happened.

        Args:
            name: What to look up.
            kind: Only what was counted with this `outcome`, `reason` or `error`;
                an empty one means without any of them, None adds up all.
            labels: Only what was counted with these labels, and maybe more.
        """
        return sum(
            self._counts[key]
            for key in _matching(self._counts, name, labels)
            if kind is None or kind == _kind(key)
        )

    def recorded(self, name: str, /, **labels: str) -> list[float]:
        """The values recorded under a name, in order within each set of labels.

        Args:
            name: What to look up.
            labels: Only what was recorded with these labels, and maybe more.
        """
        found = _matching(self._values, name, labels)
        return [value for key in found for value in list(self._values[key])]


class Observers:
    """Several observers as one.

    Args:
        observers: Who is told, in this order.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Tell all of them that something happened."""
        for observer in self._observers:
            observer.count(name, amount, **labels)

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Tell all of them a measured value."""
        for observer in self._observers:
            observer.record(name, value, **labels)


def _kind(key: _Key) -> str:
    """What a number is about, when one word says it."""
    return next((value for label, value in _labels(key) if label in _KINDS), "")


def _labels(key: _Key) -> Iterable[tuple[str, str]]:
    """The labels of a key with their values."""
    middle = (len(key) + 1) // 2
    return zip(key[1:middle], key[middle:], strict=True)


def _matching(keys: Iterable[_Key], name: str, labels: dict[str, str]) -> list[_Key]:
    wanted = labels.items()
    # A copy, since another thread may ask while they grow.
    return [key for key in list(keys) if key[0] == name and wanted <= set(_labels(key))]
