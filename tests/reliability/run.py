"""Kill a bot again and again, and count what that has cost: `make reliability`.

Ends with 1 if anything was lost, doubled, out of order or never shown, and if no kill
happened in the middle of a call; the seed that it prints repeats what users did and
where the bot was struck.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.reliability.campaign import STRIKES, Campaign, Plan
from tests.reliability.programs import Nursery
from tests.reliability.verdict import BAD, DOUBTFUL, Verdict

SHOWN = 300  # characters of an example
SAMPLE = 2_000  # messages of one campaign


async def campaigns(
    plans: list[Plan],
    folder: Path,
    total: Verdict,
    *,
    lanes: int = 2,
    package: Path | None = None,
) -> None:
    """Run plans, so many at a time, and add up what came of them."""
    left = plans.copy()
    async with asyncio.TaskGroup() as group:
        for lane in range(min(lanes, len(left))):
            group.create_task(_lane(left, folder / str(lane), total, package))


async def _lane(
    left: list[Plan], folder: Path, total: Verdict, package: Path | None
) -> None:
    folder.mkdir(parents=True)  # noqa: ASYNC240  # nothing else runs yet
    async with Nursery(folder / "bots.log", package) as nursery:
        while left:
            plan = left.pop(0)
            verdict = await Campaign(plan, nursery, folder / plan.seed).run()
            total.merge(verdict)
            _report(plan, verdict, len(left))


def _report(plan: Plan, verdict: Verdict, left: int) -> None:
    counts = verdict.counts
    faults = verdict.faults or "nothing wrong"
    _say(
        f"seed {plan.seed}: {counts['messages']} messages, {counts['presses']} presses, "
        f"{counts['kills']} kills: {faults}; {left} more to come"
    )
    for name in verdict.faults:
        _say(f"    {name}: {verdict.examples[name][:SHOWN]}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def in_calls(verdict: Verdict) -> int:
    """How many kills happened in the middle of a call."""
    return verdict.counts["kills before"] + verdict.counts["kills after"]


def _sum_up(verdict: Verdict, seconds: float) -> None:
    counts = verdict.counts
    for name in ("messages", "presses", "texts", "broadcasts", "windows", "kills"):
        _say(f"{name:<24}{counts[name]:>9}")
    for name, number in sorted(counts.items()):
        if name.startswith("kills "):
            _say(f"  {name:<22}{number:>9}")
    for name in (*BAD, *DOUBTFUL):
        _say(f"{name:<24}{counts[name]:>9}")
    _say(f"{'seconds':<24}{seconds:>9.0f}")


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; give the exit code."""
    parser = argparse.ArgumentParser(prog="make reliability", description=__doc__)
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(10**6)}")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20, help="of each campaign")
    parser.add_argument("--users", type=int, default=100, help="of each campaign")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="its messages")
    parser.add_argument("--lanes", type=int, default=2, help="campaigns at a time")
    parser.add_argument("--engine", default="", help="by default that of LongPolling")
    parser.add_argument("--limits", action="store_true", help="keep those of MAX")
    parser.add_argument("--strike", default="kill", choices=STRIKES)
    chosen = parser.parse_args(arguments)
    seeds = [chosen.seed]  # of one campaign, if it has a dot
    if "." not in chosen.seed:
        number = max(1, round(chosen.messages / chosen.sample))
        seeds = [f"{chosen.seed}.{n}" for n in range(number)]
    plans = [
        Plan(
            seed,
            chosen.sample,
            chosen.kills,
            chosen.users,
            engine=chosen.engine,
            limits=chosen.limits,
            strike=chosen.strike,
        )
        for seed in seeds
    ]
    total, began = Verdict(), time.monotonic()
    _say(f"--seed {chosen.seed}, {len(seeds)} campaigns")
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        asyncio.run(campaigns(plans, Path(folder), total, lanes=chosen.lanes))
    _sum_up(total, time.monotonic() - began)
    if not in_calls(total):
        _say("invalid: no kill happened in the middle of a call")
    return 1 if total.faults or not in_calls(total) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
