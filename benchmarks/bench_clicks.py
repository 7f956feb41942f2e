"""Clicks a second: duologue, aiogram_dialog and maxo on the same dialog.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from clicks import Job, Result, Side, Work
from clicks_duologue import Duologue
from idle_chats import idle_bytes
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

PEER = "aiogram_dialog"
PEER_JSON = "aiogram_dialog, JSON storage"
MAXO = "maxo"
_PEERS = (PEER, PEER_JSON, MAXO)

# Seconds that a request takes where views are to coalesce; elsewhere none.
ROUND_TRIP = 0.05
# From so many thousand bytes on the comparison is with a storage that writes JSON.
_MUCH = 100
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Way:
    """One way of handling clicks.

    Attributes:
        name: Its name.
        side: Who handles them.
        work: What the clicks are.
        has_data: Whether it is measured with much data too.
        is_small: Whether it is measured with little data.
    """

    name: str
    side: Side
    work: Work = Work.PRESS
    has_data: bool = False
    is_small: bool = True

    @property
    def how(self) -> str:
        """Its name and what the clicks are."""
        return self.name if self.work is Work.PRESS else f"{self.name}, {self.work}"


@dataclass(frozen=True, slots=True)
class Row:
    """The rounds of one way of handling clicks.

    Attributes:
        way: The way.
        job: What was done in each.
        rounds: What was measured.
    """

    way: Way
    job: Job
    rounds: tuple[Result, ...]

    @property
    def rate(self) -> float:
        """The median of the clicks a second."""
        return statistics.median(result.rate for result in self.rounds)

    @property
    def requests(self) -> float:
        """Requests a click, of all rounds together."""
        made = sum(result.requests for result in self.rounds)
        return made / sum(result.clicks for result in self.rounds)

    @property
    def views(self) -> float:
        """Views sent a click, of all rounds together."""
        sent = sum(result.views for result in self.rounds)
        return sent / sum(result.clicks for result in self.rounds)

    @property
    def peer(self) -> str:
        """Whom it is compared with."""
        return PEER_JSON if self.job.data_kb >= _MUCH else PEER


def ways() -> list[Way]:
    """The ways to measure; a peer that is not installed is left out."""
    return [*_peers(), *_own()]


def _own() -> list[Way]:
    side = Duologue()
    return [
        Way("duologue", side, has_data=True),
        Way("duologue, two calls", Duologue(one_call=False)),
        Way("duologue, coalescing", Duologue(round_trip=ROUND_TRIP)),
        Way("duologue", side, Work.UPDATE),
        Way("duologue", side, Work.TIMER),
    ]


def _peers() -> list[Way]:
    sides: dict[str, Side] = {}
    found: list[Way] = []
    try:
        from clicks_aiogram import Aiogram, JsonStorage  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        if error.name not in {"aiogram", "aiogram_dialog"}:
            raise
    else:
        sides[PEER] = Aiogram()
        json_side = Aiogram(JsonStorage)
        found.append(Way(PEER_JSON, json_side, has_data=True, is_small=False))
    try:
        from clicks_maxo import Maxo  # noqa: PLC0415 - optional, and not for 3.11
    except ModuleNotFoundError as error:
        if error.name != MAXO:
            raise
    else:
        sides[MAXO] = Maxo()
    for name, side in sides.items():
        found.append(Way(name, side, has_data=True))
        found.extend(Way(name, side, work) for work in (Work.UPDATE, Work.TIMER))
    return found


def plan(
    measured: Sequence[Way], chats: Sequence[int], data: Sequence[int], messages: int
) -> list[tuple[Way, Job]]:
    """What is done in each round.

    Much data is measured in one chat, with fewer clicks, as each takes longer.
    """
    jobs: list[tuple[Way, Job]] = []
    for data_kb in data:
        for number in [1] if data_kb else chats:
            clicks = max(1, messages // (1 + data_kb // 10) // number) * number
            jobs += [
                (way, Job(way.work, number, clicks, data_kb))
                for way in measured
                if (way.has_data if data_kb else way.is_small)
            ]
    return jobs


def measure(jobs: Sequence[tuple[Way, Job]], rounds: int) -> list[Row]:
    """Do everything, round after round; every other round backwards."""
    found: dict[tuple[str, Job], list[Result]] = {
        (way.how, job): [] for way, job in jobs
    }
    for way, work in {
        (way.how, job.work): (way, job.work) for way, job in jobs
    }.values():
        asyncio.run(way.side(Job(work, 1, _WARM_UP)))
    todo = [one for turn in range(rounds) for one in (jobs if turn % 2 else jobs[::-1])]
    for way, job in track(todo, "clicking", console=Console(stderr=True)):
        found[way.how, job].append(asyncio.run(way.side(job)))
    return [Row(way, job, tuple(found[way.how, job])) for way, job in jobs]


def times(row: Row, name: str, rows: Sequence[Row]) -> float | None:
    """How many times the rate of somebody else at the same job; None without them.

    It is the median of the ratios of each round, whose runs were close together.
    """
    for other in rows:
        if (other.way.name, other.job) == (name, row.job):
            pairs = zip(row.rounds, other.rounds, strict=True)
            return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)
    return None


def table(rows: Sequence[Row]) -> Table:
    """Show the medians."""
    shown = Table(title="processor time of a click, median of the rounds")
    for heading in ("chats", "KB"):
        shown.add_column(heading, justify="right")
    shown.add_column("how", no_wrap=True)
    for heading in ("µs", "times aiogram", "its JSON", "maxo", "requests", "views"):
        shown.add_column(heading, justify="right")
    for row in rows:
        ratios = [times(row, name, rows) for name in _PEERS]
        shown.add_row(
            f"{row.job.chats:,}",
            str(row.job.data_kb),
            row.way.how,
            f"{1e6 / row.rate:,.0f}",
            *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            f"{row.requests:.2f}",
            f"{row.views:.2f}",
        )
    return shown


def report(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The medians and the rounds, as JSON has them."""
    return [
        {
            "chats": row.job.chats,
            "data_kb": row.job.data_kb,
            "how": row.way.how,
            "times": times(row, row.peer, rows),
            "peer": row.peer,
            "times_of": {name: times(row, name, rows) for name in _PEERS},
            "clicks": row.job.clicks,
            "clicks_per_second": round(row.rate, 1),
            "microseconds": round(1e6 / row.rate, 1),
            "requests_per_click": row.requests,
            "views_per_click": row.views,
            "rounds": [round(result.rate, 1) for result in row.rounds],
        }
        for row in rows
    ]


def _idle(chats: int) -> list[dict[str, object]]:
    """What a chat takes in memory that is left alone."""
    taken = round(asyncio.run(idle_bytes(chats)))
    how = "duologue, idle chat"
    return [{"chats": chats, "data_kb": 0, "how": how, "times": None, "bytes": taken}]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="clicks a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chats", type=int, nargs="+", default=[1, 1000])
    parser.add_argument(
        "--data", type=int, nargs="+", default=[0, 10, 100], help="KB of dialog_data"
    )
    parser.add_argument(
        "--idle", type=int, default=400, help="chats whose memory is measured; 0: none"
    )
    parser.add_argument("--how", nargs="+", help="only these ways, by their names")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    measured = [way for way in ways() if not chosen.how or way.how in chosen.how]
    jobs = plan(measured, chosen.chats, chosen.data, chosen.messages)
    rows = measure(jobs, chosen.rounds)
    idle = _idle(chosen.idle) if chosen.idle else []
    if not write(chosen.json, json.dumps([*report(rows), *idle], indent=2)):
        return
    console = Console(width=120)
    console.print(table(rows))
    for row in idle:
        console.print(f"{row['how']}: {row['bytes']} bytes")
    for peer in (PEER, MAXO):
        if not any(way.name == peer for way in measured):
            console.print(f"{peer} is not measured: `make bench` installs it")


if __name__ == "__main__":
    main()
