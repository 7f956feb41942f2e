"""What metrics cost: clicks a second with nobody who counts, and with Prometheus.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
from collections.abc import Mapping

from clicks import Job, Result, Work
from clicks_duologue import Duologue, Nobody, plain
from prometheus_client import CollectorRegistry
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

from duologue import Dispatcher, Runtime
from duologue.transport.max import Bot

NOBODY = "nobody counts"

# Seconds; less than the time in which a press must be answered.
_LONGER_THAN_A_ROUND = 4.0


def _uncounted(dispatcher: Dispatcher, bot: Bot) -> Runtime:
    _keep_a_timer()
    return Runtime(dispatcher, [bot], polling=None, observer=Nobody())


def _counted(dispatcher: Dispatcher, bot: Bot) -> Runtime:
    _keep_a_timer()
    return plain(dispatcher, bot)


def _measured(dispatcher: Dispatcher, bot: Bot) -> Runtime:
    _keep_a_timer()
    return Runtime(dispatcher, [bot], polling=None, registry=CollectorRegistry())


def _keep_a_timer() -> None:
    """Have a timer wait, as every bot that polls has one."""
    asyncio.get_running_loop().call_later(_LONGER_THAN_A_ROUND, int)


WAYS: Mapping[str, Duologue] = {
    NOBODY: Duologue(make=_uncounted),
    "counts in memory": Duologue(make=_counted),
    "Prometheus": Duologue(make=_measured),
}


def measure(chats: int, messages: int, rounds: int) -> dict[str, list[Result]]:
    """Run every way once a round, in an order that changes."""
    found: dict[str, list[Result]] = {way: [] for way in WAYS}
    dice = random.Random(rounds)  # noqa: S311 - the same order for everybody
    todo = [
        way for _ in range(rounds) for way in dice.sample(sorted(WAYS), k=len(WAYS))
    ]
    job = Job(Work.PRESS, chats, max(1, messages // chats) * chats)
    for way in track(todo, "clicking", console=Console(stderr=True)):
        found[way].append(asyncio.run(WAYS[way](job)))
    return found


def microseconds(results: list[Result]) -> float:
    """The median time of a click."""
    return statistics.median(1e6 * one.seconds / one.clicks for one in results)


def more(way: str, found: Mapping[str, list[Result]]) -> float:
    """Microseconds on top of counting nothing, the median of the rounds."""
    pairs = zip(found[way], found[NOBODY], strict=True)
    return statistics.median(1e6 / one.rate - 1e6 / none.rate for one, none in pairs)


def share(way: str, found: Mapping[str, list[Result]]) -> float:
    """What a way costs on top of counting nothing, of the medians."""
    return microseconds(found[way]) / microseconds(found[NOBODY]) - 1


def table(found: Mapping[str, list[Result]]) -> Table:
    """Show the medians."""
    shown = Table(title="processor time of a click, median of the rounds")
    shown.add_column("who counts", no_wrap=True)
    for heading in ("µs", "clicks/s", "more than nobody", "µs more"):
        shown.add_column(heading, justify="right")
    for way, results in found.items():
        time = microseconds(results)
        shown.add_row(
            way,
            f"{time:.1f}",
            f"{1e6 / time:,.0f}",
            f"{share(way, found):+.1%}",
            f"{more(way, found):+.1f}",
        )
    return shown


def report(found: Mapping[str, list[Result]]) -> str:
    """Write the medians and the rounds as JSON."""
    return json.dumps(
        [
            {
                "way": way,
                "clicks": results[0].clicks,
                "microseconds_per_click": round(microseconds(results), 2),
                "share": share(way, found),
                "microseconds_more": round(more(way, found), 2),
                "rounds": [round(one.rate, 1) for one in results],
            }
            for way, results in found.items()
        ],
        indent=2,
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=400, help="clicks a round")
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--chats", type=int, default=20)
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    found = measure(chosen.chats, chosen.messages, chosen.rounds)
    if write(chosen.json, report(found)):
        Console().print(table(found))


if __name__ == "__main__":
    main()
