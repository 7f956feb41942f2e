"""The rows of the comparison of actors: what is measured, and what is promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from actors import Figures, median


class Job(NamedTuple):
    """One work, done one way in a process of its own.

    Attributes:
        work: The name of its function.
        way: Who does it.
        cores: How many cores the process may use.
    """

    work: str
    way: str = "duologue"
    cores: int = 1


class Promise(Enum):
    """What a target bounds."""

    TIMES_AT_LEAST = "at least {:g} times"
    TIMES_AT_MOST = "at most {:g} times"
    VALUE_AT_MOST = "at most {:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of ours, beside that of somebody else.

    Attributes:
        title: What is measured.
        figure: Its name among the figures of the jobs.
        unit: Its unit.
        ours: What we do.
        theirs: What it is compared with.
        promise: What the target bounds, if there is one.
        target: The bound.
    """

    title: str
    figure: str
    unit: str
    ours: Job
    theirs: Job | None = None
    promise: Promise | None = None
    target: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A row with the medians of its rounds.

    Attributes:
        row: The row.
        ours: The median of our figure.
        theirs: The median of theirs; None where the other is not installed.
        times: Ours divided by theirs, round by round.
    """

    row: Row
    ours: float
    theirs: float | None
    times: tuple[float, ...]

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one, or without the other."""
        promise, target = self.row.promise, self.row.target
        if promise is Promise.VALUE_AT_MOST:
            return self.ours <= target
        if promise is None or not self.times:
            return None
        times = median(list(self.times))
        return times >= target if promise is Promise.TIMES_AT_LEAST else times <= target


def _rate(work: str, title: str, way: str, least: float, *, cores: int = 1) -> Row:
    # Processor time does not hear the neighbours, but two cores overlap.
    figure = "per_processor_second" if cores == 1 else "per_second"
    return Row(
        f"{title}, {'one core' if cores == 1 else 'two cores'}",
        figure,
        "/s",
        Job(work, cores=cores),
        Job(work, way, cores),
        Promise.TIMES_AT_LEAST,
        least,
    )


_MEMORY, _CROWD, _FEW = Job("memory"), Job("start_stop"), Job("start_stop_few")
_BACKLOG, _MILLION = Job("backlog"), Job("million")

ROWS: Sequence[Row] = (
    _rate("tell_one", "tell one from a thread", "pykka", 3),
    _rate("tell_one", "tell one from a thread", "pykka", 4, cores=2),
    _rate("tell_many", "tell 1,000 from a thread", "pykka", 60),
    _rate("tell_many", "tell 1,000 from a thread", "pykka", 60, cores=2),
    _rate("tell_idle", "tell 10,000 idle on the loop", "tasks", 4),
    _rate("ask_blocking", "ask from a thread", "pykka", 0.8),
    _rate("ask_awaited", "ask on the loop", "xoscar", 5),
    Row(
        "idle actor of 100,000",
        "bytes_idle",
        "bytes",
        _MEMORY,
        Job("memory", "pykka"),
        Promise.VALUE_AT_MOST,
        500,
    ),
    Row(
        "the same after a message",
        "bytes_touched",
        "bytes",
        _MEMORY,
        Job("memory", "pykka"),
        Promise.VALUE_AT_MOST,
        800,
    ),
    Row(
        "start and stop, of 100,000 against 1,000",
        "microseconds",
        "µs",
        _CROWD,
        _FEW,
        Promise.TIMES_AT_MOST,
        1.5,
    ),
    Row("  start alone", "start_microseconds", "µs", _CROWD, _FEW),
    Row("  stop alone", "stop_microseconds", "µs", _CROWD, _FEW),
    Row(
        "start and stop 1,000",
        "microseconds",
        "µs",
        _FEW,
        Job("start_stop_few", "pykka"),
    ),
    Row(
        "ask beside a backlog, p99",
        "ask_p99_ms",
        "ms",
        _BACKLOG,
        Job("backlog", "tasks"),
        Promise.VALUE_AT_MOST,
        2,
    ),
    Row(
        "the loop beside a backlog, p99",
        "loop_p99_ms",
        "ms",
        _BACKLOG,
        Job("backlog", "tasks"),
        Promise.VALUE_AT_MOST,
        2,
    ),
    Row("a million idle actors", "megabytes_idle", "MB", _MILLION),
    Row("  each", "bytes_idle", "bytes", _MILLION),
    Row("  to start them all", "start_seconds", "s", _MILLION),
    Row("  to stop them all", "close_seconds", "s", _MILLION),
    Row("  a garbage collection", "collect_seconds", "s", _MILLION),
)


def jobs(rows: Sequence[Row]) -> list[Job]:
    """What has to be done for the rows, each job once; peers next to each other."""
    wanted = [job for row in rows for job in (row.ours, row.theirs) if job is not None]
    return list(dict.fromkeys(wanted))


def results(
    rows: Sequence[Row], rounds: Sequence[Mapping[Job, Figures]]
) -> list[Result]:
    """The medians of the rounds.

    Args:
        rows: The rows.
        rounds: The figures of each round; a job that could not be done is left out.
    """
    return [_result(row, rounds) for row in rows]


def _result(row: Row, rounds: Sequence[Mapping[Job, Figures]]) -> Result:
    ours = [figures[row.ours][row.figure] for figures in rounds]
    theirs = [
        figures[row.theirs][row.figure]
        for figures in rounds
        if row.theirs is not None and row.theirs in figures
    ]
    times = tuple(mine / other for mine, other in zip(ours, theirs, strict=False))
    return Result(row, median(ours), median(theirs) if theirs else None, times)
