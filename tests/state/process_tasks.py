"""Tasks for processes of their own: they have to be at the top of a module."""

from __future__ import annotations

import os
from pathlib import Path

from duologue import Dispatcher
from duologue.actors import Operation

dispatcher = Dispatcher()


@dispatcher.task(executor="process")
def add(first: int, operation: Operation, second: int = 1) -> list[int]:
    """Adds, and says where."""
    operation.report(text="adding")
    return [first + second, os.getpid()]


@dispatcher.task(executor="process")
async def double(before: list[int]) -> int:
    """Is async, takes no operation, and is the second of a chain."""
    return 2 * before[0]


@dispatcher.task(executor="process", retries=2, backoff=0.01, retry_on=[OSError])
def fragile(path: str, error: str) -> str:
    """Fails until it was called as often as there is something in a file."""
    with Path(path).open("a", encoding="ascii") as file:
        file.write("x")
    tries = Path(path).stat().st_size
    if tries < 3 or error != "FileNotFoundError":
        raise {"FileNotFoundError": FileNotFoundError, "KeyError": KeyError}[error]
    return f"{tries} tries"
