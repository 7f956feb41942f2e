"""What can be done to the values of a State without looking at them first.

A change is a value, so it can be sent: the turns of dialogs send theirs with the commit. Nobody
changes one; it is not frozen, since making it would take four times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from duologue.errors import StateValueError
from duologue.state._values import Value, Values


@dataclass(slots=True)
class Put:
    """Write some values."""

    values: Values


@dataclass(slots=True)
class Remove:
    """Forget one value; it need not be there."""

    key: str


@dataclass(slots=True)
class Clear:
    """Forget all values."""


@dataclass(slots=True)
class Increase:
    """Add to a number; one that is not there begins with `start`."""

    key: str
    by: int | float
    start: int | float = 0


Change: TypeAlias = Put | Remove | Clear | Increase


def applied(change: Change, values: Values, state: str) -> Values:
    """The values after a change; those before stay as they are.

    Raises:
        StateValueError: What is to be increased is no number.
    """
    match change:
        case Put(values=new):
            return values | new
        case Remove(key=key):
            return {name: value for name, value in values.items() if name != key}
        case Clear():
            return {}
        case Increase(key=key, by=by, start=start):
            before = values.get(key, start)
            if isinstance(before, bool) or not isinstance(before, int | float):
                problem = f"is {before!r}, to which nothing can be added; set it first"
                raise StateValueError(state, key, problem)
            return values | {key: before + by}


def packed(changes: Sequence[Change]) -> list[Value]:
    """Make plain values of changes."""
    return [
        [
            type(change).__name__,
            *(getattr(change, name) for name in change.__dataclass_fields__),
        ]
        for change in changes
    ]


def unpacked(stored: Sequence[Sequence[Value]]) -> list[Change]:
    """Make the changes again that `packed` had.

    Raises:
        KeyError: Another version wrote one.
    """
    return [_KINDS[kind](*parts) for kind, *parts in stored]


_KINDS: dict[str, Callable[..., Change]] = {  # type: ignore[explicit-any]  # their fields
    kind.__name__: kind for kind in (Put, Remove, Clear, Increase)
}
