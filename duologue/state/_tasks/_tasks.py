"""Tasks: functions that are given their States wherever they are called.

A task is a callable like any other, so it can be the body of a worker, be awaited, or be
a step of a chain. What a dispatcher has registered has a name, by which another process
finds the function again.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from duologue.actors import Operation
from duologue.errors import TaskArgumentError
from duologue.state._parameters import Make, resolved, state_parameters
from duologue.state._tasks._places import Place
from duologue.state._values import Value

_BY_NAME = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


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


@dataclass(frozen=True, slots=True)
class Entry:
    """What is registered of a task.

    Attributes:
        name: By which it is found.
        attempts: How often it begins at most, if its processes die.
        keep: Seconds for which its end is kept.
        executor: Where it runs in the background; None for where its kind does.
    """

    name: str
    attempts: int = 3
    keep: float = 86_400.0
    executor: str | None = None


class Task(ABC):
    """A function that is given its States, and is tried again if it fails.

    `task_of` makes one.

    Args:
        function: The author's function.
        make: Makes the States for it.
        retry: How often it is tried again.
        entry: What is registered of it; None if nothing is.
        arguments: What it is given besides, by name.
        place: Where it was started.

    Attributes:
        takes: How many arguments it needs besides its States and its operation.
        operation_name: The parameter that is the operation of its worker, if it has one.
    """

    is_blocking: ClassVar[bool] = False

    def __init__(  # type: ignore[explicit-any]  # the author's function
        self,
        function: Callable[..., Value],
        make: Make,
        retry: Retry,
        entry: Entry | None = None,
        *,
        arguments: Mapping[str, Value] | None = None,
        place: Place | None = None,
    ) -> None:
        self._function = function
        self._make = make
        self._retry = retry
        self.entry: Entry | None = entry
        self.arguments: Mapping[str, Value] = arguments or {}
        self.place: Place = place or Place()
        self._parameters = state_parameters(function)
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.__doc__: str | None = function.__doc__
        # Another process looks for it where this task is.
        self.__wrapped__: Callable[..., Value] = function  # type: ignore[explicit-any]  # the author's function
        signature = inspect.signature(function, follow_wrapped=False)
        every = [
            part
            for part in signature.parameters.values()
            if part.name not in self._parameters.classes
        ]
        self._signature = signature.replace(parameters=every)
        others = [part for part in every if part.name not in self.arguments]
        # What is asked for in a call: workers look at it.
        self.__signature__: inspect.Signature = signature.replace(parameters=others)
        self.operation_name: str | None = next(
            (part.name for part in others if _is_operation(function, part)), None
        )
        self.takes: int = sum(
            part.default is part.empty
            and part.kind in (part.POSITIONAL_ONLY, part.POSITIONAL_OR_KEYWORD)
            and part.name != self.operation_name
            for part in others
        )

    @abstractmethod
    def __call__(self, *arguments: Value, **named: Value) -> Value:
        """Run it; the last error is raised when there are no retries left.

        What is async is awaited.
        """

    def given(self, *arguments: Value, **named: Value) -> Task:
        """The same task with arguments, for a worker or a step of a chain.

        Raises:
            TaskArgumentError: It does not take them, or not by name.
        """
        try:
            bound = self.__signature__.bind_partial(*arguments, **named)
        except TypeError as error:
            raise TaskArgumentError(self.__name__, str(error)) from None
        found: dict[str, Value] = {}
        for name, value in bound.arguments.items():
            kind = self.__signature__.parameters[name].kind
            if kind not in _BY_NAME:
                problem = (
                    f"{name!r} has to be given in the call; leave out its `/` or `*`"
                )
                raise TaskArgumentError(self.__name__, problem)
            found |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
        return self._with(self._make, self.place, {**self.arguments, **found})

    def at(self, make: Make, place: Place | None = None) -> Task:
        """The same task with the States of another place."""
        return self._with(make, place or self.place, self.arguments)

    def _with(self, make: Make, place: Place, arguments: Mapping[str, Value]) -> Task:
        return type(self)(
            self._function,
            make,
            self._retry,
            self.entry,
            arguments=arguments,
            place=place,
        )

    def _call(self, arguments: Sequence[Value], named: dict[str, Value]) -> Value:
        if self.arguments:
            # What comes now may stand before or behind what was given.
            bound = self._signature.bind_partial(**self.arguments)
            rest = self.__signature__.bind_partial(*arguments, **named)
            bound.arguments |= rest.arguments
            arguments, named = bound.args, bound.kwargs
        given, by_name = self._parameters.filled(self._make, arguments, named)
        return self._do(given, by_name)

    def _do(self, arguments: Sequence[Value], named: Mapping[str, Value]) -> Value:
        return self._function(*arguments, **named)


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


def _is_operation(function: Value, part: inspect.Parameter) -> bool:
    """Tell whether a parameter is the operation of the worker, as workers see it."""
    if part.kind not in (part.POSITIONAL_ONLY, part.POSITIONAL_OR_KEYWORD):
        return False
    return part.name == "operation" or resolved(function, part.annotation) is Operation
