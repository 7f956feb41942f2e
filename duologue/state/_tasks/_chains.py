"""Tasks one after the other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from duologue.actors import Operation
from duologue.state._parameters import Make
from duologue.state._tasks._places import Place
from duologue.state._tasks._tasks import Task
from duologue.state._values import Value

Passed: TypeAlias = Callable[[int, Value], Awaitable[None]]
"""Is told which step is next, and what the one before has returned."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a chain is.

    Attributes:
        step: The number of the step that is next.
        result: What the one before has returned.
        passed: Told before each further step.
    """

    step: int = 0
    result: Value = None
    passed: Passed | None = None


class Chain:
    """Tasks one after the other; `chain` makes one.

    Args:
        steps: The tasks.
        stand: Where it begins.
    """

    def __init__(self, steps: Sequence[Task], stand: Stand = Stand()) -> None:
        self.steps: Sequence[Task] = steps
        self._stand = stand
        self.__name__: str = " > ".join(step.__name__ for step in steps)
        # Workers hand the operation on to whom it is for.
        parameters = inspect.signature(type(self).__call__).parameters
        wants = any(step.operation_name for step in steps)
        self.__signature__: inspect.Signature = inspect.Signature(
            [parameters["operation"]] if wants else []
        )

    async def __call__(self, operation: Operation | None = None) -> Value:
        """Run all; return what the last one does.

        What one returns is the argument of the next one, if that takes any. An error
        ends the chain. Functions that are not async run in threads.

        Args:
            operation: Given to those that ask for it.
        """
        stand = self._stand
        result = stand.result
        for number, step in enumerate(self.steps):
            if number < stand.step:
                continue
            if number > stand.step and stand.passed is not None:
                await stand.passed(number, result)
            if step.operation_name is not None:
                step = step.given(**{step.operation_name: operation})  # noqa: PLW2901
            arguments = (result,) if step.takes else ()
            if step.is_blocking:
                result = await asyncio.to_thread(step, *arguments)
            else:
                result = await step(*arguments)
        return result

    def at(self, make: Make, place: Place) -> Chain:
        """The same chain with the States of another place."""
        return Chain([step.at(make, place) for step in self.steps], self._stand)

    def standing(self, stand: Stand) -> Chain:
        """The same chain from one of its steps on."""
        return Chain(self.steps, stand)


def chain(*steps: Task) -> Chain:
    """Tasks one after the other: awaiting a call of it runs them.

    It is a body for a worker, too. What one returns is the argument of the next one, if
    that takes any. An error ends the chain.
    """
    return Chain(steps)
