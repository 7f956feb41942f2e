"""Group commit: what changes in one go is written at once, with one sync.

A group is taken when the loop has gone round without adding to it: the turns of a batch of mail
begin in several rounds, and what they commit meanwhile saves writing their mail, and syncs. New
mail gives its turns a round more to begin. Where there is always more, it is taken all the same.
While a group is being written the next one collects. A group that cannot be written is kept
and tried again each second: what was accepted is not lost, and nobody is told that it is
safe before it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from duologue.actors import Clock, Observer, TimerHandle
from duologue.actors._engine._timed import wall_time
from duologue.errors import EngineUnavailableError
from duologue.transport.sqlite._group import Group

_logger = logging.getLogger("duologue")
_LATER = 1.0  # seconds until what nobody waits for is written
# While there is always more a group collects for so many rounds, and so many seconds.
_MOST_ROUNDS = 32
_LONGEST = 0.03
_AGAIN = 1.0  # seconds until a group that could not be written is tried again


class Writer:
    """Collects changes and writes them, one group at a time.

    Args:
        name: What the file is called.
        clock: Arranges what is done later.
        keep_dead: How many dead letters are kept.
        write: Writes a group, in a thread.
        written: Is told on the loop of each group that is in the file.

    Attributes:
        group: What is collected now.
        problem: Why nothing can be written, in a sentence; None if all is well.
        observer: Is told of writes and errors; None if nobody wants to know.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        keep_dead: int,
        write: Callable[[Group], None],
        written: Callable[[Group], None],
    ) -> None:
        self._name = name
        self._clock = clock
        self._keep_dead = keep_dead
        self._write = write
        self._tell = written
        self.problem: str | None = None
        self.observer: Observer | None = None
        self.group: Group = self._next_group(1)
        self._thread: Executor | None = None
        self._writing: Group | None = None
        self._ended: asyncio.Future[None] | None = None
        self._timer: TimerHandle | None = None
        self._again: TimerHandle | None = None
        self._is_armed = False
        # Rounds since the group was asked for, and since it last grew; its waiters then.
        self._rounds = self._quiet = self._seen = 0
        self._latest = 0.0

    @property
    def unwritten(self) -> tuple[Group, ...]:
        """What is not in the file yet, the newest first."""
        return (self.group,) if self._writing is None else (self.group, self._writing)

    def start(self, thread: Executor, last: int) -> None:
        """Begin to write.

        Args:
            thread: Where.
            last: The number of the last group in the file.
        """
        self._thread = thread
        self.problem = None
        self.group = self._next_group(last + 1)

    def soon(self) -> None:
        """Write what has been collected with the next group, or in a second."""
        if self._timer is None and not self._is_armed:
            self._timer = self._clock.call_later(_LATER, self._take)

    def safe(self) -> asyncio.Future[None]:
        """What has been collected is written at the end of the tick.

        Returns:
            Is done when it is in the file.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if self._thread is None:
            future.set_exception(EngineUnavailableError(self._name, "it is closed"))
            return future
        self.group.waiters.append(future)
        self._hurry()
        return future

    async def stop(self) -> None:
        """Write what is left. What cannot be written now is given up."""
        self._ended = asyncio.get_running_loop().create_future()
        if self._again is not None and self._writing is not None:
            self._again.cancel()
            self._start(self._writing)
        elif self._writing is None:
            self._take()
        try:
            await self._ended
        finally:  # cancelled, or all is written
            self._thread = self._ended = None

    def _next_group(self, number: int) -> Group:
        return Group(number, keep_dead=self._keep_dead)

    def _take(self) -> None:
        """Begin to write what has been collected, unless a group is being written."""
        self._is_armed = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None or self._thread is None:
            return
        group = self.group
        if group.is_empty:
            # Its waiters have seen all that it might have written.
            self.group = self._next_group(group.number)
            group.finish()
            self._end()
        else:
            self.group = self._next_group(group.number + 1)
            group.time = wall_time()
            self._writing = group
            self._start(group)

    def _start(self, group: Group) -> None:
        self._again = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        job = loop.run_in_executor(self._thread, self._write, group)

        def done(job: asyncio.Future[None]) -> None:
            if self.observer is not None:
                seconds = loop.time() - began
                self.observer.record("engine_call_seconds", seconds, call="write")
            self._finished(group, job.exception())

        job.add_done_callback(done)

    def _finished(self, group: Group, error: BaseException | None) -> None:
        if error is not None:
            self._failed(group, error)
            return
        if self.problem is not None:
            _logger.warning("%s can be written again", self._name)
            self.problem = None
        self._writing = None
        self._tell(group)
        group.finish()
        if self._thread is None:
            self._give_up(self.group, "it is closed")
        elif self.group.waiters or self._ended is not None:
            self._hurry()
        elif not self.group.is_empty:
            self.soon()

    def _failed(self, group: Group, error: BaseException) -> None:
        if self.observer is not None:
            self.observer.count("engine_errors", error=type(error).__name__)
        problem = (
            f"the state file {self._name} cannot be written ({error}); nothing is "
            "accepted until it can, and it is tried each second"
        )
        if problem != self.problem:
            self.problem = problem
            _logger.error("%s", problem)
        if self._ended is None and self._thread is not None:
            self._again = self._clock.call_later(_AGAIN, self._start, group)
            return
        self._writing = None
        self._give_up(group, str(error))
        self._give_up(self.group, str(error))
        self._end()

    def _give_up(self, group: Group, reason: str) -> None:
        if group is self.group:
            self.group = self._next_group(group.number)
        group.finish(EngineUnavailableError(self._name, reason))

    def _hurry(self) -> None:
        if not self._is_armed:
            loop = asyncio.get_running_loop()
            self._is_armed = True
            self._rounds = self._quiet = 0
            self._seen = len(self.group.waiters)
            self._latest = loop.time() + _LONGEST
            loop.call_soon(self._look)

    def _look(self) -> None:
        """Take the group unless more is coming."""
        self._rounds += 1
        waiting = len(self.group.waiters)
        self._quiet = 0 if waiting > self._seen else self._quiet + 1
        self._seen = waiting
        enough = 2 if self.group.has_mail else 1
        loop = asyncio.get_running_loop()
        if (
            self._quiet >= enough
            or self._rounds >= _MOST_ROUNDS
            or loop.time() >= self._latest
        ):
            self._take()
        else:
            loop.call_soon(self._look)

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
