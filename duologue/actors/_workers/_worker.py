"""The handle of a background worker, and all talk to the actor behind it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable

from pykka import ActorDeadError

from duologue.actors._actor import AsyncActor
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._mailbox._envelope import RuntimeEnvelope
from duologue.actors._ref import AsyncActorRef
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._progress._questions import Answer
from duologue.actors._workers._worker_messages import (
    Ping,
    Reported,
    Request,
    StopWork,
)
from duologue.actors._workers._worker_snapshot import WorkerSnapshot
from duologue.errors import UnknownWorkerError


class WorkerRecord:
    """What is known of a worker: changed by its actor, read by everybody.

    What the body reports is worked in by whoever looks, and only then: of many reports
    nobody sees most. Who waits for the next change says so, and is woken by the report.

    Attributes:
        lock: Held while it changes, and while the body reports.
        ref: The actor.
        operation: Where the body reports; None before there is an actor, and after the
            end.
        asks_body: Whether the body has something to add when it is asked.
        is_kept: Whether the workers still know it.
        has_left: Whether the body has ended, whatever the snapshot says.
    """

    __slots__ = (
        "_changed",
        "_snapshot",
        "asks_body",
        "has_left",
        "is_kept",
        "lock",
        "operation",
        "ref",
    )

    def __init__(self, snapshot: WorkerSnapshot, lock: threading.RLock) -> None:
        self._snapshot = snapshot
        self._changed: AsyncFuture[None] | None = None
        # Of the operation, too, and of other workers.
        self.lock: threading.RLock = lock
        self.ref: AsyncActorRef[AsyncActor] | None = None
        self.operation: Operation | None = None
        self.asks_body: bool = False
        self.is_kept: bool = True
        self.has_left: bool = False

    @property
    def snapshot(self) -> WorkerSnapshot:
        """The newest, with what was reported until now."""
        operation = self.operation  # there is none after the end
        if operation is not None and operation.has_news():
            self.change(_the_same)
        return self._snapshot

    def __call__(self) -> None:
        """Hear that the body has reported; in any thread.

        No function inside of its actor: that would be one more for each of thousands.
        """
        # Of no interest if nobody waits for it.
        if self._changed is not None and self.ref is not None:
            self.ref.actor_inbox.put_from_runtime(RuntimeEnvelope(Reported()))

    def change(
        self, change: Callable[[WorkerSnapshot], WorkerSnapshot]
    ) -> WorkerSnapshot:
        """Change what is known, after what was reported; wake those who wait for that.

        Args:
            change: Makes the next snapshot of the present one; in any thread.
        """
        with self.lock:
            before = self._snapshot
            told = before if self.operation is None else self.operation.take(before)
            newest = self._snapshot = change(told)
            if newest is before:
                return newest
            changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()
        return newest

    def next_change(self) -> AsyncFuture[None]:
        """What gets its value with the next change. Look at the snapshot after this."""
        with self.lock:
            if self._changed is None:
                self._changed = AsyncFuture()
            return self._changed

    async def ask(self, request: Request) -> WorkerSnapshot:
        """Send a request to the actor; after its end the last snapshot answers."""
        if self.ref is None or self._snapshot.state.is_final:
            return self.snapshot
        try:
            answer = await self.ref.ask(request, block=False)
        except ActorDeadError:
            return self.snapshot
        return await answer if isinstance(answer, AsyncFuture) else answer


def _the_same(snapshot: WorkerSnapshot) -> WorkerSnapshot:
    return snapshot


class Watch(AsyncIterator[WorkerSnapshot]):
    """An iterator over a record: the newest snapshot, as often as there is a newer one."""

    def __init__(self, record: WorkerRecord) -> None:
        self._record = record
        self._seen = -1

    async def __anext__(self) -> WorkerSnapshot:
        while True:
            # In this order: what changes after this line ends the wait below.
            changed = self._record.next_change()
            snapshot = self._record.snapshot
            if snapshot.revision > self._seen:
                self._seen = snapshot.revision
                return snapshot
            if snapshot.state.is_final:
                raise StopAsyncIteration
            await changed


class Worker:
    """A background worker that was started. Handles of one worker are equal.

    Its methods may be awaited on any event loop. The handle of a worker that the
    workers have forgotten still has its last snapshot.
    """

    __slots__ = ("_record",)

    def __init__(self, record: WorkerRecord) -> None:
        self._record = record

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Worker) and self._record is other._record

    def __hash__(self) -> int:
        return hash(self._record)

    def __repr__(self) -> str:
        snapshot = self.snapshot
        return f"<Worker {snapshot.id} {snapshot.kind} {snapshot.state}>"

    @property
    def id(self) -> str:
        """The id of the worker."""
        return self._record.snapshot.id

    @property
    def snapshot(self) -> WorkerSnapshot:
        """What is known of it, without waiting or asking."""
        return self._record.snapshot

    @property
    def is_active(self) -> bool:
        """Whether it has not reached an end state yet."""
        return self._record.snapshot.is_active

    async def ping(self) -> WorkerSnapshot:
        """Ask how far the work is.

        Only a body with a `ping()` of its own is asked, for at most `ping_timeout`
        seconds. Otherwise its last report is the answer, at once.

        Raises:
            UnknownWorkerError: If the worker has ended and been forgotten.
        """
        self._refuse_if_forgotten()
        # A busy body lets the loop have the interpreter rarely: spare each turn.
        if not self._record.asks_body:
            return self._record.snapshot
        return await self._record.ask(Ping())

    async def stop(self, reason: str = "", *, by: str = "") -> WorkerSnapshot:
        """Ask the worker to stop, and return when its body has been told.

        Does not wait for the end; that is `finished()`. The second request and a
        request after the end change nothing.

        Args:
            reason: Kept in the snapshot.
            by: Who asks; kept there too.

        Returns:
            The snapshot, with what the `stop()` of the body has said within
            `ping_timeout` seconds.

        Raises:
            UnknownWorkerError: If the worker has ended and been forgotten.
        """
        self._refuse_if_forgotten()
        return await self._record.ask(StopWork(reason, by=by))

    def answer(self, answer: Answer) -> bool:
        """Answer what its body asks for; from any thread.

        Args:
            answer: What `operation.ask()` returns. To a body in a process of its own it
                travels as JSON.

        Returns:
            Whether it has asked for something. Of several answers the first one counts.
        """
        operation = self._record.operation
        return operation is not None and operation.answer(answer)

    async def finished(self) -> WorkerSnapshot:
        """Return the final snapshot when the worker has reached its end state."""
        async for snapshot in self.watch():
            if snapshot.state.is_final:
                break
        return self.snapshot

    def watch(self) -> AsyncIterator[WorkerSnapshot]:
        """Follow the worker from its present snapshot to its final one.

        Each loop over it gets the newest snapshot there is, so a slow one misses
        some, but never the final one, after which it ends.
        """
        return Watch(self._record)

    def _refuse_if_forgotten(self) -> None:
        if not self._record.is_kept:
            raise UnknownWorkerError(self.id)
