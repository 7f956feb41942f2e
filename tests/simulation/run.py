"""Simulate several processes on one server that are hurt in every way: `make simulation`.

Each seed is one simulation, and does the same again. Ends with 1 if anything was lost,
doubled, out of order or left over, or if a seed has not done the same again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.simulation.faults import FAULTS
from tests.simulation.plan import plan_of
from tests.simulation.server import SimulatedServer
from tests.simulation.verdict import Judge
from tests.simulation.world import simulate

MESSAGES = 100  # of a seed
_SHOWN = 5  # of what is wrong with one seed


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed.

    Attributes:
        seed: The seed.
        said: What it was.
        faults: What is wrong: the name of the promise, and what is known.
        counts: What there was.
        history: All that happened, in order.
        met: How often faults have brought about what they are to.
    """

    seed: str
    said: str
    faults: Sequence[tuple[str, str]]
    counts: Counter[str]
    history: bytes
    met: Counter[str]

    @property
    def digest(self) -> str:
        """Stands for all that happened."""
        return hashlib.blake2b(self.history, digest_size=8).hexdigest()


def run_seed(
    seed: str,
    *,
    messages: int,
    chosen: Sequence[str] = (),
    server: SimulatedServer | None = None,
) -> Result:
    """Run a seed once.

    Args:
        seed: The seed.
        messages: About how many messages users write.
        chosen: The names of faults, instead of those that the seed says.
        server: A new server; one that is as it should be, by default.
    """
    plan = plan_of(seed, list(FAULTS), messages=messages, chosen=chosen)
    strikes = [FAULTS[name].strike for name in plan.strikes]
    outcome = simulate(plan, strikes, server or SimulatedServer())
    judge = Judge(plan, outcome)
    records = outcome.records
    counts = Counter(
        {
            "processes": plan.processes,
            "messages": len(records.mail),
            "copies": records.copies,
            "turns": len(records.ends),
            "strikes": len(plan.strikes),
            "forgotten by a server": judge.forgotten(),
        }
    )
    for name in plan.strikes:
        counts[f"strike {name}"] += 1
    for name in set(plan.strikes):
        has_bitten = any(outcome.met[each] for each in FAULTS[name].proof)
        counts[f"bitten {name}"] += has_bitten
        counts[f"seeds {name}"] += 1
    said = f"{plan.processes} processes, {plan.durability}, {' '.join(plan.strikes)}"
    faults = judge.faults()
    return Result(seed, said, faults, counts, records.history(), outcome.met)


def _report(result: Result, again: Result | None) -> None:
    """Say what is wrong with a seed, and whether it did the same again."""
    for fault in set(result.counts):
        name = fault.removeprefix("bitten ")
        if name != fault and not result.counts[fault]:
            _say(f"--seed {result.seed}: {name} has not bitten")
    if not result.faults or again is None:
        return
    is_same = again.history == result.history
    same = "the same again" if is_same else f"another history: {again.digest}"
    _say(f"--seed {result.seed}: {result.said}; {result.digest}, {same}")
    for name, text in result.faults[:_SHOWN]:
        _say(f"    {name}: {text}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _sum_up(counts: Counter[str], wrong: Counter[str], seconds: float) -> None:
    for name in ("seeds", "processes", "messages", "copies", "turns", "strikes"):
        _say(f"{name:<24}{counts[name]:>9}")
    _say(f"{'forgotten by a server':<24}{counts['forgotten by a server']:>9}")
    for name in FAULTS:
        bitten, seeds = counts[f"bitten {name}"], counts[f"seeds {name}"]
        _say(
            f"{name:<24}{counts[f'strike {name}']:>9}, bit in {bitten} of {seeds} seeds"
        )
    for name, number in sorted(wrong.items()):
        _say(f"{name:<24}{number:>9} WRONG")
    _say(f"{'violations':<24}{wrong.total():>9}")
    _say(f"{seconds:.0f} s of processor time")


def _timed(seed: str, *, messages: int, chosen: Sequence[str]) -> tuple[Result, float]:
    began = time.process_time()
    result = run_seed(seed, messages=messages, chosen=chosen)
    return result, time.process_time() - began


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; give the exit code."""
    parser = argparse.ArgumentParser(prog="make simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first")
    parser.add_argument("--seed", help="only this one, and its history")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="of a seed")
    parser.add_argument("--fault", action="append", choices=FAULTS, default=[])
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time")
    parser.add_argument(
        "--stop", action="store_true", help="at the first that is wrong"
    )
    chosen = parser.parse_args(arguments)
    run = partial(_timed, messages=chosen.messages, chosen=tuple(chosen.fault))
    if chosen.seed is not None:
        result, _ = run(chosen.seed)
        _say(result.history.decode())
        _report(result, run(chosen.seed)[0])
        return int(bool(result.faults))
    seeds = [str(n) for n in range(chosen.first, chosen.first + chosen.seeds)]
    counts, wrong = Counter[str](), Counter[str]()
    seconds, began = 0.0, time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        results = map(run, seeds) if chosen.jobs == 1 else pool.map(run, seeds)
        for result, used in results:
            seconds += used
            counts += result.counts
            counts["seeds"] += 1
            wrong.update({name for name, _ in result.faults})
            _report(result, run(result.seed)[0] if result.faults else None)
            if counts["seeds"] % 50 == 0:
                passed = time.monotonic() - began
                _say(f"{counts['seeds']} of {len(seeds)} seeds, {passed:.0f} s")
            if wrong and chosen.stop:
                break
    _sum_up(counts, wrong, seconds)
    return int(bool(wrong))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a seed
        os.environ["PYTHONHASHSEED"] = "0"
        again = [sys.executable, "-m", "tests.simulation.run", *sys.argv[1:]]
        os.execv(sys.executable, again)  # noqa: S606  # this program
    sys.exit(main(sys.argv[1:]))
