"""Clicks a second: duologue and aiogram_dialog on the same dialog.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from clicks import Result, Side
from clicks_duologue import Duologue
from rich.console import Console
from rich.progress import track
from rich.table import Table

PEER = "aiogram_dialog"

# Seconds that a request takes where views are to coalesce; elsewhere none.
ROUND_TRIP = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """The rounds of one way of handling clicks.

    Attributes:
        way: The name of the way.
        chats: How many chats clicked.
        rounds: What was measured.
    """

    way: str
    chats: int
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


def sides() -> Mapping[str, Side]:
    """The ways to measure; the peer is left out where it is not installed."""
    ways: dict[str, Side] = {
        "duologue": Duologue(),
        "duologue, two calls": Duologue(one_call=False),
        "duologue, coalescing": Duologue(round_trip=ROUND_TRIP),
    }
    try:
        from clicks_peer import Peer  # noqa: PLC0415 - of an optional group
    except ModuleNotFoundError as error:
        if error.name not in {"aiogram", PEER}:
            raise
        return ways
    return {PEER: Peer(), **ways}


def measure(
    ways: Mapping[str, Side], chats: list[int], messages: int, rounds: int
) -> list[Row]:
    """Run every way with every number of chats, round after round."""
    plan = [(way, number) for number in chats for way in ways]
    found: dict[tuple[str, int], list[Result]] = {key: [] for key in plan}
    todo = [key for _ in range(rounds) for key in plan]
    for way, number in track(todo, "clicking", console=Console(stderr=True)):
        clicks = max(1, messages // number) * number
        found[way, number].append(asyncio.run(ways[way](number, clicks)))
    return [Row(way, number, tuple(found[way, number])) for way, number in plan]


def ratio(row: Row, rows: list[Row]) -> float | None:
    """How many times the peer's clicks a second; None without the peer."""
    rates = [
        other.rate for other in rows if (other.way, other.chats) == (PEER, row.chats)
    ]
    return row.rate / rates[0] if rates else None


def table(rows: list[Row]) -> Table:
    """Show the medians."""
    shown = Table(title="clicks a second of processor time, median of the rounds")
    shown.add_column("chats", justify="right")
    shown.add_column("how", no_wrap=True)
    for heading in ("clicks/s", "times peer", "requests", "views"):
        shown.add_column(heading, justify="right")
    for row in rows:
        times = ratio(row, rows)
        shown.add_row(
            f"{row.chats:,}",
            row.way,
            f"{row.rate:,.0f}",
            "" if times is None else f"{times:.1f}",
            f"{row.requests:.2f}",
            f"{row.views:.2f}",
        )
    return shown


def report(rows: list[Row]) -> str:
    """Write the medians and the rounds as JSON."""
    return json.dumps(
        [
            {
                "way": row.way,
                "chats": row.chats,
                "clicks": row.rounds[0].clicks,
                "clicks_per_second": round(row.rate, 1),
                "times_peer": ratio(row, rows),
                "requests_per_click": row.requests,
                "views_per_click": row.views,
                "rounds": [round(result.rate, 1) for result in row.rounds],
            }
            for row in rows
        ],
        indent=2,
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="clicks a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chats", type=int, nargs="+", default=[1, 1000])
    parser.add_argument("--json", action="store_true", help="write JSON, no table")
    return parser.parse_args()


def main() -> None:
    chosen = options()
    ways = sides()
    rows = measure(ways, chosen.chats, chosen.messages, chosen.rounds)
    if chosen.json:
        print(report(rows))
        return
    console = Console()
    console.print(table(rows))
    if PEER not in ways:
        console.print(f"{PEER} is not installed: `make bench` brings it for comparison")


if __name__ == "__main__":
    main()
