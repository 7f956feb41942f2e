"""Background workers: how quick a ping is, and how many can report at once.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from latencies import Latencies
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

from duologue.actors import (
    ActorSystem,
    AsyncOperationResult,
    Operation,
    Worker,
    Workers,
)

PING_EVERY = 0.01
REPORT_EVERY = 0.1

Ask = Callable[[], Awaitable[object]]


class Body:
    """Counts; between two steps it computes, or waits if it is not to be busy."""

    def __init__(self, *, is_busy: bool) -> None:
        self._is_busy = is_busy
        self._steps = 0

    def run(self, operation: Operation) -> None:
        """Work until asked to stop."""
        while not operation.is_stop_requested:
            self._steps += 1
            if self._is_busy:
                sum(number * number for number in range(10_000))
            else:
                operation.wait_for_stop(PING_EVERY)
            self.tell(operation)

    def tell(self, operation: Operation) -> None:
        """Report."""
        operation.report(text=str(self._steps))


class Asked(Body):
    """Says how far it is only when it is asked."""

    def tell(self, operation: Operation) -> None:
        """Do not report."""

    def ping(self) -> AsyncOperationResult:
        """Tell how far it is."""
        return AsyncOperationResult(text=str(self._steps))


@dataclass(frozen=True, slots=True)
class Pinged:
    """One round of pings.

    Attributes:
        pings: What the pings took.
        late: How late the loop was to send them.
    """

    pings: Latencies
    late: Latencies


@dataclass(frozen=True, slots=True)
class Crowd:
    """One round of many workers.

    Attributes:
        reports: Reports handled a second.
        processor: Seconds of processor time a second.
        found: What the pings took meanwhile, and how late the loop was.
    """

    reports: float
    processor: float
    found: Pinged


async def pinged(ask: Ask, number: int) -> Pinged:
    """Ping so many times, a hundred times a second."""
    taken: list[float] = []
    late: list[float] = []
    for _ in range(number):
        due = time.perf_counter() + PING_EVERY
        await asyncio.sleep(PING_EVERY)
        begin = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begin)
        late.append(begin - due)
    return Pinged(Latencies(taken), Latencies(late))


async def ping_last_report(number: int, *, is_busy: bool) -> Pinged:
    """Ping a worker whose body reports."""
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Body(is_busy=is_busy))
        return await pinged(worker.ping, number)


async def ping_body(number: int, *, is_busy: bool) -> Pinged:
    """Ping a worker whose body has a `ping()` of its own."""
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Asked(is_busy=is_busy))
        return await pinged(worker.ping, number)


async def ping_naively(number: int, *, is_busy: bool) -> Pinged:
    """Call the body's `ping()` in a thread of the loop's pool."""
    body = Asked(is_busy=is_busy)
    operation = Operation("the naive one", lambda: None)
    thread = threading.Thread(target=body.run, args=(operation,), daemon=True)
    thread.start()
    try:
        return await pinged(lambda: asyncio.to_thread(body.ping), number)
    finally:
        operation.request_stop("measured")
        thread.join()


WAYS = {
    "last report": ping_last_report,
    "body's ping()": ping_body,
    "naive": ping_naively,
}


async def on_loop(operation: Operation) -> None:
    for step in itertools.count():
        operation.report(text=str(step))
        await asyncio.sleep(REPORT_EVERY)


def in_thread(operation: Operation) -> None:
    for step in itertools.count():
        operation.report(text=str(step))
        if operation.wait_for_stop(REPORT_EVERY):
            return


async def crowd(number: int, seconds: float) -> Crowd:
    """Let so many workers report ten times a second, half of them in threads."""
    async with ActorSystem() as system, Workers(system) as workers:
        all_workers: list[Worker] = []
        for index in range(number):
            body = in_thread if index % 2 else on_loop
            all_workers.append(await workers.start(body))
            await asyncio.sleep(REPORT_EVERY / number)
        await asyncio.sleep(REPORT_EVERY)
        turn = itertools.cycle(all_workers)
        revisions = sum(worker.snapshot.revision for worker in all_workers)
        begin, processor = time.perf_counter(), time.process_time()
        found = await pinged(
            lambda: next(turn).ping(), max(1, int(seconds / PING_EVERY))
        )
        taken = time.perf_counter() - begin
        spent = time.process_time() - processor
        handled = sum(worker.snapshot.revision for worker in all_workers) - revisions
        return Crowd(handled / taken, spent / taken, found)


def measure_pings(rounds: int, number: int) -> list[dict[str, object]]:
    """Run every way of pinging, with a quiet and with a busy body."""
    plan = [(way, is_busy) for way in WAYS for is_busy in (False, True)]
    found: dict[tuple[str, bool], list[Pinged]] = {key: [] for key in plan}
    todo = [key for _ in range(rounds) for key in plan]
    for way, is_busy in track(todo, "pinging", console=Console(stderr=True)):
        pings = asyncio.run(WAYS[way](number, is_busy=is_busy))
        found[way, is_busy].append(pings)
    return [
        {
            "way": way,
            "busy": is_busy,
            "pings": number,
            "p50_ms": _median(one.pings.percentile(50) for one in found[way, is_busy]),
            "p99_ms": _median(one.pings.percentile(99) for one in found[way, is_busy]),
            "late_p50_ms": _median(
                one.late.percentile(50) for one in found[way, is_busy]
            ),
            "late_p99_ms": _median(
                one.late.percentile(99) for one in found[way, is_busy]
            ),
        }
        for way, is_busy in plan
    ]


def measure_crowd(rounds: int, number: int, seconds: float) -> dict[str, object]:
    """Run the crowd round after round."""
    todo = range(rounds)
    found = [
        asyncio.run(crowd(number, seconds))
        for _ in track(todo, "reporting", console=Console(stderr=True))
    ]
    return {
        "workers": number,
        "reports_per_second": _median(one.reports for one in found),
        "processor": _median(one.processor for one in found),
        "lag_p99_ms": _median(one.found.late.percentile(99) for one in found),
        "ping_p50_ms": _median(one.found.pings.percentile(50) for one in found),
        "ping_p99_ms": _median(one.found.pings.percentile(99) for one in found),
    }


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 4)


def show(pings: list[dict[str, object]], many: dict[str, object]) -> None:
    """Print the medians as tables."""
    shown = Table(title="milliseconds of a ping, median of the rounds")
    shown.add_column("answered from", no_wrap=True)
    shown.add_column("body")
    for heading in ("p50", "p99", "loop late p50", "p99"):
        shown.add_column(heading, justify="right")
    for row in pings:
        body = "computes" if row["busy"] else "waits"
        keys = ("p50_ms", "p99_ms", "late_p50_ms", "late_p99_ms")
        shown.add_row(str(row["way"]), body, *(f"{row[key]:.3f}" for key in keys))
    console = Console()
    console.print(shown)
    crowded = Table(title="a crowd, median of the rounds")
    crowded.add_column("what", no_wrap=True)
    crowded.add_column("value", justify="right")
    for what, value in many.items():
        crowded.add_row(what, f"{value:,}")
    console.print(crowded)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pings", type=int, default=300, help="pings a round")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a crowded round")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    pings = measure_pings(chosen.rounds, chosen.pings)
    many = measure_crowd(chosen.rounds, chosen.workers, chosen.seconds)
    if write(chosen.json, json.dumps({"pings": pings, "crowd": many}, indent=2)):
        show(pings, many)


if __name__ == "__main__":
    main()
