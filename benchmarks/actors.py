"""What the sides of the comparison of actors share: sizes, handlers, instruments."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from latencies import Latencies

T = TypeVar("T")

Figures: TypeAlias = dict[str, float]
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]

# The messages of the largest work; every other number is in proportion.
LARGEST = 300_000


@dataclass(frozen=True, slots=True)
class Setup:
    """How large the works are, and on which loop they run.

    Attributes:
        messages: The messages of the largest work.
        uses_uvloop: Whether the loops are those of uvloop.
    """

    messages: int = LARGEST
    uses_uvloop: bool = False

    def of(self, number: int, *, least: int = 1) -> int:
        """A number of the full size in the size of this run."""
        return max(least, number * self.messages // LARGEST)

    @property
    def loop_factory(self) -> LoopFactory:
        """Makes the loops of this run."""
        if self.uses_uvloop:
            return cast("LoopFactory", import_module("uvloop").new_event_loop)
        return asyncio.new_event_loop

    def run(self, main: Coroutine[object, object, T]) -> T:
        """Run a coroutine on a loop of this run."""
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(main)


class Counting:
    """Counts messages and says when it has had all; the handler of every side."""

    def __init__(self, quota: int, finish: Callable[[], object]) -> None:
        super().__init__()
        self.left = quota
        self.finish = finish

    def on_receive(self, message: object) -> object:
        """Count a message."""
        self.left -= 1
        if not self.left:
            self.finish()
        return message


class Board:
    """Counts down for many actors together.

    Attributes:
        left: How many messages are still to be handled.
        done: Is set when there are none.
    """

    def __init__(self) -> None:
        self.left = 0
        self.done = asyncio.Event()

    def expect(self, messages: int) -> None:
        """Wait for so many more."""
        self.left = messages
        self.done.clear()

    def count(self) -> None:
        """Note that a message has been handled."""
        self.left -= 1
        if not self.left:
            self.done.set()


class Ticking:
    """Tells the board of each message; the handler of every side."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board

    def on_receive(self, message: object) -> object:
        """Tell the board."""
        self.board.count()
        return message


class Echoing:
    """Answers with the message; the handler of every side."""

    def on_receive(self, message: object) -> object:
        """Answer."""
        return message


class Stopwatch:
    """Times a block.

    Attributes:
        seconds: On the clock on the wall.
        processor: Of processor time, of all threads.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.processor = 0.0

    def per_second(self, number: int) -> Figures:
        """Rates of what has been done so many times in the block."""
        return {
            "per_second": number / self.seconds,
            "per_processor_second": number / self.processor,
        }


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Time a block, without the garbage that was there before it."""
    gc.collect()
    gc.freeze()
    watch = Stopwatch()
    begin, processor = time.perf_counter(), time.process_time()
    yield watch
    watch.processor = time.process_time() - processor
    watch.seconds = time.perf_counter() - begin


def resident() -> int:
    """Bytes of memory that this process has, after a collection. Linux only."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def over_and_over(
    act: Callable[[], Coroutine[object, object, object]], until: asyncio.Event
) -> Latencies:
    """Do something one time after the other until the event is set."""
    taken: list[float] = []
    # A loop that always has something to do never sleeps, so what it does with the
    # processor is all that keeps others waiting, but for other programs.
    while not taken or not until.is_set():
        begin = time.process_time()
        await act()
        taken.append(time.process_time() - begin)
    return Latencies(taken)


async def beside_a_backlog(
    fill: Callable[[], object],
    ask: Callable[[], Coroutine[object, object, object]],
    finished: asyncio.Event,
) -> Figures:
    """Ask an actor and go round the loop, all the time, until a backlog is done."""
    async with asyncio.TaskGroup() as tasks:
        # They are next on the loop, so they begin before the backlog does.
        asking = tasks.create_task(over_and_over(ask, finished))
        rounding = tasks.create_task(over_and_over(_once_round, finished))
        fill()
        begin = time.perf_counter()
    taken = time.perf_counter() - begin
    asks, rounds = asking.result(), rounding.result()
    return {
        "seconds": taken,
        "asks": len(asks.seconds),
        "ask_p50_ms": asks.percentile(50),
        "ask_p99_ms": asks.percentile(99),
        "loop_p50_ms": rounds.percentile(50),
        "loop_p99_ms": rounds.percentile(99),
        "loop_max_ms": 1000 * max(rounds.seconds),
    }


async def _once_round() -> None:
    await asyncio.sleep(0)


def median(values: list[float]) -> float:
    """The median, to four figures."""
    return float(f"{statistics.median(values):.4g}")
