"""The works of the comparison, done by duologue.actors."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import actors_loops as loops
from actors import (
    Board,
    Counting,
    Echoing,
    Figures,
    Setup,
    Ticking,
    beside_a_backlog,
    resident,
    stopwatch,
)
from pykka import ActorRegistry

from duologue.actors import ActorSystem, AsyncActor

CHUNK = 1_000


class Counter(Counting, AsyncActor):
    """Counts messages."""


class Ticker(Ticking, AsyncActor):
    """Tells the board."""


class Echo(Echoing, AsyncActor):
    """Answers."""


class Idle(AsyncActor):
    """Has nothing to do and nothing to remember."""

    def on_receive(self, message: object) -> None:
        """Forget it."""


@contextmanager
def system_in_thread(setup: Setup) -> Iterator[ActorSystem]:
    """An actor system on a loop in a thread of its own."""
    opened: Future[ActorSystem] = Future()
    closing = asyncio.Event()

    async def serve() -> None:
        async with ActorSystem() as system:
            closer.append(asyncio.get_running_loop())
            opened.set_result(system)
            await closing.wait()

    closer: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: setup.run(serve()))
    thread.start()
    try:
        yield opened.result()
    finally:
        closer[0].call_soon_threadsafe(closing.set)
        thread.join()


def tell_one(setup: Setup) -> Figures:
    """Tell one actor from another thread."""
    messages = setup.of(200_000)
    with system_in_thread(setup) as system:
        done = threading.Semaphore(0)
        ref = system.start(Counter, messages, done.release)
        return loops.tell_one(ref, messages, done)


def tell_many(setup: Setup) -> Figures:
    """Tell a thousand actors round robin from another thread."""
    actors, each = setup.of(1_000, least=2), 50
    with system_in_thread(setup) as system:
        done = threading.Semaphore(0)
        refs = [system.start(Counter, each, done.release) for _ in range(actors)]
        return loops.tell_in_turn(refs, each, done)


def tell_idle(setup: Setup) -> Figures:
    """Wake ten thousand idle actors with a message each, on the loop."""
    return setup.run(_tell_idle(setup.of(10_000), passes=10))


async def _tell_idle(actors: int, passes: int) -> Figures:
    async with ActorSystem() as system:
        board = Board()
        refs = [system.start(Ticker, board) for _ in range(actors)]
        return await loops.tell_in_passes(refs, passes, board)


def ask_blocking(setup: Setup) -> Figures:
    """Ask from another thread, one question after the other."""
    asks = setup.of(20_000)
    with system_in_thread(setup) as system:
        return loops.ask(system.start(Echo), asks)


def ask_awaited(setup: Setup) -> Figures:
    """Ask on the loop, one question after the other."""
    return setup.run(_ask_awaited(setup.of(20_000)))


async def _ask_awaited(asks: int) -> Figures:
    async with ActorSystem() as system:
        ref = system.start(Echo)
        await ref.ask(0, block=False)
        with stopwatch() as watch:
            for number in range(asks):
                await ref.ask(number, block=False)
    return watch.per_second(asks)


def memory(setup: Setup) -> Figures:
    """Hold a hundred thousand actors, before and after their first message."""
    return setup.run(_memory(setup.of(100_000)))


def million(setup: Setup) -> Figures:
    """Hold a million idle actors."""
    return setup.run(_memory(setup.of(1_000_000)))


async def _memory(actors: int) -> Figures:
    async with ActorSystem(drain=600) as system:
        before = resident()
        begin = time.perf_counter()
        for _ in range(actors):
            system.start(Idle)
        started = time.perf_counter() - begin
        idle = resident() - before
        begin = time.perf_counter()
        gc.collect()
        collected = time.perf_counter() - begin
        await _tell_everyone(system)
        touched = resident() - before
        begin = time.perf_counter()
    stopped = time.perf_counter() - begin
    return {
        "bytes_idle": idle / actors,
        "bytes_touched": touched / actors,
        "megabytes_idle": idle / 1e6,
        "start_seconds": started,
        "close_seconds": stopped,
        "collect_seconds": collected,
    }


async def _tell_everyone(system: ActorSystem) -> None:
    """Tell in chunks, so that the messages themselves take no room."""
    for number, ref in enumerate(ActorRegistry.get_all()):
        ref.tell(number)
        if number % CHUNK == 0:
            await system.settled()
    await system.settled()


def start_stop(setup: Setup) -> Figures:
    """Start and stop a hundred thousand actors."""
    return setup.run(_start_stop(setup.of(100_000), times=1))


def start_stop_few(setup: Setup) -> Figures:
    """Start and stop a thousand actors, a hundred times."""
    return setup.run(_start_stop(setup.of(1_000, least=2), times=100))


async def _start_stop(actors: int, times: int) -> Figures:
    async with ActorSystem() as system:
        started = stopped = 0.0
        with stopwatch() as watch:
            for _ in range(times):
                begin = time.process_time()
                refs = [system.start(Idle) for _ in range(actors)]
                middle = time.process_time()
                await _all([ref.stop(block=False) for ref in refs])
                started += middle - begin
                stopped += time.process_time() - middle
    return loops.per_actor(watch, actors * times, started=started, stopped=stopped)


async def _all(futures: list[Awaitable[bool]]) -> None:
    for future in futures:
        await future


def backlog(setup: Setup) -> Figures:
    """Ask an actor, and go round the loop, while another has a backlog."""
    return setup.run(_backlog(setup.of(300_000)))


async def _backlog(messages: int) -> Figures:
    async with ActorSystem() as system:
        finished = asyncio.Event()
        busy = system.start(Counter, messages, finished.set)
        other = system.start(Echo)

        def fill() -> None:
            for number in range(messages):
                busy.tell(number)

        async def ask() -> object:
            return await other.ask(0, block=False)

        return await beside_a_backlog(fill, ask, finished)
