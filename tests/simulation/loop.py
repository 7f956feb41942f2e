"""The loop on which several processes are simulated, and what is fixed while it runs.

Every callback belongs to a process, by its context, or to the world around them all. Those
of a process that stands still wait. One that is killed stands still for ever: no `finally`
and no `except` runs, as after a SIGKILL, before nothing of it can be seen any more.

Nothing depends on where something lies in memory, on the clock of the machine or on its
random numbers, so that a seed does the same again.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import secrets
import time
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Protocol, TypeVar

from duologue.actors.testing import VirtualLoop

T = TypeVar("T")


class Process:
    """A process among those that are simulated.

    Attributes:
        name: Names it.
        context: That of all that it does.
        is_paused: Whether it stands still.
        is_cut_off: Whether nothing goes between it and the server.
        clock: Seconds by which its clock is wrong.
        waiting: What it has to do when it goes on.
        tasks: All that it has begun.
    """

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)
        self.is_paused = False
        self.is_cut_off = False
        self.clock: float = 0.0
        self.waiting: deque[asyncio.Handle] = deque()
        self.tasks: list[asyncio.Task[object]] = []


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Handle(asyncio.Handle):
    __slots__ = ()

    _context: Context

    def _run(self) -> None:
        process = self._context.get(PROCESS)
        if process is None or not process.is_paused:
            super()._run()
        else:
            process.waiting.append(self)


class _TimerHandle(_Handle, asyncio.TimerHandle):
    __slots__ = ()


class _Future(asyncio.Future[T]):
    """A future whose place in a set does not depend on where it lies in memory."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class _Task(asyncio.Task[T]):
    """The same for tasks."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class Network(Protocol):
    """Connects processes to a server."""

    async def connect(
        self, process: Process | None, protocol: asyncio.Protocol
    ) -> asyncio.Transport: ...


class SimulatedLoop(VirtualLoop):
    """A loop in virtual time on which connections lead to a simulated server.

    Attributes:
        network: Where they go.
    """

    network: Network
    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self.set_task_factory(self._new_task)

    def wall_time(self) -> float:
        """Seconds since 1970, by the clock of the process that asks."""
        process = PROCESS.get()
        return super().wall_time() + (process.clock if process else 0.0)

    def begin(
        self, process: Process, work: Coroutine[object, object, None]
    ) -> asyncio.Task[None]:
        """Run something in a process."""
        return self.create_task(work, context=process.context.copy())

    def resume(self, process: Process) -> None:
        """Let a process go on: first with all that has waited, in its order."""
        process.is_paused = False
        self._ready.extend(process.waiting)
        process.waiting.clear()

    async def create_unix_connection(  # type: ignore[override] # what is used of it
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        path: str | None = None,  # noqa: ARG002  # there is one server
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to the server."""
        protocol = protocol_factory()
        return await self.network.connect(PROCESS.get(), protocol), protocol

    def create_future(self) -> asyncio.Future[T]:
        """Make a future."""
        made: _Future[T] = _Future(loop=self)
        made.number = next(self._numbers)
        return made

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[object, object, T],
        context: Context | None = None,
        **options: object,
    ) -> asyncio.Task[T]:
        task: _Task[T] = _Task(coroutine, loop=loop, context=context, **options)  # type: ignore[arg-type] # a name, from 3.14 on
        task.number = next(self._numbers)
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None:
            process.tasks.append(task)
        return task

    def _call_soon(  # type: ignore[explicit-any] # whatever the callback takes
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        context: Context | None,
    ) -> asyncio.Handle:
        made: asyncio.Handle = super()._call_soon(callback, args, context)  # type: ignore[misc] # of all loops of asyncio
        made.__class__ = _Handle
        return made

    def call_at(  # type: ignore[explicit-any] # whatever the callback takes
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call something at a time of the loop."""
        made = super().call_at(when, callback, *args, context=context)
        made.__class__ = _TimerHandle
        return made


@contextmanager
def determined(seed: str, now: Callable[[], float]) -> Iterator[None]:
    """Let nothing depend on the machine: neither its clock nor its random numbers.

    Args:
        seed: What random numbers come from, instead.
        now: Tells the seconds since 1970, for whoever asks `time.time`: the server.
    """
    source = random.Random(seed)  # noqa: S311  # the same ones each time

    def token_urlsafe(nbytes: int | None = None) -> str:
        return urlsafe_b64encode(source.randbytes(nbytes or 32)).rstrip(b"=").decode()

    def randbits(k: int) -> int:
        return source.getrandbits(k)

    kept = time.time, secrets.token_bytes, secrets.token_urlsafe, secrets.randbits
    gc.collect()
    gc.disable()  # so that nothing ends at a time of its own
    time.time = now
    secrets.token_bytes = lambda nbytes=None: source.randbytes(nbytes or 32)
    secrets.token_urlsafe = token_urlsafe
    secrets.randbits = randbits
    try:
        yield
    finally:
        time.time, secrets.token_bytes, secrets.token_urlsafe, secrets.randbits = kept
        gc.enable()
