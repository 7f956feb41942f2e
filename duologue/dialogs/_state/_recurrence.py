"""When a call that repeats comes next.

A span counts in seconds that pass; `Daily` follows the clock on a wall, whose days have 23
or 25 hours when it is changed. What was missed comes once: the next time is always in the
future.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from duologue.dialogs._chat._data import Json
from duologue.errors import ScheduleError, WrongArgumentError

_SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=3653)
"""Ten years: what is further away is a mistake."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at the same time, by the clock on the wall of a zone.

    A time that the clock skips in spring comes as much later as the clock is put forward;
    one that it shows twice in autumn counts once, the first time.

    Attributes:
        at: The time of day, without a zone of its own.
        zone: The name of the zone, such as `Europe/Berlin`.

    Raises:
        ScheduleError: There is no such zone, or the time has one of its own.
        WrongArgumentError: They are no time and no text.
    """

    at: time
    zone: str

    def __post_init__(self) -> None:
        if not _is(self.at, time):
            raise WrongArgumentError("Daily()", "at", repr(self.at), "a datetime.time")
        if not _is(self.zone, str):
            raise WrongArgumentError(
                "Daily()", "zone", repr(self.zone), "the name of a time zone"
            )
        if self.at.tzinfo is not None:
            raise ScheduleError(
                f"{self.at!r} has a zone; write Daily(time(9, 0), zone='Europe/Berlin')"
            )
        _zone(self.zone)

    def after(self, moment: datetime) -> datetime:
        """The first time after a moment."""
        zone = _zone(self.zone)
        at = self.at.replace(fold=0)
        day = moment.astimezone(zone).date() - timedelta(days=1)
        while True:
            # In UTC, since two times of one zone compare by what their clocks show.
            found = datetime.combine(day, at, zone).astimezone(UTC)
            if found > moment:
                return found
            day += timedelta(days=1)


Every: TypeAlias = timedelta | Daily
"""How a call repeats: after a span each time, or by the clock on the wall."""


def dump_every(every: Every | None) -> Json:
    """Write how a call repeats.

    Raises:
        ScheduleError: More often than once a second, or less than once in ten years.
        WrongArgumentError: It is something else.
    """
    if every is None:
        return None
    if isinstance(every, Daily):
        return ["daily", every.at.isoformat(), every.zone]
    if not _is(every, timedelta):
        expected = "a timedelta or Daily(time(9, 0), zone='Europe/Berlin')"
        raise WrongArgumentError("schedule()", "every", repr(every), expected)
    if not _SHORTEST <= every <= LONGEST:
        raise ScheduleError(
            f"every={every!r} is not between 1 second and 10 years; let a worker do "
            "what happens more often"
        )
    return ["span", every.total_seconds()]


def next_due(every: Json, due: float, now: float) -> float:
    """When a call that repeats comes next, in seconds since 1970 (UTC).

    Args:
        every: How it repeats, as `dump_every` writes it.
        due: When it was due last.
        now: What time it is; what lies between is missed for good.
    """
    latest = max(due, now)
    kind, *rest = every
    if kind == "daily":
        at, zone = rest
        moment = datetime.fromtimestamp(latest, UTC)
        return Daily(time.fromisoformat(at), zone).after(moment).timestamp()
    [span] = rest
    found: float = due + span * ((latest - due) // span + 1)
    return found if found > latest else found + span


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # a folder has a name, too
        raise ScheduleError(
            f"there is no time zone {name!r}; give a name such as 'Europe/Berlin', and "
            "install tzdata where the system has no zones"
        ) from error


def _is(value: object, kind: type) -> bool:
    """Whether a value is what its annotation says; programs without types get it wrong."""
    return isinstance(value, kind)
