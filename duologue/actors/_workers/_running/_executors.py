"""Where the `run` of a body runs: on the loop, in a thread, or in a process of its own."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Awaitable
from dataclasses import replace
from typing import cast
from weakref import WeakValueDictionary

from duologue.actors._workers._operation import Operation
from duologue.actors._workers._running._process import run_in_process
from duologue.actors._workers._running._wire import Call, call_line, found
from duologue.actors._workers._start_policy import Executor
from duologue.actors._workers._worker_body import (
    Body,
    RunFunction,
    body_of,
    check_body,
    name_of,
    takes_operation,
)
from duologue.errors import WorkerBodyError

_KNOWN = ("async", "thread", "process")
_ELSEWHERE = ("start", "stop", "ping")


class KnownBodies:
    """Bodies as they are to run: those of one function that runs already are the same.

    Args:
        patience: Seconds for a process to end when its body is cancelled.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        # Only while they are used: what a function holds is its author's.
        self._bodies: WeakValueDictionary[object, Body] = WeakValueDictionary()

    def body(self, given: object, executor: Executor | None) -> Body:
        """What is to run.

        Raises:
            WorkerBodyError: It cannot run there.
        """
        is_plain = executor is None and inspect.isfunction(given)
        body = self._bodies.get(given) if is_plain else None
        if body is None:
            body = executed(given, executor, patience=self._patience)
            if is_plain:
                self._bodies[given] = body
        return body


def executed(given: object, executor: Executor | None, *, patience: float) -> Body:
    """A body that runs where it is wanted.

    Args:
        given: What the author gave.
        executor: Where it is to run; None for the loop if it is `async def`, and else
            for a thread.
        patience: Seconds for a process to end, before it is killed.

    Raises:
        WorkerBodyError: It cannot run there.
    """
    if executor not in {*_KNOWN, None}:
        problem = f"there is no executor {executor!r}, only {', '.join(_KNOWN)}"
        raise WorkerBodyError(name_of(given), problem)
    if executor == "process":
        return _in_process(given, patience)
    body = body_of(given)
    if executor == "async" and not body.is_async:
        problem = 'it is not async def, so it cannot run with executor="async"'
        raise WorkerBodyError(body.kind, problem)
    if executor == "thread" and body.is_async:
        return replace(body, run=_on_own_loop(body.run))
    return body


def _on_own_loop(run: RunFunction) -> RunFunction:
    """A coroutine function as one that blocks, on a loop of its own."""

    async def ended(arguments: tuple[object, ...]) -> object:
        return await cast("Awaitable[object]", run(*arguments))

    def blocking(*arguments: object) -> object:
        return asyncio.run(ended(arguments))

    return blocking


def _in_process(given: object, patience: float) -> Body:
    check_body(given)
    call, takes = call_of(given)
    call_line(call, None)  # what cannot be sent is refused by the start

    async def run(operation: Operation) -> object:
        return await run_in_process(call, operation, patience=patience)

    return Body(
        kind=name_of(given),
        author=run,
        run=run,
        takes_operation=True,
        start=None,
        stop=None,
        ping=None,
        is_deaf=not takes,
    )


def call_of(given: object) -> tuple[Call, bool]:
    """The call that another process makes of a body, and whether it takes the operation.

    Raises:
        WorkerBodyError: The other process would not find it.
    """
    arguments: tuple[object, ...] = ()
    named: dict[str, object] = {}
    work = given
    while isinstance(work, functools.partial):
        arguments = (*work.args, *arguments)
        named = {**work.keywords, **named}
        work = cast("object", work.func)
    run = getattr(work, "run", None) if inspect.isclass(work) else work
    module, name = place_of(work)
    methods = [
        verb for verb in _ELSEWHERE if inspect.isclass(work) and hasattr(work, verb)
    ]
    if methods:
        problem = f"its {methods[0]}() would be called in the process of the program"
        raise WorkerBodyError(name, f"{problem}; a body in another one has run() only")
    bound = functools.partial(cast("RunFunction", run), *arguments, **named)
    takes = takes_operation(name, bound, is_method=inspect.isclass(work))
    place = len(arguments) if takes else None
    return Call(module, name, arguments, named, place), takes


def place_of(work: object) -> tuple[str, str]:
    """Where another process finds a function or a class: its module, and its name there.

    Raises:
        WorkerBodyError: It would not.
    """
    module: object = getattr(work, "__module__", None)
    name: object = getattr(work, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        if hasattr(work, "__wrapped__"):
            problem = 'say executor="process" where it is decorated'
            raise WorkerBodyError(name_of(work), problem)
        problem = "an object cannot be taken to another process; give its class"
        raise WorkerBodyError(name_of(work), problem)
    if found(sys.modules.get(module), name) is not work:
        problem = (
            f"another process would not find it as {module}.{name}; make it a function "
            "or a class at the top of a module"
        )
        raise WorkerBodyError(name, problem)
    return module, name
