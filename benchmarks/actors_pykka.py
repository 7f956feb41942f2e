"""The works of the comparison, done by Pykka's own actors, a thread each."""

from __future__ import annotations

import threading
import time

import pykka
from actors import Counting, Echoing, Figures, Setup, resident, stopwatch


class Counter(Counting, pykka.ThreadingActor):
    """Counts messages."""


class Echo(Echoing, pykka.ThreadingActor):
    """Answers."""


class Idle(pykka.ThreadingActor):
    """Has nothing to do and nothing to remember."""

    def on_receive(self, message: object) -> None:
        """Forget it."""


def tell_one(setup: Setup) -> Figures:
    """Tell one actor from another thread."""
    messages = setup.of(200_000)
    done = threading.Semaphore(0)
    ref = Counter.start(messages, done.release)
    with stopwatch() as watch:
        for number in range(messages):
            ref.tell(number)
        done.acquire()
    ref.stop()
    return watch.per_second(messages)


def tell_many(setup: Setup) -> Figures:
    """Tell a thousand actors round robin from another thread."""
    actors, each = setup.of(1_000, least=2), 50
    done = threading.Semaphore(0)
    refs = [Counter.start(each, done.release) for _ in range(actors)]
    with stopwatch() as watch:
        for number in range(each):
            for ref in refs:
                ref.tell(number)
        for _ in refs:
            done.acquire()
    pykka.ActorRegistry.stop_all()
    return watch.per_second(actors * each)


def ask_blocking(setup: Setup) -> Figures:
    """Ask from another thread, one question after the other."""
    asks = setup.of(20_000)
    ref = Echo.start()
    ref.ask(0)
    with stopwatch() as watch:
        for number in range(asks):
            ref.ask(number)
    ref.stop()
    return watch.per_second(asks)


def memory(setup: Setup) -> Figures:
    """Hold a thousand idle actors; ten times as many take as much each."""
    actors = setup.of(1_000, least=10)
    before = resident()
    for _ in range(actors):
        Idle.start()
    idle = resident() - before
    for number, ref in enumerate(pykka.ActorRegistry.get_all()):
        ref.ask(number)
    touched = resident() - before
    pykka.ActorRegistry.stop_all()
    return {"bytes_idle": idle / actors, "bytes_touched": touched / actors}


def start_stop_few(setup: Setup) -> Figures:
    """Start and stop a thousand actors."""
    actors = setup.of(1_000, least=2)
    with stopwatch() as watch:
        begin = time.process_time()
        refs = [Idle.start() for _ in range(actors)]
        middle = time.process_time()
        for stopping in [ref.stop(block=False) for ref in refs]:
            stopping.get()
        end = time.process_time()
    return {
        **watch.per_second(actors),
        "microseconds": 1e6 * watch.processor / actors,
        "start_microseconds": 1e6 * (middle - begin) / actors,
        "stop_microseconds": 1e6 * (end - middle) / actors,
    }
