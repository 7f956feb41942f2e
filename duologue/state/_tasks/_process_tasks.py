"""Tasks that are done in a process of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from duologue.actors import Operation
from duologue.actors._pykka._functions import is_async
from duologue.actors._workers._running._executors import place_of
from duologue.actors._workers._running._process import run_in_process
from duologue.actors._workers._running._wire import Call
from duologue.actors._workers._worker_snapshot import FailedElsewhere
from duologue.errors import StateParameterError
from duologue.state._parameters import Make, state_parameters
from duologue.state._tasks._tasks import AsyncTask, BlockingTask, Entry, Retry, Task
from duologue.state._values import Value


class ProcessTask(AsyncTask):
    """A task of a function that another process finds in its module, and calls there."""

    async def __call__(self, *arguments: Value, **named: Value) -> Value:
        """Run it; the last error is raised when there are no retries left."""
        for pause in self._retry.pauses():
            try:
                return await self._call(arguments, named)
            except FailedElsewhere as error:
                if not self._is_to_retry(error):
                    raise
                await asyncio.sleep(pause)
        return await self._call(arguments, named)

    async def _do(
        self, arguments: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        module, name = place_of(self._function)
        plain = tuple(each for each in arguments if not _is_its_operation(each))
        by_name = {
            key: each for key, each in named.items() if not _is_its_operation(each)
        }
        place: int | str | None = None
        operation: Operation | None = None
        places: list[tuple[int | str, Value]] = [*enumerate(arguments), *named.items()]
        for at, each in places:
            if _is_its_operation(each):
                place, operation = at, each
        call = Call(module, name, plain, by_name, place)
        return await run_in_process(call, operation)

    def _is_to_retry(self, error: FailedElsewhere) -> bool:
        wanted = {f"{kind.__module__}.{kind.__qualname__}" for kind in self._retry.on}
        return not wanted.isdisjoint(error.kinds)


def task_of(  # type: ignore[explicit-any]  # the author's function
    function: Callable[..., Value],
    make: Make,
    retry: Retry = Retry(),  # noqa: B008 - it is frozen
    entry: Entry | None = None,
    *,
    in_process: bool = False,
) -> Task:
    """Make a task of a function.

    Raises:
        StateParameterError: It asks for a State that it cannot be given.
    """
    if not in_process:
        kind = AsyncTask if is_async(function) else BlockingTask
        return kind(function, make, retry, entry)
    task = ProcessTask(function, make, retry, entry)
    for parameter in state_parameters(function).classes:
        problem = "its process has no States; take what it needs as an argument"
        raise StateParameterError(task.__name__, parameter, problem)
    return task


def _is_its_operation(value: Value) -> bool:
    return isinstance(value, Operation)
