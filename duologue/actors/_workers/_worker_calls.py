"""Calls of the code that authors of bodies write: on the loop, or in daemon threads.

Whatever the code does, its outcome is told exactly once: it is returned, raised or
cancelled, and even `SystemExit` in a body ends no program. `run` has a thread of its own.
The quick methods, `start`, `stop` and `ping`, share a few threads: one is made when none
is free, so a method that hangs holds up nobody else, and one without work ends after ten
seconds. A free thread is promised to the next errand under the lock, before that is put
in the queue: so an errand never waits for a thread that is busy.

The threads are daemons, because nothing can end a thread that does not return: it must
not keep the program from ending. `asyncio.to_thread` would.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Self, TypeAlias, cast

from duologue.actors._pykka._pykka import Work, is_work
from duologue.actors._workers._worker_snapshot import (
    BodyOutcome,
    Cancelled,
    Raised,
    Returned,
)
from duologue.errors import WorkerBodyError

Tell: TypeAlias = Callable[[BodyOutcome], object]

# Real seconds for which a thread without work waits for more.
KEEP = 10.0


class _Guarded:
    """Code on the loop, each of whose ends is an outcome, and is told.

    A task steps it as it would a coroutine, and calls it when it has ended. A coroutine
    around that of the author, and a function inside of a function, are each several
    times as large, and thousands wait. Who looks at its frame sees that of the author.

    Args:
        function: Gives what is to be awaited.
        tell: Told of the outcome.
    """

    __slots__ = ("_tell", "_work")

    def __init__(self, function: Callable[[], object], tell: Tell) -> None:
        # The function, until the first step: to keep it takes room.
        self._work: Callable[[], object] | Work = function
        self._tell = tell

    def __call__(self, task: asyncio.Task[BodyOutcome]) -> None:
        self._tell(Cancelled() if task.cancelled() else task.result())

    def __await__(self) -> Self:
        return self

    def __next__(self) -> object:
        try:
            work = self._work
            if not is_work(work):
                work = self._work = _begun(work)
            return work.send(None)
        except BaseException as error:  # noqa: BLE001 - it is told
            raise _as_outcome(error) from None

    def send(self, value: None, /) -> object:
        """Step it, as `next` does."""
        del value
        return next(self)

    def throw(self, error: BaseException, /) -> object:
        """Raise something where the code waits."""
        work = self._work
        if not is_work(work):
            raise error
        try:
            return work.throw(error)
        except BaseException as raised:  # noqa: BLE001 - as above
            raise _as_outcome(raised) from None

    def close(self) -> None:
        """Let the code end where it waits."""
        work = self._work
        if is_work(work):
            work.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._work, name)


class BodyCalls:
    """The tasks and the threads in which the code of bodies runs."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[BodyOutcome]] = set()
        self._context = contextvars.Context()
        self._errands: queue.SimpleQueue[Callable[[], object] | None] = (
            queue.SimpleQueue()
        )
        self._lock = threading.Lock()
        self._free = 0
        self._is_closed = False

    def on_loop(
        self, function: Callable[[], object], name: str, tell: Tell
    ) -> asyncio.Task[BodyOutcome]:
        """Call a coroutine function in a task of its own, in the present context.

        Returns:
            The task, which the caller keeps, or has kept, until it has ended.
        """
        loop = asyncio.get_running_loop()
        guarded = _Guarded(function, tell)
        work = cast("Coroutine[object, None, BodyOutcome]", guarded)
        task = loop.create_task(work, name=name)
        # In one context for all: a copy for each takes memory, and tells nothing.
        task.add_done_callback(guarded, context=self._context)
        return task

    def keep(self, task: asyncio.Task[BodyOutcome]) -> None:
        """Keep a task until it has ended: loops do not."""
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard, context=self._context)

    def in_thread(self, function: Callable[[], object], name: str, tell: Tell) -> None:
        """Call a function in a new daemon thread, in a copy of the present context.

        It is told of the outcome in that thread.
        """
        context = contextvars.copy_context()
        try:
            threading.Thread(
                target=lambda: tell(context.run(attempt, function)),
                name=name,
                daemon=True,
            ).start()
        except RuntimeError as error:  # the system has no thread left
            tell(Raised(error))

    def as_errand(self, function: Callable[[], object], tell: Tell) -> None:
        """Call a function that should be quick in one of a few daemon threads.

        It is told of the outcome in that thread. A function that hangs hangs alone.
        """
        context = contextvars.copy_context()
        with self._lock:
            needs_thread = self._free == 0
            if not needs_thread:
                self._free -= 1
        if needs_thread:
            try:
                threading.Thread(
                    target=self._run_errands, name="duologue-worker-calls", daemon=True
                ).start()
            except RuntimeError as error:  # the system has no thread left
                tell(Raised(error))
                return
        self._errands.put(lambda: tell(context.run(attempt, function)))

    def close(self) -> None:
        """Let threads without work end; those at work end after it."""
        with self._lock:
            self._is_closed = True
            free, self._free = self._free, 0
        for _ in range(free):
            self._errands.put(None)

    def _run_errands(self) -> None:
        while (errand := self._next_errand()) is not None:
            errand()
            with self._lock:
                if self._is_closed:
                    return
                self._free += 1

    def _next_errand(self) -> Callable[[], object] | None:
        while True:
            try:
                return self._errands.get(timeout=KEEP)
            except queue.Empty:
                with self._lock:
                    # None is free: an errand for this thread is on its way.
                    if self._free > 0:
                        self._free -= 1
                        return None


def attempt(function: Callable[[], object]) -> BodyOutcome:
    """Call a function and say how it ended, whatever it raises."""
    try:
        result = function()
        _refuse_unfinished(function, result)
    except asyncio.CancelledError:
        return Cancelled()
    except BaseException as error:  # noqa: BLE001 - an author's exit ends no program
        return Raised(error)
    return Returned(result)


def _begun(function: object) -> Work:
    try:
        made = cast("Callable[[], object]", function)()
    except StopIteration as error:
        raise RuntimeError("a body raised StopIteration") from error
    return made if is_work(made) else _awaited(made)


async def _awaited(given: object) -> object:
    return await cast("Awaitable[object]", given)


def _as_outcome(ended: BaseException) -> BaseException:
    """What a task takes for the end of a coroutine: that it has returned an outcome."""
    match ended:
        case asyncio.CancelledError() | GeneratorExit():
            return ended
        case StopIteration(value=result):
            return StopIteration(Returned(result))
        case _:  # an author's exit ends no program
            return StopIteration(Raised(ended))


def _refuse_unfinished(function: Callable[[], object], result: object) -> None:
    """Raise if what a function gave has not even begun to run."""
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
        problem = "it gave a coroutine or a generator and did no work: use async def"
        name: object = getattr(function, "__qualname__", repr(function))
        raise WorkerBodyError(str(name), problem)
