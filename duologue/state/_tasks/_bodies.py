"""Bodies of work that another process may have taken: they do it, or look on.

On an engine that several processes share, whoever starts a task need not be who runs it.
The worker of the starter looks on then, and goes on by itself should the other one die.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Protocol

from duologue.state._tasks._chains import Chain
from duologue.state._tasks._tasks import Task
from duologue.state._values import Value


class Followed(Protocol):
    """Work that may be done elsewhere."""

    @property
    def inner(self) -> Task | Chain:
        """What does it here."""
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it can be looked at."""
        ...

    async def is_done_elsewhere(self) -> bool:
        """Wait until it has ended elsewhere, or false at once if it is to be done here."""
        ...


class AsyncBody:
    """A body on the loop.

    Args:
        work: The work.
    """

    def __init__(self, work: Followed) -> None:
        self._work = work
        self.__name__: str = work.inner.__name__
        self.__signature__: inspect.Signature = work.inner.__signature__

    async def __call__(self, *arguments: Value) -> Value:
        """Do the work, or look on."""
        if not await self._work.is_done_elsewhere():
            return await self._work.inner(*arguments)
        return None


class BlockingBody:
    """A body in a thread of its own.

    Args:
        work: The work.
    """

    def __init__(self, work: Followed) -> None:
        self._work = work
        self.__name__: str = work.inner.__name__
        self.__signature__: inspect.Signature = work.inner.__signature__

    def __call__(self, *arguments: Value) -> Value:
        """Do the work, or look on."""
        looking = self._work.is_done_elsewhere()
        if not asyncio.run_coroutine_threadsafe(looking, self._work.loop).result():
            return self._work.inner(*arguments)
        return None


def body_over(work: Followed) -> AsyncBody | BlockingBody:
    """The body of a work."""
    if isinstance(work.inner, Task) and work.inner.is_blocking:
        return BlockingBody(work)
    return AsyncBody(work)
