"""Hurt several processes and their server in every way, and count the cost: `make chaos`.

Ends with 1 if anything was lost, doubled, out of order, never shown or left over, or if a
fault did not bite. A cell, a seed with its dot and the sizes repeat one campaign.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import FAULTS, Campaign, Plan
from tests.chaos.cells import CELLS
from tests.reliability.verdict import BAD, DOUBTFUL, Verdict
from tests.servers import redis_program, valkey_program

SHOWN = 400  # characters of an example
SAMPLE = 2_000  # messages of one campaign


def faults_of(verdict: Verdict) -> dict[str, int]:
    """All that must not be."""
    counts = verdict.counts
    return {name: counts[name] for name in (*BAD, *FAULTS) if counts[name]}


async def campaigns(plans: list[Plan], folder: Path, lanes: int) -> dict[str, Verdict]:
    """Run plans, so many at a time, and add up what came of them for each cell."""
    left, totals = plans.copy(), {plan.cell.name: Verdict() for plan in plans}

    async def lane() -> None:
        while left:
            plan = left.pop(0)
            place = folder / f"{plan.cell.name}-{plan.seed}"
            began = time.monotonic()
            verdict = await Campaign(plan, place).run()
            _report(plan, verdict, time.monotonic() - began)
            totals[plan.cell.name].merge(verdict)
            if not faults_of(verdict):
                shutil.rmtree(place)

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(lane())
    return totals


def _report(plan: Plan, verdict: Verdict, seconds: float) -> None:
    counts, faults = verdict.counts, faults_of(verdict)
    met = {name[4:]: n for name, n in sorted(counts.items()) if name.startswith("met ")}
    done = {
        name: n
        for name, n in sorted(counts.items())
        if n and name.startswith(("forgotten", "copies", "deaths", "clock of", "bytes"))
    }
    _say(
        f"--cell {plan.cell.name} --seed {plan.seed}: {counts['messages']} messages, "
        f"{counts['presses']} presses, {counts['strikes']} strikes, {seconds:.0f} s; "
        f"met {met or 'nothing'}{f', {done}' if done else ''}: "
        f"{faults or 'nothing wrong'}"
    )
    for name in (*faults, "invalid"):
        if name in verdict.examples:
            _say(f"    {name}: {verdict.examples[name][:SHOWN]}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _sum_up(totals: dict[str, Verdict]) -> None:
    names = (
        "messages",
        "presses",
        "strikes",
        *BAD,
        *FAULTS,
        "invalid",
        *DOUBTFUL,
        "not started",
    )
    _say(f"{'':<30}" + "".join(f"{cell:>9}" for cell in totals))
    for name in names:
        numbers = [total.counts[name] for total in totals.values()]
        _say(f"{name:<30}" + "".join(f"{number:>9}" for number in numbers))


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; give the exit code."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--cell", action="append", choices=CELLS, help="by default all")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(10**6)}")
    parser.add_argument("--messages", type=int, default=SAMPLE, help="of each cell")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="of one campaign")
    parser.add_argument("--strikes", type=int, default=10, help="of each campaign")
    parser.add_argument("--users", type=int, default=100, help="of each campaign")
    parser.add_argument("--lanes", type=int, default=1, help="campaigns at a time")
    parser.add_argument("--server", choices=("valkey", "redis"), default="valkey")
    parser.add_argument("--folder", type=Path, help="keeps what went wrong")
    chosen = parser.parse_args(arguments)
    program = valkey_program() if chosen.server == "valkey" else redis_program()
    if program is None:
        parser.error("there is no redis-server here")
    seeds = [chosen.seed]  # of one campaign, if it has a dot
    if "." not in chosen.seed:
        number = max(1, round(chosen.messages / chosen.sample))
        seeds = [f"{chosen.seed}.{n}" for n in range(number)]
    plans = [
        Plan(
            CELLS[cell],
            seed,
            program,
            messages=min(chosen.sample, chosen.messages),
            strikes=chosen.strikes,
            users=chosen.users,
        )
        for cell in chosen.cell or CELLS
        for seed in seeds
    ]
    _say(f"--seed {chosen.seed}, {len(plans)} campaigns")
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    totals = asyncio.run(campaigns(plans, folder, chosen.lanes))
    _sum_up(totals)
    is_wrong = any(faults_of(one) or one.counts["invalid"] for one in totals.values())
    if is_wrong:
        _say(f"what the bots said is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
