"""An event loop whose time stands still while it works and jumps when it waits."""

from __future__ import annotations

import asyncio
import itertools
import math
import selectors
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

from duologue.actors._futures._blocking import waiting_threads
from duologue.errors import VirtualDeadlockError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Real seconds for bytes that are on their way between two sockets of this machine.
GRACE = 0.002
# Real seconds in which another thread may still call the loop before it gives up.
PATIENCE = 1.0
# Real seconds between two looks at the jobs that keep time from moving.
GLANCE = 0.005
MOST_WAITING = 5
# Seconds that a message takes, for the quantum of turns: a hundred messages.
STEP = 0.000005
# asyncio takes timers as due that are less than a nanosecond away.
FINEST_ULP = 0.5e-9
# Where the wall clock stands at second 0: 2026-01-01T00:00:00Z.
BEGINNING = 1_767_225_600.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, beginning at second 0.

    When nothing is ready it does not wait for the next timer, it moves its clock
    there. It waits for real while a job runs in an executor, and for a moment when
    sockets are open, so that a server and a client in one program reach each other.
    Anything outside of the program is slower than virtual time: talk to it on an
    ordinary loop.

    Messages take no virtual time, and actors pass the loop on after the same number of
    them on every machine.

    Running it raises `VirtualDeadlockError` when nothing can ever happen any more.
    """

    def __init__(self) -> None:
        self._virtual = _VirtualTime()
        self.turn_time: Callable[[], float] = itertools.count(0.0, STEP).__next__
        super().__init__(_Selector(self._virtual, self))

    def time(self) -> float:
        """Seconds since the loop was made, in virtual time."""
        return self._virtual.now

    def wall_time(self) -> float:
        """Seconds since 1970; the loop begins with 2026."""
        return BEGINNING + self._virtual.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a job in a thread; virtual time stands still until it ends."""
        threads = self._virtual.threads

        def run() -> T:
            thread = threading.get_ident()
            threads.add(thread)
            try:
                return func(*args)
            finally:
                threads.discard(thread)

        job = super().run_in_executor(executor, run)
        self._virtual.jobs += 1
        job.add_done_callback(self._job_done)
        return job

    async def shutdown_default_executor(
        self, *limit: float | None, **timeout: float | None
    ) -> None:
        """Wait for the threads of the executor; virtual time stands still.

        Args:
            limit: Seconds to wait at most, from Python 3.12 on.
            timeout: The same by its name.
        """
        self._virtual.jobs += 1
        try:
            await super().shutdown_default_executor(*limit, **timeout)
        finally:
            self._virtual.jobs -= 1

    def _job_done(self, _: asyncio.Future[T]) -> None:
        self._virtual.jobs -= 1


def virtual_loop_factory() -> VirtualLoop:
    """A new virtual loop, for `asyncio.Runner(loop_factory=...)`."""
    return VirtualLoop()


class _VirtualTime:
    """The time of a virtual loop and what keeps it from moving.

    Attributes:
        now: Seconds since the beginning.
        jobs: How many jobs wait for or run in executors.
        threads: The threads that run them.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.jobs = 0
        self.threads: set[int] = set()

    def is_held(self) -> bool:
        """Whether a job is at work, rather than waiting for an actor of the loop."""
        return self.jobs > len(self.threads & waiting_threads())

    def jump(self, seconds: float) -> None:
        """Move on, however small the step is beside the time that has passed."""
        self.now += seconds
        # Late in time the loop cannot see a timer that is due to the instant.
        if math.ulp(self.now) > FINEST_ULP:
            self.now += 2 * math.ulp(self.now)


class _Selector(selectors.DefaultSelector):
    """The selector of the platform, in virtual time."""

    def __init__(self, time: _VirtualTime, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._time = time
        self._loop = loop

    def select(  # type: ignore[explicit-any] # what a key carries has no type
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now, or will be when time has moved on by `timeout`."""
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        while self._time.is_held():
            if events := super().select(GLANCE):
                return events
        has_sockets = len(self.get_map()) > 1  # the first one wakes up the loop
        if has_sockets and (events := super().select(GRACE)):
            return events
        if timeout is not None:
            self._time.jump(timeout)
        elif has_sockets:
            events = super().select(None)
        elif not (events := super().select(_patience())):
            raise VirtualDeadlockError(_waiting(self._loop))
        return events


def _patience() -> float:
    return PATIENCE if threading.active_count() > 1 else 0


def _waiting(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """Where the unfinished tasks of a loop wait."""
    places = sorted(_place(task) for task in asyncio.all_tasks(loop))
    return tuple(places[:MOST_WAITING])


def _place(task: asyncio.Task[object]) -> str:
    frames = task.get_stack(limit=1)
    if not frames:
        return task.get_name()
    code = frames[-1].f_code
    return f"{task.get_name()} in {code.co_qualname} (line {frames[-1].f_lineno})"
