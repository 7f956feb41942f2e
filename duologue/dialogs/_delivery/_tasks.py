"""Tasks that outlive the turn that starts them, and their owner."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias, TypeVarTuple

from duologue.dialogs._state._functions import name_of
from duologue.dialogs._state._turn import active_turn

Ts = TypeVarTuple("Ts")
Work: TypeAlias = Coroutine[object, object, object]
_logger = logging.getLogger("duologue.dialogs")
OnError = Callable[[BaseException, str], None]


def _begin(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    loop = asyncio.get_running_loop()
    return loop.create_task(work, name=name, context=contextvars.Context())


if sys.version_info >= (3, 12):

    def _begin_at_once(
        work: Coroutine[object, object, None], name: str
    ) -> asyncio.Task[None]:
        return asyncio.Task(
            work,
            loop=asyncio.get_running_loop(),
            name=name,
            context=contextvars.Context(),
            eager_start=True,
        )

else:
    _begin_at_once = _begin


class Tasks:
    """Owns tasks: keeps them, reports their failures, ends them.

    A failure cancels nobody else.

    Args:
        on_error: Told of each failure and the name of the task.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._tasks: dict[asyncio.Task[None], Work] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Work, name: str, *, at_once: bool = False) -> None:
        """Run a coroutine as a task of its own, in a clean context.

        After `close` it is dropped.

        Args:
            work: The coroutine.
            name: Names it in reports.
            at_once: Whether its first step is taken now, where Python can (3.12).
        """
        if self._is_closed:
            work.close()
            return
        watched = self._watch(work, name)
        task = _begin_at_once(watched, name) if at_once else _begin(watched, name)
        if not task.done():
            self._tasks[task] = work
            task.add_done_callback(self._forget)

    async def wait(self) -> None:
        """Wait until no task is left, those that they start included."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def cancel(self) -> None:
        """Cancel what still runs and wait for its end."""
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.wait(list(self._tasks))

    async def close(self, grace: float) -> None:
        """Cancel what still runs and start nothing any more.

        Args:
            grace: Seconds after which a task that ignores this is left behind.
        """
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            _, ignoring = await asyncio.wait(list(self._tasks), timeout=grace)
            for task in ignoring:
                _logger.error(
                    "the task %s ignores that it is cancelled", task.get_name()
                )

    def _forget(self, task: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never awaits its work.
        self._tasks.pop(task).close()

    async def _watch(self, work: Work, name: str) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # whatever an author's task raises
            self._on_error(error, name)


class TaskGroup:
    """Starts an author's background tasks; the runtime owns them.

    Args:
        tasks: The owner.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def start_soon(
        self,
        function: Callable[[*Ts], Awaitable[object]],
        *args: *Ts,
        name: str | None = None,
    ) -> None:
        """Start a task; inside a turn, when the turn is committed.

        The task does not belong to the turn: it has no manager and may take as
        long as it likes. If the turn fails it is not started.

        Args:
            function: An async function.
            args: Its arguments.
            name: Shows up in messages about the task.
        """
        called = name or name_of(function)

        async def work() -> None:
            await function(*args)

        turn = active_turn()
        if turn is None:
            self._tasks.start(work(), called)
        else:
            turn.jobs.append((called, work))
