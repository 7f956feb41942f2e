"""What another process makes of a task that this one has started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from duologue.actors import Operation, WorkerSnapshot
from duologue.state._tasks._jobs import Job

_GLANCE: Final = 0.05  # seconds until the first look whether another process has begun
_LOOK: Final = 1.0  # seconds between looks at what it does


class Looking(Protocol):
    """Who can look at what is kept."""

    @property
    def is_stopping(self) -> bool:
        """Whether bodies are ended because the process ends."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether other processes may be leased what this one has started."""
        ...

    async def look(self, job: Job) -> Job | None:
        """What is kept of a task now."""
        ...

    async def tell_to_stop(self, job: Job, reason: str) -> None:
        """Ask whoever runs a task to stop it."""
        ...


class Look:
    """Looks at a task for as long as another process runs it.

    Args:
        looking: Who can look.
        job: The task.

    Attributes:
        seen: What was seen last; None if nobody else has begun it.
    """

    def __init__(self, looking: Looking, job: Job) -> None:
        self._looking = looking
        self._job = job
        self._has_told = False
        self.seen: Job | None = None

    async def wait(self, lent: asyncio.Event) -> None:
        """Wait until this process is lent the mailbox, or another one has begun."""
        if not self._looking.is_shared:
            await lent.wait()
            return
        pause = _GLANCE
        while self.seen is None and not lent.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(lent.wait(), pause)
                return
            pause = min(2 * pause, _LOOK)
            self.seen = await self._looking.look(self._job)

    async def follow(self, operation: Operation, is_ours: Callable[[], bool]) -> None:
        """Show what the other process does, until it ends or this one is to go on."""
        while not is_ours() and self.seen is not None and not self.seen.state.is_final:
            operation.report(self.seen.value, self.seen.text or None)
            if operation.is_stop_requested:
                await self._tell(operation.stop_reason)
            await asyncio.sleep(_LOOK)
            self.seen = await self._looking.look(self._job) or self.seen

    async def end(self, seen: Job, final: WorkerSnapshot) -> WorkerSnapshot:
        """What counts as the end here: that of the other process, if it has ended."""
        if not seen.state.is_final:
            if not self._looking.is_stopping:
                await self._tell(final.reason)
            return final
        known = seen.known(final.updated_at)
        return replace(
            final,
            state=known.state,
            value=known.value,
            text=known.text,
            reason=known.reason,
            error=known.error,
            result=known.result,
            attempt=known.attempt,
        )

    async def _tell(self, reason: str) -> None:
        if not self._has_told:
            self._has_told = True
            await self._looking.tell_to_stop(self._job, reason)
