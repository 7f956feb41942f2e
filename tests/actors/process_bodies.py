"""Bodies for processes of their own: they have to be at the top of a module."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from duologue.actors import Operation


def count(operation: Operation, upto: int, unit: str = "rows") -> dict[str, object]:
    """Counts, and says in which process."""
    for number in range(upto + 1):
        operation.report(
            text=f"row {number}", current=number, total=upto, unit=unit, stage="count"
        )
    return {"pid": os.getpid(), "sum": sum(range(upto + 1))}


def in_parts(operation: Operation) -> None:
    """Has parts, and parts of them."""
    with operation.part("read", 3):
        pass
    operation.part("write").part("half").report(0.5, current=1, total=2, unit="files")


async def count_on_a_loop(operation: Operation) -> int:
    """Is `async def`."""
    operation.report(0.5, "half")
    return os.getpid()


def compute(operation: Operation) -> str:
    """Holds the interpreter until it is told to stop."""
    operation.report(text="computing")
    while not operation.is_stop_requested:
        sum(number * number for number in range(10_000))
    return operation.stop_reason


def deaf() -> None:
    """Takes no operation and never ends."""
    time.sleep(1000)


def stubborn(operation: Operation) -> None:
    """Ignores all that it is told, and SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    operation.report(text="deaf")
    time.sleep(1000)


def die(operation: Operation, number: int) -> None:
    """Dies of a signal."""
    operation.report(0.25, "about to die")
    time.sleep(0.3)
    os.kill(os.getpid(), number)


def leave() -> None:
    """Leaves without a word."""
    os._exit(3)


def exit_politely() -> None:
    """Raises SystemExit."""
    raise SystemExit("bye")


def shout() -> str:
    """Prints megabytes, to both streams, in Python and beneath it."""
    for _ in range(20):
        print("x" * 100_000)  # noqa: T201 - what is tested
        print("y" * 100_000, file=sys.stderr)  # noqa: T201 - as above
    os.write(1, b"raw\n" * 10_000)
    return "hoarse"


def forge(line: str) -> None:
    """Writes into the pipe that is not its own."""
    for number in range(3, 30):
        with suppress(OSError):
            os.write(number, line.encode() + b"\n")
    time.sleep(1000)


def fail() -> None:
    """Raises an error of its own."""
    raise LookupError("no such table")


def return_an_object() -> object:
    """Returns what JSON has not."""
    return object()


def return_too_much() -> str:
    """Returns more than a line may have."""
    return "x" * 2**24


def return_no_number() -> float:
    """Returns NaN."""
    return float("nan")


def go_on(operation: Operation) -> list[object]:
    """Returns what it was resumed with, and keeps something."""
    before: object = operation.resumed
    operation.checkpoint({"row": 7})
    return [before]


def keep_an_object(operation: Operation) -> str:
    """Keeps what JSON has not."""
    try:
        operation.checkpoint(object())
    except TypeError:
        return "refused"
    return "kept"


def decorated(function: Callable[[], int]) -> Callable[[], int]:
    @wraps(function)
    def inner() -> int:
        raise AssertionError

    return inner


class Sum:
    """A class with `run`, made in the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    def run(self, operation: Operation) -> bool:
        """Says whether it was made where it runs."""
        operation.report(1.0)
        return self.pid == os.getpid()


class Rocket(Sum):
    """Has a method that would be called here."""

    def ping(self) -> None:
        """Never called."""


async def ask_twice(operation: Operation) -> list[object]:
    """Asks the same question twice, and begins to count anew in between."""
    operation.report(0.9, "first")
    first = await operation.ask("which month?")
    operation.reset()
    operation.report(0.1, "second")
    return [first, await operation.ask("which month?")]
