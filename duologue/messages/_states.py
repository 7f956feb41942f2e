"""What State understands that other programs may reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from duologue.messages._message import Messages, named


@dataclass(frozen=True, slots=True)
class StateGet:
    """Tell the value of a name, or all values by their names.

    Attributes:
        key: The name; None for all.
    """

    key: str | None = None


@dataclass(frozen=True, slots=True)
class StateSet:
    """Write some values; tell all values after that.

    Attributes:
        values: They, by their names.
    """

    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class StateIncr:
    """Add to a number; tell it after that.

    Attributes:
        key: Its name.
        by: How much.
    """

    key: str
    by: int | float = 1


StateCall: TypeAlias = StateGet | StateSet | StateIncr

GET: Final = "duologue.state_get.v1"
STATE_CALLS: Final = Messages(
    named(tag, cls)
    for tag, cls in {
        GET: StateGet,
        "duologue.state_set.v1": StateSet,
        "duologue.state_incr.v1": StateIncr,
    }.items()
)
"""The questions that State answers."""

STATE: Final = "state"
"""The type of State in refs."""
