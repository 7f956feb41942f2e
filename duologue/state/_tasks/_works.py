"""The work of a worker that outlives its process.

Its life, from the start to the end: 1. `begin` puts the start into the mailbox of the task;
2. the keeper is leased the mailbox, counts the attempt and hands the lease over; 3. what the
body keeps, and that it is to stop, is written by `_write_soon`; 4. `end` writes the end, and
only then anybody sees it. A process that dies leaves the mailbox to the next one, whose
work begins with step 2.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from duologue.actors import (
    Operation,
    TimedLetter,
    WorkerFailure,
    WorkerSnapshot,
    WorkerState,
)
from duologue.errors import (
    DuologueError,
    FencedError,
    SnapshotTooLargeError,
    UnserialisableDataError,
)
from duologue.state._tasks._bodies import body_over
from duologue.state._tasks._chains import Chain, Stand
from duologue.state._tasks._jobs import Job
from duologue.state._tasks._leases import Lease
from duologue.state._tasks._looks import Look, Looking
from duologue.state._tasks._tasks import Task
from duologue.state._values import Codec, Value

EXPIRED: Final = b"x"
"""The mail of a task whose end has been kept for long enough."""

STOP: Final = b"e"
"""How the mail begins that asks to stop a task, wherever that runs; the reason follows."""

_BEAT: Final = 5.0  # seconds between signs of life

_TAKEN = "another process has taken it over"

_logger = logging.getLogger("duologue.state")


class Keeping(Looking, Protocol):
    """Who keeps the work of all workers."""

    async def store(self, work: Work) -> None:
        """Put the start of a work into its mailbox; it is lent to it later."""
        ...

    def progress(self, work: Work) -> WorkerSnapshot | None:
        """What its worker has reported."""
        ...

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something until the keeper stops."""
        ...

    def stop_body(self, work: Work, reason: str) -> None:
        """Ask the worker to stop."""
        ...

    def give_back(self) -> None:
        """Be lent nothing any more: what is given back is for others."""
        ...

    def drop(self, work: Work) -> None:
        """Know a work no more: it has ended here."""
        ...


class Work:
    """The work of one worker.

    Args:
        keeping: Who keeps all of them.
        job: What is kept.
        body: The task or the chain, with the States of its place.
        codec: How values become bytes.
        keep: Seconds for which the end is kept.
        lease: The mailbox; None if the start has yet to be put into it.
    """

    def __init__(
        self,
        keeping: Keeping,
        job: Job,
        body: Task | Chain,
        *,
        codec: Codec,
        keep: float,
        lease: Lease | None = None,
    ) -> None:
        self._keeping = keeping
        self._codec = codec
        self._keep = keep
        self._lease = lease
        self._look = Look(keeping, job)
        self._beating: asyncio.Task[None] | None = None
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._lent = asyncio.Event()
        self._refused: DuologueError | None = None
        self._is_stored = False
        self._operation: Operation | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._has_news = False
        self._checkpoint: Value = job.checkpoint
        self.job: Job = job
        self.inner: Task | Chain = self._placed(body)
        self.body: object = body_over(self) if keeping.is_shared else self.inner
        if lease is not None:
            self._hold(lease)

    def known(self, snapshot: WorkerSnapshot) -> WorkerSnapshot:
        """The first snapshot of the worker, with what is known from before."""
        job = self.job
        return replace(
            snapshot, attempt=max(1, job.attempt), value=job.value, text=job.text
        )

    def attach(self, operation: Operation) -> None:
        """Keep the checkpoints of the body, and hear of stops, from now on."""
        self._operation = operation
        operation.restore(self._checkpoint)
        operation.keep_by(self._save)
        self._hearing = self._keeping.spawn(self._hear(operation))

    async def begin(self) -> None:
        """Keep the start, and wait until the work is this process's to do.

        Raises:
            EngineClosedError: The engine takes nothing any more.
            SnapshotTooLargeError: Its arguments are over the engine's limit.
        """
        if self._lease is None:
            self._is_stored = True
            await self._keeping.store(self)
            await self._look.wait(self._lent)
        if self._refused is not None:
            raise self._refused

    def lend(self, lease: Lease, job: Job) -> None:
        """Have it begin, or go on for another process that has died."""
        self.job, self._checkpoint = job, job.checkpoint
        self.inner = self._placed(self.inner)
        if self._operation is not None:
            self._operation.restore(job.checkpoint)
        self._hold(lease)
        self._lent.set()

    def see(self, job: Job) -> None:
        """Have it end: somebody has ended it before it could begin."""
        self._look.seen = job
        self._lent.set()

    def refuse(self, error: DuologueError) -> None:
        """Have it fail before it begins; its end is kept."""
        self._refused = error
        self._lent.set()

    async def end(self, final: WorkerSnapshot) -> WorkerSnapshot:
        """Keep the end; return what counts as the end."""
        try:
            return await self._end(final)
        finally:
            self._keeping.drop(self)

    async def _end(self, final: WorkerSnapshot) -> WorkerSnapshot:
        for task in (self._hearing, self._beating):
            if task is not None:
                task.cancel()
        if self._lease is None and self._look.seen is not None:
            return await self._look.end(self._look.seen, final)
        is_interrupted = self._is_interrupted(final)
        if self._lease is None and self._is_stored and not is_interrupted:
            await self._lent.wait()
        if self._writing is not None:
            await self._writing
        if self._lease is None:
            return final
        try:
            if is_interrupted:
                await self._interrupt(self._lease)
                return final
            return await self._conclude(self._lease, final)
        except FencedError:
            return replace(final, state=WorkerState.LOST, reason=_TAKEN, result=None)

    async def is_done_elsewhere(self) -> bool:
        """Show what another process does until that ends; false if it is done here."""
        if self._lease is None and self._operation is not None:
            await self._look.follow(self._operation, lambda: self._lease is not None)
        return self._lease is None

    def _placed(self, body: Task | Chain) -> Task | Chain:
        """The body where the work is now."""
        stand = Stand(self.job.step, self.job.given, self._pass)
        return body.standing(stand) if isinstance(body, Chain) else body

    def _hold(self, lease: Lease) -> None:
        self._lease = lease
        lease.hear(self._heard)
        if self._keeping.is_shared:
            self._beating = self._keeping.spawn(self._beat())

    async def _beat(self) -> None:
        """Keep the lease, and look for mail."""
        while True:
            await asyncio.sleep(_BEAT)
            self._note()

    def _heard(self, body: bytes) -> None:
        if body.startswith(STOP):
            self._keeping.stop_body(self, body.removeprefix(STOP).decode())

    def _is_interrupted(self, final: WorkerSnapshot) -> bool:
        """Tell whether it ends because the process does, and not for itself."""
        return (
            self._keeping.is_stopping
            and self.job.state is not WorkerState.CANCELLING
            and final.state is not WorkerState.SUCCEEDED
            and (self._operation is None or self._operation.is_stop_requested)
        )

    async def _interrupt(self, lease: Lease) -> None:
        job = self.job
        job.state, job.checkpoint = WorkerState.PENDING, self._checkpoint
        job.attempt -= 1
        self._keeping.give_back()
        await lease.give_back(job.packed(self._codec))

    async def _conclude(self, lease: Lease, final: WorkerSnapshot) -> WorkerSnapshot:
        try:
            await self._write_end(lease, final)
        except (UnserialisableDataError, SnapshotTooLargeError) as error:
            _logger.error("the result of %s is not kept: %s", self.job.kind, error)  # noqa: TRY400  # it says all
            failure = WorkerFailure(type(error).__name__, str(error))
            final = replace(final, state=WorkerState.FAILED, error=failure, result=None)
            await self._write_end(lease, final)
        return final

    async def _write_end(self, lease: Lease, final: WorkerSnapshot) -> None:
        self.job.conclude(final)
        line = self.job.packed(self._codec)
        await lease.end(line, [expiry(self.job, self._keep)])

    async def _pass(self, step: int, result: Value) -> None:
        """Keep where a chain is, before its next step."""
        job = self.job
        job.step, job.given, job.checkpoint = step, result, None
        self._checkpoint = None
        if self._operation is not None:
            self._operation.restore(None)
        if self._lease is not None:
            await self._lease.write(job.packed(self._codec))

    def _save(self, data: Value) -> Value:
        """Keep a checkpoint soon; in any thread."""
        _, [kept] = self._codec.write([data], [f"the checkpoint of {self.job.kind}"])
        self._checkpoint = kept
        with suppress(RuntimeError):  # of a loop that is closed
            self.loop.call_soon_threadsafe(self._note)
        return kept

    async def _hear(self, operation: Operation) -> None:
        """Keep that somebody has asked it to stop."""
        reason = await operation.stopping()
        if not self._keeping.is_stopping:
            self.job.state, self.job.reason = WorkerState.CANCELLING, reason
            self._note()

    def _note(self) -> None:
        self._has_news = True
        if self._lease is not None and (self._writing is None or self._writing.done()):
            self._writing = self._keeping.spawn(self._write_soon(self._lease))

    async def _write_soon(self, lease: Lease) -> None:
        job = self.job
        while self._has_news and not job.state.is_final:
            self._has_news = False
            job.checkpoint = self._checkpoint
            progress = self._keeping.progress(self)
            if progress is not None:
                job.value, job.text = progress.value, progress.text
            try:
                await lease.write(job.packed(self._codec))
            except SnapshotTooLargeError as error:
                _logger.error("a checkpoint of %s is not kept: %s", job.kind, error)  # noqa: TRY400  # it says all
            except FencedError:
                _logger.warning("%s %s is stopped: %s", job.kind, job.id, _TAKEN)
                self._keeping.stop_body(self, _TAKEN)


def expiry(job: Job, keep: float) -> TimedLetter:
    """What has the end of a task forgotten."""
    ended_at = job.created_at if job.ended_at is None else job.ended_at
    return TimedLetter("end", job.mailbox, ended_at + keep, EXPIRED)
