"""The settings, actions, events and progress of a poller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from duologue.dialogs import Batch
from duologue.transport.polling._markers import Position

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerSettings:
    """How a poller asks.

    Attributes:
        timeout: Seconds for which the messenger may hold a poll.
        limit: How many updates one poll may bring.
        window: How many updates may be unfinished at once.
        types: Only these updates, by the messenger's names; None for all.
        drop_pending_updates: Skip what is waiting at the start.
    """

    timeout: float = 30.0
    limit: int = 100
    window: int = 100
    types: tuple[str, ...] | None = None
    drop_pending_updates: bool = False

    @property
    def batch(self) -> int:
        """How many updates to ask for: a marker is a promise for all of them."""
        return max(1, min(self.limit, self.window))


# Actions


@dataclass(frozen=True, slots=True)
class Load:
    """Read the position from the store."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask for updates; this acknowledges everything before the marker."""

    marker: int | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Save:
    """Write the position to the store."""

    position: Position


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give updates to the intake and wait until they are safe.

    Attributes:
        updates: What is to be handed over of a batch.
        batch: The position behind the batch, which names it; None if there is none.
    """

    updates: tuple[Raw, ...]
    batch: int | None


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while, then try the same again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Commit:
    """Acknowledge everything before the marker without waiting for more."""

    marker: int


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left to do.

    Attributes:
        error: Why, unless somebody asked for it.
    """

    error: Exception | None = None


PollerAction = Load | Poll | Save | HandOver | Pause | Commit | End


# Events


@dataclass(frozen=True, slots=True)
class Loaded:
    """The store has answered."""

    position: Position


@dataclass(frozen=True, slots=True)
class Fetched:
    """The messenger has answered a poll."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Saved:
    """The position is on the disk."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The intake is through with a batch.

    Attributes:
        rest: What is still not safe.
        error: What went wrong with the first of these.
    """

    rest: tuple[Raw, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Woke:
    """A pause is over."""


@dataclass(frozen=True, slots=True)
class MarkerCommitted:
    """The messenger knows the last marker."""


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The action did not work."""

    error: Exception


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the poller to end."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The time for ending in good order is over.

    Attributes:
        rest: What is not known to be safe.
    """

    rest: tuple[Raw, ...] = ()


PollerEvent = (
    Loaded
    | Fetched
    | Saved
    | HandedOver
    | Woke
    | MarkerCommitted
    | ActionFailed
    | StopAsked
    | DeadlinePassed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerProgress:
    """Where a poller stands.

    Attributes:
        marker: Everything before it is safe.
        batch: Updates that are not safe yet.
        after: The marker that follows `batch`.
        dropping: Whether updates are being skipped.
        largest: Size of the largest batch skipped.
        failures: How often the action has failed in a row.
        stopping: Whether somebody asked for the end.
        saved: What the store holds.
        doing: The action in hand.
        again: The action to repeat when the pause in hand is over.
    """

    marker: int | None = None
    batch: tuple[Raw, ...] = ()
    after: int | None = None
    dropping: bool = False
    largest: int = 0
    failures: int = 0
    stopping: bool = False
    saved: Position = field(default_factory=Position)
    doing: PollerAction = field(default_factory=Load)
    again: PollerAction = field(default_factory=Load)
