"""What the comparison of actors times, written once for all who are compared."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from actors import Board, Figures, Stopwatch, stopwatch


class Tellable(Protocol):
    """An actor, or a ref of one, of any side."""

    def tell(self, message: object) -> None:
        """Send a message."""


class Askable(Protocol):
    """A ref that can be asked and waits for the answer."""

    def ask(self, message: object) -> object:
        """Send a message and return the answer."""


def tell_one(ref: Tellable, messages: int, done: threading.Semaphore) -> Figures:
    """Tell one actor so many messages, until it has said that it is done."""
    with stopwatch() as watch:
        for number in range(messages):
            ref.tell(number)
        done.acquire()
    return watch.per_second(messages)


def tell_in_turn(
    refs: Sequence[Tellable], each: int, done: threading.Semaphore
) -> Figures:
    """Tell actors round robin, until every one has said that it is done."""
    with stopwatch() as watch:
        for number in range(each):
            for ref in refs:
                ref.tell(number)
        for _ in refs:
            done.acquire()
    return watch.per_second(len(refs) * each)


async def tell_in_passes(
    refs: Sequence[Tellable], passes: int, board: Board
) -> Figures:
    """Tell every actor on the loop, and again when the board has heard of all."""
    with stopwatch() as watch:
        for number in range(passes):
            board.expect(len(refs))
            for ref in refs:
                ref.tell(number)
            await board.done.wait()
    return watch.per_second(len(refs) * passes)


def ask(ref: Askable, asks: int) -> Figures:
    """Ask one question after the other; the first is not timed."""
    ref.ask(0)
    with stopwatch() as watch:
        for number in range(asks):
            ref.ask(number)
    return watch.per_second(asks)


def per_actor(
    watch: Stopwatch, actors: int, *, started: float, stopped: float
) -> Figures:
    """What it takes to start and stop an actor.

    Args:
        watch: Has timed all of it.
        actors: How many have been started and stopped.
        started: Seconds of processor time to start them all.
        stopped: The same to stop them.
    """
    return {
        **watch.per_second(actors),
        "microseconds": 1e6 * watch.processor / actors,
        "start_microseconds": 1e6 * started / actors,
        "stop_microseconds": 1e6 * stopped / actors,
    }
