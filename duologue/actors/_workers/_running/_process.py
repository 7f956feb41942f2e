"""A body in a process of its own, seen from the program.

1. A Python is started with the paths of this one, and told by a line on its standard input
   what to call.
2. What it reports comes as lines on its standard output; what its body prints goes to the
   standard error of the program instead.
3. What the body asks for is a line, too; so is the answer, the other way.
4. A stop is another line. When the grace is over the worker cancels the coroutine that
   waits here, and that ends the process: at first it is asked to, then it is killed.
5. If the program dies the process hears the end of its input, and ends.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from duologue.actors._workers._operation import Operation
from duologue.actors._workers._running._wire import (
    LIMIT,
    Call,
    call_line,
    items_of,
    line_of,
    part_in,
    told_in,
)
from duologue.actors._workers._worker_snapshot import FailedElsewhere, WorkerFailure
from duologue.errors import WorkerDiedError

_BEGIN: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from duologue.actors._workers._running._child import main; main()"
)
_logger = logging.getLogger("duologue.actors")
_PATIENCE: Final = 1.0  # seconds for a process that was asked to end


async def run_in_process(
    call: Call, operation: Operation | None, *, patience: float = _PATIENCE
) -> object:
    """Call something in a new process.

    Args:
        call: What.
        operation: Is told what it reports, and tells it to stop; None for a call that
            has none.
        patience: Seconds for the process to end, before it is killed.

    Returns:
        What it returns.

    Raises:
        CancelledError: It has cancelled itself.
        FailedElsewhere: It raised.
        WorkerBodyError: An argument cannot be sent.
        WorkerDiedError: Its process ended before it did.
    """
    resumed = None if operation is None else operation.resumed
    line = call_line(call, resumed)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _BEGIN,
        *sys.path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LIMIT,
    )
    try:
        _tell(process, line_of({"main": _main_of_program(), "argv": list(sys.argv)}))
        _tell(process, line)
        result = await _ended(process, call, operation)
        _close(process)
    except BaseException:
        with suppress(ProcessLookupError):
            process.terminate()
        raise
    finally:
        await _gone(process, patience)
    return result


async def _ended(
    process: asyncio.subprocess.Process, call: Call, operation: Operation | None
) -> object:
    stops = None
    if operation is not None and call.operation is not None:
        loop = asyncio.get_running_loop()
        stops = loop.create_task(_pass_stop_on(process, operation))
    try:
        return await _heard(process, call, operation)
    finally:
        if stops is not None:
            stops.cancel()


async def _heard(
    process: asyncio.subprocess.Process, call: Call, operation: Operation | None
) -> object:
    """Take in what the process tells, up to its end."""
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    try:
        async with _asking(process, operation) as ask:
            while line := await process.stdout.readline():
                told = told_in(line)
                if "result" in told:
                    return told["result"]
                if "cancelled" in told:
                    raise asyncio.CancelledError
                if "error" in told:
                    raise _failure(told["error"])
                if "question" in told:
                    ask(told["question"])
                elif operation is not None:
                    _report(operation, told)
    except ValueError as error:  # a line that is too long, or is none
        problem = f"its process told what cannot be read: {error}"
        raise FailedElsewhere(WorkerFailure("ValueError", problem)) from None
    raise WorkerDiedError(call.name, await process.wait())


@asynccontextmanager
async def _asking(
    process: asyncio.subprocess.Process, operation: Operation | None
) -> AsyncGenerator[Callable[[object], None]]:
    """Ask in the place of the process, until the end of the block; one at a time."""
    asking: asyncio.Task[None] | None = None

    def ask(question: object) -> None:
        nonlocal asking
        if asking is not None:
            asking.cancel()
        asking = None
        if question is not None and operation is not None:
            loop = asyncio.get_running_loop()
            asking = loop.create_task(_pass_answer_on(process, operation, question))

    try:
        yield ask
    finally:
        ask(None)


async def _pass_answer_on(
    process: asyncio.subprocess.Process, operation: Operation, question: object
) -> None:
    while True:
        answer: object = await operation.ask(question)
        try:
            line = line_of({"answer": answer})
        except (TypeError, ValueError, RecursionError) as error:
            _logger.warning("an answer cannot go to the process of a body: %s", error)
        else:
            return _tell(process, line)


def _failure(told: object) -> FailedElsewhere:
    kind, message, traceback, kinds = items_of(told)
    failure = WorkerFailure(str(kind), str(message), str(traceback))
    return FailedElsewhere(failure, [str(each) for each in items_of(kinds)])


def _report(operation: Operation, told: Mapping[str, object]) -> None:
    if "checkpoint" in told:
        operation.checkpoint(told["checkpoint"])
        return
    if told.get("reset") is True:
        operation.reset()
    parts = tuple(part_in(part) for part in items_of(told.get("parts")))
    value, text, current, total, unit, stage = items_of(told.get("report"))
    operation.adopt(parts)
    operation.report(value, text, current=current, total=total, unit=unit, stage=stage)


async def _pass_stop_on(
    process: asyncio.subprocess.Process, operation: Operation
) -> None:
    _tell(process, line_of({"stop": await operation.stopping()}))


def _tell(process: asyncio.subprocess.Process, line: bytes) -> None:
    if process.stdin is not None:
        with suppress(OSError, RuntimeError):  # it has gone
            process.stdin.write(line)


def _close(process: asyncio.subprocess.Process) -> None:
    """Tell the process that nothing more comes."""
    if process.stdin is not None:
        process.stdin.close()


async def _gone(process: asyncio.subprocess.Process, patience: float) -> None:
    """Wait until the process has ended, and kill it if that takes too long."""
    try:
        await asyncio.wait_for(process.wait(), patience)
    except BaseException as error:
        # It does not listen, or there is no more time to wait.
        with suppress(ProcessLookupError):
            process.kill()
        if not isinstance(error, TimeoutError):
            raise
        await process.wait()


def _main_of_program() -> str | None:
    """The file of the program, where its functions are that are in no module."""
    file: object = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(file).absolute()) if isinstance(file, str) else None
