"""What Python does between two moments: calls, files and objects, counted exactly.

The count is of the whole process, whichever thread or task does the work, and does
not depend on time: the same code gives the same numbers. It needs `sys.monitoring`,
which Python has from 3.12 on.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import ClassVar, Protocol

_ASYNCIO = Path(asyncio.__file__).parent
_LOOP = (str(_ASYNCIO), str(_ASYNCIO.with_name("selectors.py")))
_BENCHMARKS = str(Path(__file__).parent)
_ONE_OBJECT_EACH = (
    inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
)


class GoalMissedError(Exception):
    """What was counted ended without reaching the goal."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a Python function.

    Attributes:
        file: Where the function is; `<string>` if `dataclass` has written it.
        line: Where it begins.
        name: Its qualified name.
    """

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        roots = [f"{root}/" for root in sorted(sys.path, key=len, reverse=True)]
        root = next((root for root in roots if self.file.startswith(root)), "")
        return f"{self.file.removeprefix(root)}:{self.line} {self.name}"

    @property
    def is_of_loop(self) -> bool:
        """Whether the function is one of the event loop."""
        return self.file.startswith(_LOOP)


@dataclass(frozen=True, slots=True)
class Steps:
    """What happened until the goal was reached.

    Attributes:
        listed: The calls in order, without those of the benchmark.
        objects: How many objects were made by calling a class, or a function that is
            a coroutine or a generator; displays such as `{}` are not seen.
        blocks: How many more blocks of memory were in use at the goal.
        afterwards: How many calls came after it, until everything was settled.
    """

    listed: tuple[Call, ...]
    objects: int
    blocks: int
    afterwards: int

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return len(self.listed)

    @property
    def loop_calls(self) -> int:
        """How many calls were the event loop's own."""
        return sum(call.is_of_loop for call in self.listed)

    @property
    def files(self) -> int:
        """How many files the calls went through."""
        return len({call.file for call in self.listed})


class _Events(Protocol):
    CALL: int
    NO_EVENTS: int
    PY_START: int


class _Monitoring(Protocol):
    """`sys.monitoring`, which Python has from 3.12 on."""

    events: _Events

    def use_tool_id(self, tool_id: int, name: str, /) -> None: ...

    def free_tool_id(self, tool_id: int, /) -> None: ...

    def register_callback(
        self, tool_id: int, event: int, func: object, /
    ) -> object: ...

    def set_events(self, tool_id: int, event_set: int, /) -> None: ...


_monitoring: _Monitoring = vars(sys)["monitoring"]


class Recorder:
    """Counts from `begin` to `end`, as often as wanted.

    Args:
        warm_up: How many rounds are not counted, because the first ones fill caches.

    Attributes:
        found: What the rounds after that took.
    """

    _TOOL: ClassVar[int] = 3  # one of the two that Python keeps for nobody

    def __init__(self, *, warm_up: int) -> None:
        self.found: list[Steps] = []
        self._to_skip = warm_up
        self._started: list[CodeType] = []
        self._goal: int | None = None
        self._objects = 0
        self._blocks = 0

    def begin(self) -> None:
        """Forget what was counted in the round before, and count."""
        if self._to_skip:
            return
        monitoring, events = _monitoring, _monitoring.events
        monitoring.use_tool_id(self._TOOL, "steps")
        monitoring.register_callback(self._TOOL, events.PY_START, self._on_start)
        monitoring.register_callback(self._TOOL, events.CALL, self._on_call)
        self._started.clear()
        self._goal = None
        self._objects = 0
        gc.collect()
        gc.disable()  # it would call whatever the garbage of others wants called
        self._blocks = sys.getallocatedblocks()
        monitoring.set_events(self._TOOL, events.PY_START | events.CALL)

    def goal(self) -> None:
        """Take note that the goal is reached, the first time."""
        if self._goal is None:
            self._blocks = sys.getallocatedblocks() - self._blocks
            self._goal = len(self._started)

    def end(self) -> None:
        """Count no longer, and keep what happened.

        Raises:
            GoalMissedError: The goal was not reached.
        """
        if self._to_skip:
            self._to_skip -= 1
            return
        _monitoring.set_events(self._TOOL, _monitoring.events.NO_EVENTS)
        _monitoring.free_tool_id(self._TOOL)
        gc.enable()
        if self._goal is None:
            raise GoalMissedError
        before, after = self._started[: self._goal], self._started[self._goal :]
        self.found.append(
            Steps(
                tuple(_calls(before)), self._objects, self._blocks, len(_calls(after))
            )
        )

    def _on_start(self, code: CodeType, _: int) -> None:
        self._started.append(code)
        if code.co_flags & _ONE_OBJECT_EACH:
            self._count_object()

    def _on_call(self, _: CodeType, __: int, called: object, ___: object) -> None:
        if isinstance(called, type):
            self._count_object()

    def _count_object(self) -> None:
        if self._goal is None:
            self._objects += 1


def _calls(codes: Iterable[CodeType]) -> list[Call]:
    """The calls, without those of the bot that is measured and of the sink."""
    return [
        Call(code.co_filename, code.co_firstlineno, code.co_qualname)
        for code in codes
        if not code.co_filename.startswith(_BENCHMARKS)
    ]
