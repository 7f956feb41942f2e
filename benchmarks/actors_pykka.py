"""The works of the comparison, done by Pykka's own actors, a thread each."""

from __future__ import annotations

import threading
import time

import actors_loops as loops
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
    figures = loops.tell_one(ref, messages, done)
    ref.stop()
    return figures


def tell_many(setup: Setup) -> Figures:
    """Tell a thousand actors round robin from another thread."""
    actors, each = setup.of(1_000, least=2), 50
    done = threading.Semaphore(0)
    refs = [Counter.start(each, done.release) for _ in range(actors)]
    figures = loops.tell_in_turn(refs, each, done)
    pykka.ActorRegistry.stop_all()
    return figures


def ask_blocking(setup: Setup) -> Figures:
    """Ask from another thread, one question after the other."""
    asks = setup.of(20_000)
    ref = Echo.start()
    figures = loops.ask(ref, asks)
    ref.stop()
    return figures


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
    return loops.per_actor(watch, actors, started=middle - begin, stopped=end - middle)
