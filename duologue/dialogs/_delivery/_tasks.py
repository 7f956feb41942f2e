"""Tasks that outlive the turn that starts them, and their owner."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol, TypeAlias, TypeVarTuple

from duologue.dialogs._delivery._receipts import MOVED_ON
from duologue.dialogs._state._functions import name_of
from duologue.dialogs._state._turn import active_turn
from duologue.errors import TaskBindingError

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

    A failure cancels nobody else. What a task is told of a dialog that has moved on is
    no failure: it ends the task, and that is logged.

    Args:
        on_error: Told of each failure and the name of the task.

    Attributes:
        bound: The tasks that end with a dialog, by addresses and then by dialogs.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._tasks: dict[asyncio.Task[None], Work] = {}
        self.bound: dict[str, dict[str, set[TaskHandle]]] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self, work: Work, name: str, *, at_once: bool = False
    ) -> asyncio.Task[None] | None:
        """Run a coroutine as a task of its own, in a clean context.

        After `close` it is dropped.

        Args:
            work: The coroutine.
            name: Names it in reports.
            at_once: Whether its first step is taken now, where Python can (3.12).

        Returns:
            The task, if it runs now.
        """
        if self._is_closed:
            work.close()
            return None
        watched = self._watch(work, name)
        task = _begin_at_once(watched, name) if at_once else _begin(watched, name)
        if task.done():
            return None
        self._tasks[task] = work
        task.add_done_callback(self._forget)
        return task

    def bind(self, handle: TaskHandle, address: str, dialog: str) -> None:
        """Let a task end with a dialog."""
        self.bound.setdefault(address, {}).setdefault(dialog, set()).add(handle)

    def release(self, handle: TaskHandle, address: str, dialog: str) -> None:
        """Forget that a task would end with a dialog."""
        dialogs = self.bound.get(address, {})
        handles = dialogs.get(dialog, set())
        handles.discard(handle)
        if not handles:
            dialogs.pop(dialog, None)
        if not dialogs:
            self.bound.pop(address, None)

    def end_of_closed(self, address: str, is_open: Callable[[str], bool]) -> None:
        """End the tasks of the dialogs of an address that are closed now."""
        for dialog, handles in list(self.bound.get(address, {}).items()):
            if not is_open(dialog):
                for handle in list(handles):
                    handle.cancel()

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
        except MOVED_ON as error:
            _logger.info("the task %s has ended: %s", name, error)
        except Exception as error:  # noqa: BLE001  # whatever an author's task raises
            self._on_error(error, name)


class OneDialog(Protocol):
    """A manager: it knows which dialog it is for."""

    @property
    def place(self) -> tuple[str, str, str | None]:
        """Address, stack and dialog."""
        ...


class TaskHandle:
    """A task of the `task_group`.

    Args:
        tasks: The owner of the task.
        name: Names it in reports.
        work: Makes what it runs.
        place: The address and the dialog that it ends with, if it does.

    Attributes:
        name: Its name in reports.
    """

    __slots__ = ("_is_over", "_place", "_task", "_tasks", "_work", "name")

    def __init__(
        self,
        tasks: Tasks,
        name: str,
        work: Callable[[], Work],
        place: tuple[str, str] | None,
    ) -> None:
        self.name: str = name
        self._tasks = tasks
        self._work = work
        self._place = place
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def __repr__(self) -> str:
        return f"<TaskHandle {self.name} {'done' if self.done() else 'pending'}>"

    def cancel(self) -> None:
        """End the task, or see to it that it never begins. Harmless afterwards."""
        if self._task is None:
            self._is_over = True
        else:
            self._task.cancel()

    def done(self) -> bool:
        """Tell whether it has ended, or will never begin."""
        return self._is_over

    def begin(self) -> None:
        """Start it, unless it was cancelled; the runtime does so."""
        if self._is_over:
            return
        self._task = self._tasks.start(self._work(), self.name)
        if self._task is None:
            self._is_over = True
            return
        self._task.add_done_callback(self._ended)
        if self._place is not None:
            self._tasks.bind(self, *self._place)

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._is_over = True
        if self._place is not None:
            self._tasks.release(self, *self._place)


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
        dialog: OneDialog | None = None,
    ) -> TaskHandle:
        """Start a task; inside a turn, when the turn is committed.

        The task does not belong to the turn: it has no manager and may take as
        long as it likes. If the turn fails it is not started.

        Args:
            function: An async function.
            args: Its arguments.
            name: Shows up in messages about the task.
            dialog: A manager of the dialog that the task is for: the task is
                cancelled when the dialog closes, whoever closes it. A covered
                dialog is not closed. None for a task that goes on.

        Returns:
            What ends the task early.

        Raises:
            TaskBindingError: `dialog` means whatever is on top, and not one dialog.
            NoContextError: No dialog is open.
        """
        called = name or name_of(function)

        async def work() -> None:
            await function(*args)

        handle = TaskHandle(self._tasks, called, work, _place(dialog, called))
        turn = active_turn()
        if turn is None:
            handle.begin()
        else:
            turn.jobs.append(handle.begin)
        return handle


def _place(dialog: OneDialog | None, task: str) -> tuple[str, str] | None:
    """The address and the dialog that a task ends with.

    Raises:
        TaskBindingError: It is not one dialog.
    """
    if dialog is None:
        return None
    address, _, intent = dialog.place
    if intent is None:
        raise TaskBindingError(task)
    return address, intent
