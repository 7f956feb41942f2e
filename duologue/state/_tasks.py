"""Tasks: functions that are given their States wherever they are called.

A task is a callable like any other, so it can be the body of a worker, be awaited, or be
a step of a chain.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from duologue.actors._pykka._functions import is_async
from duologue.state._parameters import Make, state_parameters
from duologue.state._values import Value


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a task is tried again.

    Attributes:
        retries: How often, after the first time.
        backoff: Seconds before the first retry; each later one waits twice as long.
        on: The errors after which it is tried again.
    """

    retries: int = 0
    backoff: float = 1.0
    on: tuple[type[Exception], ...] = (Exception,)

    def pauses(self) -> Sequence[float]:
        """The seconds before each retry."""
        return [self.backoff * 2**number for number in range(self.retries)]


class Task(ABC):
    """A function that is given its States, and is tried again if it fails.

    `task_of` makes one.

    Args:
        function: The author's function.
        make: Makes the States for it.
        retry: How often it is tried again.

    Attributes:
        takes: How many arguments it needs besides its States.
    """

    is_blocking: ClassVar[bool] = False

    def __init__(  # type: ignore[explicit-any]  # the author's function
        self,
        function: Callable[..., Value],
        make: Make,
        retry: Retry,
    ) -> None:
        self._function = function
        self._make = make
        self._retry = retry
        self._parameters = state_parameters(function)
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.__doc__: str | None = function.__doc__
        signature = inspect.signature(function, follow_wrapped=False)
        others = [
            part
            for part in signature.parameters.values()
            if part.name not in self._parameters.classes
        ]
        # What is asked for in a call: workers look at it.
        self.__signature__: inspect.Signature = signature.replace(parameters=others)
        self.takes: int = sum(
            part.default is part.empty
            and part.kind in (part.POSITIONAL_ONLY, part.POSITIONAL_OR_KEYWORD)
            for part in others
        )

    @abstractmethod
    def __call__(self, *arguments: Value, **named: Value) -> Value:
        """Run it; the last error is raised when there are no retries left.

        What is async is awaited.
        """

    def at(self, make: Make) -> Task:
        """The same task with the States of another place."""
        return type(self)(self._function, make, self._retry)

    def _call(self, arguments: Sequence[Value], named: dict[str, Value]) -> Value:
        given, by_name = self._parameters.filled(self._make, arguments, named)
        return self._function(*given, **by_name)


class AsyncTask(Task):
    """A task of a function that is async."""

    # Workers look at the class to tell what runs on the loop.
    async def __call__(self, *arguments: Value, **named: Value) -> Value:
        """Run it; the last error is raised when there are no retries left."""
        for pause in self._retry.pauses():
            try:
                return await self._call(arguments, named)
            except self._retry.on:
                await asyncio.sleep(pause)
        return await self._call(arguments, named)


class BlockingTask(Task):
    """A task of a function that is not async; workers run it in a thread."""

    is_blocking = True

    def __call__(self, *arguments: Value, **named: Value) -> Value:
        """Run it in this thread; the last error is raised without retries left."""
        for pause in self._retry.pauses():
            try:
                return self._call(arguments, named)
            except self._retry.on:
                time.sleep(pause)
        return self._call(arguments, named)


class Chain:
    """Tasks one after the other; `chain` makes one.

    Args:
        steps: The tasks.
    """

    def __init__(self, steps: Sequence[Task]) -> None:
        self._steps = steps
        self.__name__: str = " > ".join(step.__name__ for step in steps)

    async def __call__(self) -> Value:
        """Run all; return what the last one does.

        What one returns is the argument of the next one, if that takes any. An error
        ends the chain. Functions that are not async run in threads.
        """
        result: Value = None
        for step in self._steps:
            arguments = (result,) if step.takes else ()
            if step.is_blocking:
                result = await asyncio.to_thread(step, *arguments)
            else:
                result = await step(*arguments)
        return result


def task_of(  # type: ignore[explicit-any]  # the author's function
    function: Callable[..., Value], make: Make, retry: Retry = Retry()
) -> Task:
    """Make a task of a function.

    Raises:
        StateParameterError: It asks for a State that it cannot be given.
    """
    return (AsyncTask if is_async(function) else BlockingTask)(function, make, retry)


def chain(*steps: Task) -> Chain:
    """Tasks one after the other: awaiting a call of it runs them.

    It is a body for a worker, too. What one returns is the argument of the next one, if
    that takes any. An error ends the chain.
    """
    return Chain(steps)
