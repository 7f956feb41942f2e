"""The workers that are known: those that are active, and for a while those that ended."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque

from duologue.actors._time._clock import Clock, TimerHandle
from duologue.actors._time._observe import Observer
from duologue.actors._workers._worker import WorkerRecord
from duologue.actors._workers._worker_body import Body
from duologue.actors._workers._worker_job import WorkerJob
from duologue.actors._workers._worker_messages import Begin
from duologue.actors._workers._worker_snapshot import WorkerState
from duologue.errors import WorkerBodyTakenError, WorkerIdTakenError


class Roster:
    """Who is known, by id, by owner and by key; and which bodies are taken.

    Args:
        clock: Tells when to forget.
        keep: How many that have ended are kept.
        ttl: Seconds for which they are kept.
    """

    def __init__(self, clock: Clock, *, keep: int, ttl: float) -> None:
        self._clock = clock
        self._keep = keep
        self._ttl = ttl
        self._active: dict[str, WorkerRecord] = {}
        self._ended: OrderedDict[str, WorkerRecord] = OrderedDict()
        self._slots: dict[tuple[str, str], WorkerRecord] = {}
        self._queues: dict[tuple[str, str], deque[WorkerRecord]] = {}
        # By identity; the body is kept, so that its number stays its own.
        self._bodies: dict[int, tuple[object, WorkerRecord]] = {}
        self._lock = threading.Lock()
        self._timer: TimerHandle | None = None
        self._is_closed = False

    def find(self, worker_id: str) -> WorkerRecord | None:
        """One that is known."""
        return self._active.get(worker_id) or self._ended.get(worker_id)

    def active(self) -> list[WorkerRecord]:
        """Those that have not ended."""
        return list(self._active.values())

    def active_by_id(self, worker_id: str) -> WorkerRecord | None:
        """One that has not ended."""
        return self._active.get(worker_id)

    def in_slot(self, owner: str, key: str | None) -> WorkerRecord | None:
        """The one of an owner that is active under a key."""
        return None if key is None else self._slots.get((owner, key))

    def of(self, owner: str) -> list[WorkerRecord]:
        """Those of an owner, those that have ended first."""
        self.forget()
        every = (*self._ended.values(), *self._active.values())
        return [record for record in every if record.snapshot.owner == owner]

    def by_state(self) -> dict[WorkerState, int]:
        """How many are known in each state."""
        self.forget()
        records = [*self._ended.values(), *self._active.values()]
        counts = Counter(record.snapshot.state for record in records)
        return {state: counts[state] for state in WorkerState}

    def check(self, worker_id: str, body: Body) -> None:
        """Raise unless there is room for a worker with this id and body.

        Raises:
            WorkerBodyTakenError: Another one still runs this object.
            WorkerIdTakenError: There is one with this id.
        """
        self.forget()
        if self.find(worker_id) is not None:
            raise WorkerIdTakenError(worker_id)
        taken = self._bodies.get(id(body.author))
        if taken is not None:
            raise WorkerBodyTakenError(body.kind, taken[1].snapshot.id)

    def admit(self, record: WorkerRecord, body: Body) -> None:
        """Take one in; it waits for its turn if another one has its key."""
        snapshot = record.snapshot
        self._active[snapshot.id] = record
        if not body.is_shared:
            self._bodies[id(body.author)] = (body.author, record)
        if snapshot.key is None:
            return
        slot = snapshot.owner, snapshot.key
        if self._slots.setdefault(slot, record) is not record:
            self._queues.setdefault(slot, deque()).append(record)

    def release(self, record: WorkerRecord, body: Body) -> None:
        """Let an object be the body of another worker; in any thread, perhaps twice."""
        number = id(body.author)
        with self._lock:
            if number in self._bodies and self._bodies[number][1] is record:
                del self._bodies[number]

    def end(self, record: WorkerRecord) -> WorkerRecord | None:
        """Note that one has ended; return the one whose turn it is now."""
        snapshot = record.snapshot
        del self._active[snapshot.id]
        self._ended[snapshot.id] = record
        self.forget()
        if snapshot.key is None:
            return None
        slot = snapshot.owner, snapshot.key
        waiting = self._queues.get(slot)
        if self._slots[slot] is not record:
            if waiting is not None:
                waiting.remove(record)
            return None
        if not waiting:
            self._queues.pop(slot, None)
            del self._slots[slot]
            return None
        following = self._slots[slot] = waiting.popleft()
        return None if self._is_closed else following

    def drop(self, worker_id: str) -> None:
        """Forget one that has ended."""
        record = self._ended.pop(worker_id, None)
        if record is not None:
            record.is_kept = False

    def forget(self) -> None:
        """Let go of those that ended long ago or are too many."""
        now = self._clock.time()
        while self._ended:
            worker_id, record = next(iter(self._ended.items()))
            due = (record.snapshot.finished_at or 0.0) + self._ttl
            if len(self._ended) <= self._keep and due > now:
                self._forget_later(due - now)
                return
            self.drop(worker_id)

    def close(self) -> None:
        """Forget nobody any more because time passes."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _forget_later(self, delay: float) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = self._clock.call_later(delay, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        self.forget()


class RosterHome:
    """Hears of the ends of workers.

    Args:
        roster: Who is known.
        observer: Told of each end.
    """

    def __init__(self, roster: Roster, observer: Observer) -> None:
        self._roster = roster
        self._observer = observer

    def left(self, job: WorkerJob) -> None:
        """The body of one runs no more."""
        self._roster.release(job.record, job.body)

    def ended(self, job: WorkerJob) -> None:
        """One has reached its end state; the next one of its queue begins."""
        following = self._roster.end(job.record)
        if following is not None and following.ref is not None:
            following.ref.tell(Begin())
        self._observer.count("workers", reason=str(job.record.snapshot.state))
