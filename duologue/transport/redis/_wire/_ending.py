"""The end of tasks that ask a server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

# Seconds until a task is told again. redis-py waits with `asyncio.wait_for`, which on Python
# 3.11 forgets a cancellation that comes as the wait ends: https://bugs.python.org/issue37658
_AGAIN: Final = 0.1


async def end_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, until all of them have ended."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
