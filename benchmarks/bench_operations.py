"""Operations: what a report costs, how many can report at once, and pings beside busy bodies.

See README.md for what is measured and what is not.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

import operations_bodies as bodies
from latencies import Latencies
from reports import add_json_option, write
from rich.console import Console
from rich.progress import track
from rich.table import Table

from duologue.actors import ActorSystem, Operation, Worker, Workers

TICK = 0.1  # seconds between two reports of one operation
PING_EVERY = 0.01
REPORTS = 50_000

Figures = dict[str, float]
Body = Callable[[Operation], Coroutine[object, object, None]]


class Tick:
    """What many bodies wait for together, so that their timers are not what is measured."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ticks = 0

    def wait(self) -> Awaitable[None]:
        """What is over at the next tick."""
        return self._next

    async def run(self, seconds: float) -> None:
        """Tick for so many seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(round(seconds / TICK)):
            due += TICK
            await asyncio.sleep(max(0.0, due - loop.time()))
            over, self._next = self._next, loop.create_future()
            over.set_result(None)
            self.ticks += 1


def cost_of_reports() -> Figures:
    """Microseconds of one report, of each kind."""
    operation = Operation("measured", lambda: None)
    kinds: Mapping[str, Callable[[], object]] = {
        "value": lambda: operation.report(0.5),
        "value and text": lambda: operation.report(0.5, "row 7"),
        "counts": lambda: operation.report(current=3, total=25),
        "all": lambda: operation.report(
            text="row 7", current=3, total=25, unit="rows", stage="read"
        ),
        "of a part": operation.part("read").report,
        "nothing new": operation.report,
    }
    return {f"{kind}, us": _cost(call) for kind, call in kinds.items()}


def _cost(call: Callable[[], object]) -> float:
    best = min(_round(call) for _ in range(5))
    return best / REPORTS * 1e6


def _round(call: Callable[[], object]) -> float:
    # Processor time, as in a crowd: other programs may have the processor meanwhile.
    begun = time.process_time()
    for _ in itertools.repeat(None, REPORTS):
        call()
    return time.process_time() - begun


async def crowd(number: int, seconds: float, *, reports: bool) -> Figures:
    """Let so many operations report ten times a second, and ping them meanwhile.

    Counted is processor time, since other programs may have the processor meanwhile.
    """
    async with ActorSystem() as system, Workers(system, grace=60) as workers:
        tick = Tick()

        async def body(operation: Operation) -> None:
            for step in itertools.count():
                if operation.is_stop_requested:
                    return
                await tick.wait()
                if reports:
                    operation.report(text="working", current=step, total=10_000)

        made = [await workers.start(body) for _ in range(number)]
        await tick.run(2 * TICK)
        gc.collect()
        turn = itertools.cycle(made)
        before, processor = tick.ticks, time.process_time()
        await asyncio.gather(
            pinged(lambda: next(turn).ping(), round(seconds / PING_EVERY)),
            tick.run(seconds),
        )
        spent, ticks = time.process_time() - processor, tick.ticks - before
        stopped = asyncio.get_running_loop().create_task(workers.stop())
        await tick.run(2 * TICK)
        while not stopped.done():
            await tick.run(TICK)
        return {
            "reports": float(ticks * number * reports),
            "processor us of one": spent / ticks / number * 1e6,
            "processor seconds for those of a second": spent / ticks / TICK,
        }


async def memory(number: int) -> Figures:
    """Bytes of one operation with all that belongs to it, and of its body alone.

    One kind of body reports again and again and sleeps in between, with a timer of its own
    each; the other one has reported and waits for a stop. All were looked at twice. They
    report twice a second, since to count bytes takes its time.
    """
    return {
        "bytes of one that reports": await _bytes_of_operations(number, bodies.report),
        "of these its body alone": await _bytes_of_bodies(number, bodies.report),
        "bytes of one that waits": await _bytes_of_operations(number, bodies.wait),
        "of these its body alone, too": await _bytes_of_bodies(number, bodies.wait),
    }


async def _bytes_of_operations(number: int, body: Body) -> float:
    async with ActorSystem() as system, Workers(system, grace=60) as workers:
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        made = [await workers.start(body) for _ in range(number)]
        for _ in range(2):
            await asyncio.sleep(1.2)
            for worker in made:
                await worker.ping()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    return grown / number


async def _bytes_of_bodies(number: int, body: Body) -> float:
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    operation = Operation("alone", lambda: None)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(body(operation)) for _ in range(number)]
        await asyncio.sleep(1.2)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        for task in tasks:
            task.cancel()
    tracemalloc.stop()
    return grown / number


async def pinged(ask: Callable[[], Awaitable[object]], number: int) -> Latencies:
    """How long pings take, from when they were due: a hundred a second."""
    loop, taken = asyncio.get_running_loop(), []
    due = loop.time()
    for _ in range(number):
        due += PING_EVERY
        await asyncio.sleep(max(0.0, due - loop.time()))
        begun = min(due, loop.time())
        await ask()
        taken.append(loop.time() - begun)
    return Latencies(taken)


async def busy(body: object, executor: str, seconds: float) -> Figures:
    """Ping beside a body that computes."""
    async with ActorSystem() as system, Workers(system, grace=60) as workers:
        worker: Worker = await workers.start(body, executor=executor)  # type: ignore[arg-type]  # one of the three
        async for snapshot in worker.watch():
            if snapshot.text:
                break
        found = await pinged(worker.ping, round(seconds / PING_EVERY))
        await worker.stop()
        return {
            "p50, ms": found.percentile(50),
            "p99, ms": found.percentile(99),
            "longest, ms": found.percentile(100),
        }


def measure(number: int, seconds: float) -> dict[str, Figures]:
    """One round of everything."""
    return {
        "one report": cost_of_reports(),
        "ping, thread computes": asyncio.run(busy(bodies.compute, "thread", seconds)),
        "ping, process computes": asyncio.run(busy(bodies.compute, "process", seconds)),
        f"{number:,} operations": asyncio.run(crowd(number, seconds, reports=True)),
        f"{number:,} that only wait": asyncio.run(
            crowd(number, seconds, reports=False)
        ),
        f"memory of {number:,}": asyncio.run(memory(number)),
    }


def medians(rounds: Iterable[dict[str, Figures]]) -> dict[str, Figures]:
    """The medians of the rounds."""
    every = list(rounds)
    return {
        what: {
            name: round(statistics.median(one[what][name] for one in every), 4)
            for name in figures
        }
        for what, figures in every[0].items()
    }


def show(found: dict[str, Figures]) -> None:
    """Print the medians as a table."""
    shown = Table(title="operations, median of the rounds")
    for heading in ("what", "figure"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("value", justify="right")
    for what, figures in found.items():
        for name, value in figures.items():
            shown.add_row(what, name, f"{value:,.3f}")
    Console().print(shown)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each part")
    add_json_option(parser)
    # `make bench` gives every benchmark the options of all.
    return parser.parse_known_args()[0]


def main() -> None:
    chosen = options()
    todo = range(chosen.rounds)
    console = Console(stderr=True)
    found = medians(
        measure(chosen.operations, chosen.seconds)
        for _ in track(todo, "operating", console=console)
    )
    if write(chosen.json, json.dumps(found, indent=2)):
        show(found)


if __name__ == "__main__":
    main()
