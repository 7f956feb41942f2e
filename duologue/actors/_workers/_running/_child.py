"""The process of a body, seen from inside: it calls one function, tells how far it is, and ends."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, Final, cast

from duologue.actors._pykka._functions import is_async
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._progress._questions import Asked
from duologue.actors._workers._running._wire import (
    LIMIT,
    Function,
    Line,
    Plain,
    found,
    line_of,
    packed_part,
    told_in,
)
from duologue.actors._workers._worker_snapshot import WorkerSnapshot, failure_of

_PAUSE: Final = (
    0.05  # seconds between two reports that are told; in between they add up
)
_NOT_HEARD: Final = 70  # what a process ends with when its program has died


class Told:
    """What is told to the program, by any thread.

    Args:
        output: Where to.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._checkpoint: tuple[object] | None = None
        self._asked: Asked | None = None
        self._resets = 0
        self.operation: Operation = Operation("the body", self._news.set)
        self.operation.keep_by(self._keep)

    def start(self) -> None:
        """Tell what is reported, a few times a second, until the process ends."""
        threading.Thread(target=self._run, daemon=True, name="duologue-told").start()

    def end(self, line: Mapping[str, object]) -> None:
        """Tell what was reported last, and how it ended."""
        try:
            self.tell_news()
            self.operation.close()
            last = line_of(line)
        except (TypeError, ValueError, RecursionError) as error:
            last = _unfit(str(error))
        self._write(last if len(last) <= LIMIT else _unfit("it is too long"))

    def tell_news(self) -> None:
        """Tell what was reported and kept since the last call."""
        with self._lock:
            self._news.clear()
            kept, self._checkpoint = self._checkpoint, None
            before = WorkerSnapshot("", "", "", None, 0.0, 0.0)
            # In this order: what is reported after a reset comes with it, or later.
            resets, asked = self.operation.resets, self.operation.asked
            now = self.operation.take(before)
            is_reset, self._resets = resets != self._resets, resets
            is_other, self._asked = asked is not self._asked, asked
        if kept is not None:
            self._write(line_of({"checkpoint": kept[0]}))
        if now is not before:
            counts = [now.current, now.total, now.unit, now.stage]
            parts = [packed_part(part) for part in now.children]
            report = [now.value, now.text, *counts]
            self._write(line_of({"report": report, "parts": parts, "reset": is_reset}))
        if is_other:
            self._write(
                line_of({"question": None if asked is None else asked.question})
            )

    def _run(self) -> None:
        while True:
            self._news.wait()
            self.tell_news()
            time.sleep(_PAUSE)

    def _keep(self, data: object) -> object:
        line_of({"checkpoint": data})  # the body hears if it cannot be
        with self._lock:
            self._checkpoint = (data,)
        self._news.set()
        return data

    def _write(self, line: bytes) -> None:
        with self._lock:
            self._output.write(line)
            self._output.flush()


def main() -> None:
    """Do what the lines on the standard input say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides who ends
    wanted, told = _streams()
    program, call = told_in(wanted.readline()), told_in(wanted.readline())
    sys.argv = [str(each) for each in cast("list[Plain]", program["argv"])]
    told.operation.restore(call["resumed"])
    threading.Thread(
        target=_listen, args=(wanted, told.operation), daemon=True, name="duologue-stop"
    ).start()
    told.start()
    try:
        function = _function_of(program["main"], call)
        line: Mapping[str, object] = {"result": _called(function, call, told.operation)}
    except asyncio.CancelledError:
        line = {"cancelled": True}
    except BaseException as error:  # noqa: BLE001 - whatever the author's code does
        line = _error_of(error)
    told.end(line)


def _streams() -> tuple[BinaryIO, Told]:
    """What comes from the program and what goes to it; prints go elsewhere."""
    wanted = os.fdopen(os.dup(0), "rb")
    output = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return wanted, Told(output)


def _listen(wanted: BinaryIO, operation: Operation) -> None:
    """Hear answers, and that the body is to stop; end at once if the program has died."""
    for line in wanted:
        told = told_in(line)
        if "answer" in told:
            operation.answer(told["answer"])
        else:
            operation.request_stop(str(told.get("stop", "")))
    if not operation.is_closed:
        os._exit(_NOT_HEARD)


def _function_of(main: Plain, call: Line) -> Function:
    module, name = str(call["module"]), str(call["name"])
    if module != "__main__":
        place: object = importlib.import_module(module)
    elif isinstance(main, str) and Path(main).exists():
        place = SimpleNamespace(**runpy.run_path(main, run_name="__mp_main__"))
    else:
        raise ImportError("the program has no file that could be read again")
    function = found(place, name)
    if function is None:
        raise ImportError(f"there is no {name} in {module} any more")
    if inspect.isclass(function):
        return cast("Function", getattr(function(), "run"))  # noqa: B009 - its author's
    return function


def _called(function: Function, call: Line, operation: Operation) -> object:
    arguments = list(cast("list[object]", call["arguments"]))
    named = dict(cast("dict[str, object]", call["named"]))
    place = call["operation"]
    if isinstance(place, int):
        arguments.insert(place, operation)
    elif isinstance(place, str):
        named[place] = operation
    if is_async(function):
        return asyncio.run(
            _awaited(cast("Awaitable[object]", function(*arguments, **named)))
        )
    return function(*arguments, **named)


async def _awaited(result: Awaitable[object]) -> object:
    return await result


def _unfit(why: str) -> bytes:
    """The end of a body whose result cannot be told."""
    problem = f"what it returned is no JSON of less than {LIMIT >> 20} MB: {why}"
    return line_of(_error_of(TypeError(problem)))


def _error_of(error: BaseException) -> Mapping[str, object]:
    failure = failure_of(error)
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    return {"error": [failure.type, failure.message, failure.traceback, kinds]}
