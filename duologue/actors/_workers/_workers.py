"""The background workers of a program: started, found, counted, stopped."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Self, cast

from duologue.actors._actor import AsyncActor
from duologue.actors._engine._engine import Letter
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system._system import ActorSystem
from duologue.actors._time._clock import Clock, LoopClock, in_any_thread
from duologue.actors._time._observe import Counts, Observer
from duologue.actors._workers._durable import (
    DurableWorks,
    ShowAgain,
    Shown,
)
from duologue.actors._workers._roster import Roster, RosterHome
from duologue.actors._workers._running._executors import KnownBodies
from duologue.actors._workers._start_policy import Executor, StartPolicy, Terms
from duologue.actors._workers._worker import Worker, WorkerRecord
from duologue.actors._workers._worker_actor import WorkerActor
from duologue.actors._workers._worker_body import (
    check_body,
    durable_body,
    kind_of,
)
from duologue.actors._workers._worker_calls import BodyCalls
from duologue.actors._workers._worker_job import WorkerJob, WorkerSettings
from duologue.actors._workers._worker_messages import StopWork
from duologue.actors._workers._worker_snapshot import WorkerSnapshot, WorkerState
from duologue.errors import (
    SystemClosedError,
    UnknownWorkerError,
    WorkerActiveError,
    WorkerRunningError,
)

_USUAL = Terms()  # one for all, of whom there may be thousands
_LOCKS = 64
_PATIENCE = 1.0  # seconds until mail is taken for one that another process has


class Workers:
    """Starts background workers and owns them.

    Use it in an `async with` block inside that of the system, on its loop; leaving
    the block stops all.

    Args:
        system: Hosts the actors of the workers.
        clock: Time for snapshots and for forgetting; that of the loop by default.
            Grace and timeouts go by the clock of the system.
        observer: Told of each end: `workers` with the end state as the reason.
        grace: Seconds for a body to obey a request to stop. Then a coroutine is
            cancelled, and after as many seconds again, or if it is a thread at
            once, the worker is lost.
        ping_timeout: Seconds to wait for what a body's own `start`, `stop` and
            `ping` say.
        keep: How many workers that have ended are kept.
        ttl: Seconds for which they are kept.
        durable: Gives bodies what they ask for, and makes some of them outlive the
            process; None for neither.
    """

    def __init__(
        self,
        system: ActorSystem,
        *,
        clock: Clock | None = None,
        observer: Observer | None = None,
        grace: float = 5.0,
        ping_timeout: float = 0.1,
        keep: int = 1000,
        ttl: float = 600.0,
        durable: DurableWorks | None = None,
    ) -> None:
        self._system = system
        self._clock: Clock = clock or LoopClock()
        self._observer: Observer = observer or Counts()
        self._grace = grace
        self._ping_timeout = ping_timeout
        self._ttl = ttl
        self._durable = durable
        self._calls = BodyCalls()
        self._bodies = KnownBodies(patience=grace / 2)
        self._roster = Roster(self._clock, keep=keep, ttl=ttl)
        self._home = RosterHome(self._roster, self._observer)
        # One for several, of whom there may be thousands, and rarely two threads at one.
        self._locks = itertools.cycle([threading.RLock() for _ in range(_LOCKS)])
        self._arrivals: dict[str, asyncio.Event] = {}
        self._is_stopped = False
        self._show_again: ShowAgain | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(
        self,
        body: object,
        *,
        id: str | None = None,  # noqa: A002 - the name users know it by
        key: str | None = None,
        policy: StartPolicy = StartPolicy.JOIN,
        owner: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - of the worker, not of this
        executor: Executor | None = None,
        heartbeat: float | None = None,
        retries: int = 0,
        backoff: float = 1.0,
    ) -> Worker:
        """Start a worker; returns when its body has been told to start.

        Args:
            body: An object with `run`, its class, or a function. What is
                `async def` runs on the loop, everything else in a thread of its
                own. `run` may take the `Operation`.
            id: Its id; a new one that cannot be guessed when left out.
            key: At most one worker of an owner is active under a key.
            policy: What to do when there is one: raise; return that one (even if it
                is being stopped); stop it, and those that wait for it, and start when
                they have ended; or wait, pending, for those before to end.
            owner: Whose worker it is. Owners do not share keys.
            timeout: Seconds after which it is stopped, from now on.
            executor: Where the body runs: `"async"`, on the loop; `"thread"`, in a
                thread of its own; `"process"`, in a process of its own, which needs a
                function or class at the top of a module.
            heartbeat: Seconds for which nothing may be heard of the body; after that
                it is stopped, and lost. Any report counts.
            retries: How often it is tried again after it has raised. It may go on
                where its checkpoint is.
            backoff: Seconds before the first retry; each later one waits twice as
                long, but no more than five minutes.

        Returns:
            The worker. It is pending or running; or it has ended already.

        Raises:
            WorkerBodyError: If the body is nothing that can run.
            WorkerBodyTakenError: If another worker still runs this object.
            WorkerIdTakenError: If there is a worker with this id.
            WorkerRunningError: With `REJECT`, if one is active under the key.
            SystemClosedError: If the workers or their system have been stopped.
            UnserialisableDataError: If an argument of a task cannot be stored, on an
                engine that is durable.
        """
        check_body(body)
        while running := self._running(owner, key):
            if policy is StartPolicy.REJECT:
                raise WorkerRunningError(str(key), running.snapshot.id)
            if policy is StartPolicy.JOIN:
                return Worker(running)
            if policy is StartPolicy.QUEUE:
                break
            await running.ask(StopWork("another one takes its place"))
            await Worker(running).finished()
        terms = Terms(timeout, executor, heartbeat, retries, backoff)
        terms = _USUAL if terms == _USUAL else terms
        begun: AsyncFuture[WorkerSnapshot] | None = None
        if running is None:
            begun = AsyncFuture()
        record = self._admit(body, terms, begun, id=id, key=key, owner=owner)
        if begun is not None:
            await begun
        return Worker(record)

    def get(self, id: str, *, owner: str | None = None) -> Worker:  # noqa: A002 - as above
        """Find a worker.

        Args:
            id: Its id.
            owner: Whose it must be; None for anybody's.

        Raises:
            UnknownWorkerError: If there is none, not any more, or not of this
                owner; nobody can tell which.
        """
        self._roster.forget()
        record = self._roster.find(id)
        if record is None or owner not in {None, record.snapshot.owner}:
            raise UnknownWorkerError(id)
        return Worker(record)

    async def find(self, id: str, *, owner: str | None = None) -> WorkerSnapshot:  # noqa: A002 - as above
        """What is known of a worker, also of a task that an earlier process started.

        Args:
            id: Its id.
            owner: Whose it must be; None for anybody's.

        Raises:
            UnknownWorkerError: If there is none, not any more, or not of this
                owner; nobody can tell which.
        """
        record = self._roster.active_by_id(id)
        found = None if record is None else record.snapshot
        if found is None and self._durable is not None:
            found = await self._durable.find(id)
        if found is None:
            return self.get(id, owner=owner).snapshot
        if owner not in {None, found.owner}:
            raise UnknownWorkerError(id)
        return found

    async def ask_to_stop(self, id: str, reason: str = "") -> None:  # noqa: A002 - as above
        """Ask a worker to stop that another process runs; `Worker.stop` asks one here."""
        if self._durable is not None:
            await self._durable.ask_to_stop(id, reason)

    async def forget(self, id: str, *, owner: str | None = None) -> None:  # noqa: A002 - as above
        """Give up what is known of a worker that has ended, such as its result.

        Args:
            id: Its id.
            owner: Whose it must be; None for anybody's.

        Raises:
            UnknownWorkerError: If there is none, not any more, or not of this
                owner; nobody can tell which.
            WorkerActiveError: If it has not ended.
        """
        found = await self.find(id, owner=owner)
        if not found.state.is_final:
            raise WorkerActiveError(id)
        self._roster.drop(id)
        if self._durable is not None:
            await self._durable.forget(id)

    def letter(
        self, body: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Letter | None:
        """The start of a worker as mail, which starts it when it has arrived.

        Args:
            body: What does the work.
            snapshot: What is known of it by now.
            terms: What the start says of its run.

        Returns:
            The mail; None if it cannot outlive the process, so is to be started here.

        Raises:
            UnserialisableDataError: An argument of it cannot be stored.
        """
        if self._durable is None:
            return None
        return self._durable.letter(body, snapshot, terms)

    async def arrival(self, id: str) -> Worker | None:  # noqa: A002 - as above
        """The worker with an id, when it is started; None if that takes a second."""
        arrived = self._arrivals.setdefault(id, asyncio.Event())
        if self._roster.find(id) is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), _PATIENCE)
        self._arrivals.pop(id, None)
        record = self._roster.find(id)
        return None if record is None else Worker(record)

    def show_by(self, show: ShowAgain) -> None:
        """Have somebody show what goes on after its process has died."""
        self._show_again = show

    def show_again(self, known: Worker | WorkerSnapshot, shown: Shown | None) -> None:
        """Show one that goes on after its process has died, or how it has ended."""
        if shown is not None and self._show_again is not None:
            self._show_again(known, shown)

    @property
    def is_stopped(self) -> bool:
        """Whether all are being stopped, and none is started any more."""
        return self._is_stopped

    def running(self, key: str, *, owner: str = "") -> Worker | None:
        """The worker of an owner that is active under a key, if there is one."""
        record = self._roster.in_slot(owner, key)
        return None if record is None else Worker(record)

    def kind_of(self, body: object) -> str:
        """Name what would do the work of a worker, without starting it.

        Raises:
            WorkerBodyError: If the body is nothing that can run.
        """
        return kind_of(body)

    def of(
        self, owner: str, *, key: str | None = None, is_active: bool | None = None
    ) -> list[Worker]:
        """The workers of an owner that are known: those that have ended first.

        Args:
            owner: Whose they are.
            key: Only those that were started under it; None for all.
            is_active: Whether only those that have not ended, or only those that
                have; None for all.
        """
        found = self._roster.of(owner)
        return [
            Worker(record)
            for record in found
            if key in {None, record.snapshot.key}
            and is_active in {None, record.snapshot.is_active}
        ]

    def by_state(self) -> dict[WorkerState, int]:
        """How many workers are known in each state."""
        return self._roster.by_state()

    async def stop(self, grace: float | None = None) -> list[WorkerSnapshot]:
        """Stop every worker and start none any more.

        Args:
            grace: Seconds for the bodies to obey, and as many again for those that
                are cancelled then; the usual ones when left out.

        Returns:
            Those that did not obey and were left behind.
        """
        self._is_stopped = True
        self._roster.close()
        records = self._roster.active()
        request = StopWork("all workers are being stopped", grace)
        await asyncio.gather(*(record.ask(request) for record in records))
        finals = [await Worker(record).finished() for record in records]
        self._calls.close()
        return [final for final in finals if final.state is WorkerState.LOST]

    def _running(self, owner: str, key: str | None) -> WorkerRecord | None:
        if self._is_stopped:
            raise SystemClosedError("a worker")
        return self._roster.in_slot(owner, key)

    def _admit(
        self,
        given: object,
        terms: Terms,
        begun: AsyncFuture[WorkerSnapshot] | None,
        *,
        id: str | None,  # noqa: A002 - as above
        key: str | None,
        owner: str,
    ) -> WorkerRecord:
        """Take a worker in and make its actor, which begins if somebody waits for that."""
        worker_id = secrets.token_urlsafe(16) if id is None else id
        if self._durable is not None:
            given = self._durable.bound(given, worker_id)
        body = self._bodies.body(given, terms.executor)
        self._roster.check(worker_id, body)
        now = self._clock.time()
        snapshot = WorkerSnapshot(
            worker_id, body.kind, owner, key, now, now, cancellable=body.can_be_stopped
        )
        work = None
        if self._durable is not None:
            work = self._durable.take(given, snapshot, terms)
        if work is not None:
            body, snapshot = durable_body(body, work), work.known(snapshot)
        record = WorkerRecord(snapshot, next(self._locks))
        name = f"worker {worker_id} ({body.kind})"
        job = WorkerJob(name, body, record, terms, self._settings, work)
        with self._system.own_loop():
            ref = self._system.start(WorkerActor, job, begun)
        record.ref = cast("AsyncActorRef[AsyncActor]", ref)
        self._roster.admit(record, body)
        if worker_id in self._arrivals:
            self._arrivals[worker_id].set()
        return record

    @cached_property
    def _settings(self) -> WorkerSettings:
        """What they have in common; first asked for on the loop."""
        return WorkerSettings(
            now=in_any_thread(self._clock).time,
            calls=self._calls,
            grace=self._grace,
            ping_timeout=self._ping_timeout,
            ttl=self._ttl,
            home=self._home,
        )
