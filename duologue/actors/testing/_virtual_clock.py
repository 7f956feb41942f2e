"""Virtual time for a whole program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from duologue.actors._time._clock import LoopClock
from duologue.actors.testing._virtual_loop import virtual_loop_factory

T = TypeVar("T")


class VirtualClock(LoopClock):
    """A clock that runs programs in no time: waiting moves it instead of the program.

    It covers everything that waits on the event loop: `asyncio.sleep`,
    `asyncio.timeout`, `anyio.sleep`, timers. Within such a program every other
    `LoopClock` shows the same time.
    """

    def run(
        self,
        main: Coroutine[object, object, T] | Callable[[], Coroutine[object, object, T]],
    ) -> T:
        """Run a program on a fresh virtual loop, beginning at second 0.

        Args:
            main: A coroutine, or a function that makes one.

        Returns:
            What it returns.

        Raises:
            VirtualDeadlockError: If it waits for something that cannot happen.
        """
        with asyncio.Runner(loop_factory=virtual_loop_factory) as runner:
            return runner.run(main() if callable(main) else main)
