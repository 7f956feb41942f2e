"""Actors on a loop, beside Pykka's threads, bare tasks and xoscar.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from actors import LARGEST, Figures, median
from actors_rows import ROWS, Job, Promise, Result, Row, jobs, results
from reports import add_json_option, write
from rich.console import Console
from rich.table import Table

# Seconds; the largest work takes a minute on a slow machine.
PATIENCE = 600

# The packages of those who need one.
PACKAGES = {"xoscar": "xoscar"}


def is_installed(job: Job) -> bool:
    """Whether whoever does the job is here."""
    package = PACKAGES.get(job.way)
    return package is None or find_spec(package) is not None


def do(job: Job, messages: int, *, uses_uvloop: bool) -> Figures:
    """Do a job in a process of its own."""
    script = Path(__file__).with_name("actors_measure.py")
    command = [sys.executable, str(script), job.work, job.way]
    command += ["--cores", str(job.cores), "--messages", str(messages)]
    if uses_uvloop:
        command.append("--uvloop")
    done = subprocess.run(  # noqa: S603 - our own program
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
    )
    return cast("Figures", json.loads(done.stdout))


def measure(
    rows: Sequence[Row], rounds: int, messages: int, *, uses_uvloop: bool
) -> list[dict[Job, Figures]]:
    """Do every job once a round; every other round goes backwards."""
    plan = [job for job in jobs(rows) if is_installed(job)]
    found: list[dict[Job, Figures]] = [{} for _ in range(rounds)]
    todo = [
        (figures, job)
        for number, figures in enumerate(found)
        for job in (reversed(plan) if number % 2 else plan)
    ]
    progress = Console(stderr=True, highlight=False)
    for step, (figures, job) in enumerate(todo, start=1):
        cores = "one core" if job.cores == 1 else f"{job.cores} cores"
        progress.print(f"{step}/{len(todo)} {job.work} by {job.way} on {cores}")
        figures[job] = do(job, messages, uses_uvloop=uses_uvloop)
    return found


def verdict(result: Result) -> str:
    """Whether the target is met."""
    return {True: "met", False: "not met", None: ""}[result.is_met]


def target(row: Row) -> str:
    """What is promised."""
    if row.promise is None:
        return ""
    bound = row.promise.value.format(row.target)
    return f"{bound} {row.unit}" if row.promise is Promise.VALUE_AT_MOST else bound


def table(found: Sequence[Result], load: float) -> Table:
    """Show the medians, and how busy the machine was before."""
    caption = f"load of the machine before: {load:.1f}; two cores need an idle one"
    shown = Table(title="actors, medians of the rounds", caption=caption)
    shown.add_column("what", no_wrap=True)
    shown.add_column("duologue", justify="right")
    shown.add_column("unit")
    shown.add_column("against")
    for heading in ("theirs", "times", "least … most"):
        shown.add_column(heading, justify="right")
    shown.add_column("target")
    shown.add_column("")
    for one in found:
        times = list(one.times)
        shown.add_row(
            one.row.title,
            number(one.ours),
            one.row.unit,
            against(one.row),
            "" if one.theirs is None else number(one.theirs),
            f"{median(times):.3g}" if times else "",
            f"{min(times):.3g} … {max(times):.3g}" if times else "",
            target(one.row),
            verdict(one),
        )
    return shown


def against(row: Row) -> str:
    """Who the other is."""
    if row.theirs is None:
        return ""
    return "itself" if row.theirs.way == row.ours.way else row.theirs.way


def number(value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits


def report(
    found: Sequence[Result],
    rounds: Sequence[dict[Job, Figures]],
    settings: dict[str, object],
) -> str:
    """Write the medians and every figure of every round as JSON."""
    rows = [
        {
            "what": one.row.title.strip(),
            "figure": one.row.figure,
            "unit": one.row.unit,
            "work": one.row.ours.work,
            "cores": one.row.ours.cores,
            "ours": one.ours,
            "against": one.row.theirs and against(one.row),
            "theirs": one.theirs,
            "times": median(list(one.times)) if one.times else None,
            "times_by_round": [round(times, 4) for times in one.times],
            "target": target(one.row) or None,
            "met": one.is_met,
        }
        for one in found
    ]
    raw = [
        [{**job._asdict(), "figures": figures} for job, figures in done.items()]
        for done in rounds
    ]
    return json.dumps({"settings": settings, "rows": rows, "rounds": raw}, indent=2)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--messages",
        type=int,
        default=LARGEST,
        help="of the largest row; every other number is in proportion",
    )
    parser.add_argument("--uvloop", action="store_true", help="run on loops of uvloop")
    parser.add_argument("--pinned", action="store_true", help="only rows of one core")
    parser.add_argument("--only", metavar="WORK", nargs="+", help="only these works")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def chosen_rows(only: Sequence[str] | None, *, pinned: bool) -> list[Row]:
    """The rows that are asked for."""
    return [
        row
        for row in ROWS
        if (not only or row.ours.work in only) and not (pinned and row.ours.cores > 1)
    ]


def main() -> None:
    chosen = options()
    rows = chosen_rows(chosen.only, pinned=chosen.pinned)
    load = os.getloadavg()[0]
    rounds = measure(rows, chosen.rounds, chosen.messages, uses_uvloop=chosen.uvloop)
    found = results(rows, rounds)
    settings = {
        "rounds": chosen.rounds,
        "messages": chosen.messages,
        "uvloop": chosen.uvloop,
        "python": sys.version.split()[0],
        "load_average": load,
    }
    if write(chosen.json, report(found, rounds, settings)):
        Console(width=None if sys.stdout.isatty() else 160).print(table(found, load))


if __name__ == "__main__":
    main()
