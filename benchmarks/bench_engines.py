"""What an engine that outlives the process costs: presses, a slow disk, idle dialogs.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import engines_idle
from clicks import Job, Result, Side, Work
from engines import SYNC, Engines, in_file, in_memory, press_latencies
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

MEMORY = "memory"
SQLITE = "SQLite"
PEER = "aiogram_dialog"
# Presses whose syncs are counted, at least; each chat presses once or more.
_COUNTED = 40
_MICRO, _MEGA = 1e-6, 1e6


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    Attributes:
        what: What it is.
        value: How much.
        unit: Of what.
        target: How much it should be; None if nothing was asked for.
        is_met: Whether it is.
        rounds: What was measured in each round; its median is the value.
    """

    what: str
    value: float
    unit: str
    target: str | None = None
    is_met: bool | None = None
    rounds: tuple[float, ...] = ()


def at_most(
    what: str, value: float, unit: str, limit: float, *, rounds: Sequence[float] = ()
) -> Figure:
    """A figure that should not be larger."""
    return Figure(
        what, value, unit, f"at most {limit:g}", value <= limit, tuple(rounds)
    )


def sides() -> dict[str, Side]:
    """Who handles presses; a peer that is not installed is left out."""
    found: dict[str, Side] = {MEMORY: Engines(in_memory), SQLITE: Engines(in_file)}
    try:
        from clicks_aiogram import Aiogram  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if error.name not in {"aiogram", "aiogram_dialog"}:
            raise
    else:
        found[PEER] = Aiogram()
    return found


def presses(job: Job, rounds: int, console: Console) -> Iterator[Figure]:
    """Processor time of a press, on each side in each round."""
    measured = sides()
    names = list(measured)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for side in measured.values():
        asyncio.run(side(Job(Work.PRESS, 1, 20)))
    todo = [
        name for turn in range(rounds) for name in (names if turn % 2 else names[::-1])
    ]
    for name in track(todo, "pressing", console=console):
        result: Result = asyncio.run(measured[name](job))
        taken[name].append(1 / result.rate / _MICRO)
    for name in names:
        found = taken[name]
        yield Figure(
            f"a press, {name}", statistics.median(found), "µs", rounds=tuple(found)
        )
    own = taken[SQLITE]
    more = [mine - other for mine, other in zip(own, taken[MEMORY], strict=True)]
    yield at_most(
        "SQLite, more than memory", statistics.median(more), "µs", 100, rounds=more
    )
    if PEER in taken:
        times = [other / mine for mine, other in zip(own, taken[PEER], strict=True)]
        middle = statistics.median(times)
        yield Figure(
            f"SQLite, against {PEER}",
            middle,
            "times",
            "at least 2",
            middle >= 2,  # noqa: PLR2004 - as it says
            tuple(times),
        )


def slow_disk(chats: Sequence[int], console: Console) -> Iterator[Figure]:
    """How many syncs a press waits for where one takes 50 ms."""
    for number in track(chats, "waiting for a slow disk", console=console):
        waited = asyncio.run(press_latencies(number, max(2, _COUNTED // number)))
        name = f"a slow disk, {number:,} chats"
        yield at_most(
            f"{name}, longest wait", max(one.syncs for one in waited), "syncs", 3
        )
        middle = statistics.median(one.seconds for one in waited)
        yield Figure(f"{name}, median", middle / SYNC, "times 50 ms")


def idle(dialogs: int, owed: int, console: Console) -> Iterator[Figure]:
    """A file with many dialogs, and processes that start with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "state.db"
        measured: dict[str, float] = {}
        parts = {"fill": dialogs, "idle": dialogs, "die": owed, "start": owed}
        for part in track(parts, "starting with idle dialogs", console=console):
            measured[part] = engines_idle.run(part, file, parts[part])
    name = f"{dialogs:,} idle dialogs"
    yield at_most(f"{name}, file, each", measured["fill"], "bytes", 2200)
    yield at_most(f"{name}, memory", measured["idle"] / _MEGA, "MB", 100)
    yield at_most(
        f"{name}, first turn after a kill, {owed:,} owed", measured["start"], "s", 5
    )


def table(figures: Sequence[Figure]) -> Table:
    """Show them."""
    shown = Table(title="what an engine in a file costs")
    shown.add_column("what", no_wrap=True)
    shown.add_column("", justify="right")
    for heading in ("unit", "target", ""):
        shown.add_column(heading)
    for one in figures:
        met = {None: "", True: "met", False: "not met"}[one.is_met]
        shown.add_row(one.what, f"{one.value:,.2f}", one.unit, one.target or "", met)
    return shown


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="presses a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pressing", type=int, default=100, help="chats that press")
    parser.add_argument(
        "--slow", type=int, nargs="*", default=[1, 1000], help="chats on a slow disk"
    )
    parser.add_argument(
        "--dialogs",
        type=int,
        help="idle dialogs; 0: none; by default fifty for each of the messages",
    )
    parser.add_argument(
        "--owed",
        type=int,
        help="of these have mail and owed views; by default a tenth",
    )
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    chosen = parser.parse_known_args()[0]
    if chosen.dialogs is None:
        chosen.dialogs = 50 * chosen.messages
    if chosen.owed is None:
        chosen.owed = chosen.dialogs // 10
    return chosen


def main() -> None:
    chosen = options()
    progress = Console(stderr=True)
    each = max(1, chosen.messages // chosen.pressing)
    job = Job(Work.PRESS, chosen.pressing, each * chosen.pressing)
    figures = list(presses(job, chosen.rounds, progress))
    figures += slow_disk(chosen.slow, progress)
    if chosen.dialogs:
        figures += idle(chosen.dialogs, chosen.owed, progress)
    report = json.dumps([asdict(one) for one in figures], indent=2)
    if write(chosen.json, report):
        Console(width=120).print(table(figures))


if __name__ == "__main__":
    main()
