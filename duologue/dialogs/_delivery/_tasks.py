"""Tasks that outlive the turn that starts them, and their owner."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVarTuple

from duologue.dialogs._state._functions import name_of
from duologue.dialogs._state._turn import active_turn

Ts = TypeVarTuple("Ts")
_logger = logging.getLogger("duologue.dialogs")
OnError = Callable[[BaseException, str], None]


class Tasks:
    """Owns tasks: keeps them, reports their failures, ends them.

    A failure cancels nobody else.

    Args:
        on_error: Told of each failure and the name of the task.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, object], name: str) -> None:
        """Run a coroutine as a task of its own, in a clean context.

        After `close` it is dropped.
        """
        if self._is_closed:
            work.close()
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(
            self._watch(work, name), name=name, context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits its work.
        task.add_done_callback(lambda _: work.close())

    async def wait(self) -> None:
        """Wait until no task is left, those that they start included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Cancel what still runs and wait for its end."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    async def close(self, grace: float) -> None:
        """Cancel what still runs and start nothing any more.

        Args:
            grace: Seconds after which a task that ignores this is left behind.
        """
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, ignoring = await asyncio.wait(self._tasks, timeout=grace)
            for task in ignoring:
                _logger.error(
                    "the task %s ignores that it is cancelled", task.get_name()
                )

    async def _watch(self, work: Coroutine[object, object, object], name: str) -> None:
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
