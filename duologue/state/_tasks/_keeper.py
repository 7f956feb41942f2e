"""Keeps the tasks of a runtime on an engine that is durable.

Each started task has a mailbox, `task/<name>:<id>`, and is run by a process that serves its
name. What happens to one is told in `_works`, how it is held in `_leases`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from itertools import count
from secrets import token_hex
from typing import Final

from duologue.actors import (
    Clock,
    Engine,
    Letter,
    Mail,
    Opened,
    StartPolicy,
    TimedLetter,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors._engine._local import LocalMailboxes
from duologue.actors._workers._start_policy import Terms
from duologue.errors import (
    DuologueError,
    EngineClosedError,
    EngineUnavailableError,
    FencedError,
    SnapshotTooLargeError,
    SystemClosedError,
    UnknownWorkerError,
    WorkerRunningError,
)
from duologue.state._states import States
from duologue.state._tasks._jobs import Job, mailbox_of, unpacked
from duologue.state._tasks._leases import Lease
from duologue.state._tasks._registry import Registry
from duologue.state._tasks._tasks import Task
from duologue.state._tasks._works import EXPIRED, STOP, Work, expiry
from duologue.state._values import Codec

_START: Final = b"s"
_PAUSE: Final = 1.0  # seconds until an engine that did not answer is asked again
_PATIENCE: Final = 2.0  # seconds for what has just begun to be given back at the end
_GLANCE: Final = 0.05  # seconds between looks whether something is forgotten

_logger = logging.getLogger("duologue.state")


class TaskKeeper:
    """Keeps tasks until they have ended, and their ends for a while.

    Args:
        engine: Where they are.
        registered: The tasks of the dispatcher, by name.
        states: What they are given.
        codec: How values become bytes.
        clock: Tells the time of what is known.

    Attributes:
        is_shared: Whether other processes may be leased what this one has started.
    """

    def __init__(
        self,
        engine: Engine,
        registered: Mapping[str, Task],
        *,
        states: States,
        codec: Codec,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._registry = Registry(registered, states)
        self._codec = codec
        self._clock = clock
        self._workers: Workers | None = None
        self._served: set[str] = set()
        self._starting: dict[str, Work] = {}
        self._resuming: dict[str, Work] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leading: set[asyncio.Task[None]] = set()
        self._run_id = token_hex(8)
        self._numbers = count(1)
        self._is_open = False
        self.is_shared: bool = not isinstance(engine, LocalMailboxes)

    def start(self, workers: Workers) -> None:
        """Begin to run what is left from before, and what is started from now on."""
        self._workers = workers
        self._is_open = True
        self._serve(self._registry.names)

    async def stop(self) -> None:
        """Run nothing any more; what has not ended waits for the next run."""
        if self._workers is not None and self._workers.is_stopped and self._leading:
            # What is just beginning gives its attempt back.
            await asyncio.wait(self._leading, timeout=_PATIENCE)
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def is_stopping(self) -> bool:
        """Whether bodies are ended because the process ends."""
        return not self._is_open or self._workers is None or self._workers.is_stopped

    def bound(self, given: object, worker_id: str) -> object:
        """A task with the States of its place and its worker; so a plain function.

        Raises:
            StateParameterError: It asks for a State that it cannot be given.
        """
        return self._registry.bound(given, worker_id)

    def take(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Work | None:
        """Take in the work of a worker; None if it is no registered task.

        Raises:
            UnserialisableDataError: An argument of it cannot be stored.
        """
        work = self._resuming.pop(snapshot.id, None)
        if work is not None:
            return work
        job = self._job_for(given, snapshot, terms)
        # A copy: what the caller changes afterwards is not meant.
        line = None if job is None else job.packed(self._codec)
        return None if line is None else self._work(unpacked(self._codec, line))

    def letter(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Letter | None:
        """The start of a worker as mail, for a commit; None if it cannot last.

        Raises:
            UnserialisableDataError: An argument of it cannot be stored.
        """
        job = self._job_for(given, snapshot, terms)
        return None if job is None else self._start_of(job)

    def _job_for(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Job | None:
        if not self._engine.durable:
            return None
        job = self._registry.job_for(given, snapshot, terms)
        if job is not None:
            self._serve([self._registry.entry_of(job).name])
        return job

    def _start_of(self, job: Job) -> Letter:
        return Letter(job.mailbox, Mail(job.id, _START + job.packed(self._codec)))

    async def store(self, work: Work) -> None:
        """Put the start of a work into its mailbox; it is lent to it later.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        job = work.job
        self._starting[job.id] = work
        letter = self._start_of(job)
        while True:
            try:
                await self._engine.enqueue([letter])
            except EngineUnavailableError as error:
                # It may be there; a second one is taken for what it is.
                _logger.warning("%s", error)
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def find(self, worker_id: str) -> WorkerSnapshot | None:
        """What is kept of a worker; None if that is nothing."""
        for key in self._mailboxes(worker_id):
            line = await self._engine.read(key)
            if line:
                job = unpacked(self._codec, line)
                keep = self._registry.entry_of(job).keep
                return job.known(self._clock.time(), keep)
        return None

    async def forget(self, worker_id: str) -> None:
        """Give up what is kept of a worker that has ended."""
        for key in self._mailboxes(worker_id):
            if not await self._engine.read(key):
                continue
            await self._send(key, EXPIRED)
            while self._is_open and await self._engine.read(key):  # noqa: ASYNC110  # it may be another process that forgets
                await asyncio.sleep(_GLANCE)

    def progress(self, work: Work) -> WorkerSnapshot | None:
        """What its worker has reported."""
        with suppress(UnknownWorkerError):
            if self._workers is not None:
                return self._workers.get(work.job.id).snapshot
        return None

    def give_back(self) -> None:
        """Be lent nothing any more: what is given back is for others."""
        kinds = [f"task/{name}" for name in self._served]
        self._engine.serve(kinds, 0, self._ready)

    def drop(self, work: Work) -> None:
        """Know a work no more: it has ended here."""
        self._starting.pop(work.job.id, None)

    async def look(self, job: Job) -> Job | None:
        """What is kept of a task now."""
        line = await self._engine.read(job.mailbox)
        return unpacked(self._codec, line) if line else None

    async def ask_to_stop(self, worker_id: str, reason: str) -> None:
        """Ask whoever runs a worker to stop it; nothing if nobody does."""
        for key in self._mailboxes(worker_id):
            if await self._engine.read(key):
                await self._send(key, STOP + reason.encode())

    async def tell_to_stop(self, job: Job, reason: str) -> None:
        """Ask whoever runs a task to stop it."""
        await self._send(job.mailbox, STOP + reason.encode())

    def stop_body(self, work: Work, reason: str) -> None:
        """Ask the worker to stop."""

        async def stop() -> None:
            with suppress(UnknownWorkerError):
                if self._workers is not None:
                    await self._workers.get(work.job.id).stop(reason)

        _ = self.spawn(stop())

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something until the keeper stops."""
        self._tasks.add(task := asyncio.get_running_loop().create_task(work))
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send(self, key: str, body: bytes) -> None:
        name = f"{self._run_id}.{next(self._numbers)}"
        await self._engine.enqueue([Letter(key, Mail(name, body))])

    def _lead(self, work: Coroutine[object, object, None]) -> None:
        """Handle the mail of a task, or have it begin."""
        task = self.spawn(work)
        self._leading.add(task)
        task.add_done_callback(self._leading.discard)

    def _serve(self, names: Sequence[str]) -> None:
        """Take the mail of tasks with these names, as many as there are."""
        new = [name for name in names if name not in self._served]
        if new and self._engine.durable:
            self._served.update(new)
            kinds = [f"task/{name}" for name in new]
            self._engine.serve(kinds, sys.maxsize, self._ready)

    def _mailboxes(self, worker_id: str) -> Sequence[str]:
        return [mailbox_of(name, worker_id) for name in self._registry.names]

    def _work(self, job: Job, lease: Lease | None = None) -> Work:
        body, keep = self._registry.body_of(job), self._registry.entry_of(job).keep
        return Work(self, job, body, codec=self._codec, keep=keep, lease=lease)

    def _ready(self, key: str) -> None:
        """Handle the mail of a task that nobody runs."""
        asyncio.get_running_loop().call_soon(self._begin_to_handle, key)

    def _begin_to_handle(self, key: str) -> None:
        if not self.is_stopping:
            self._lead(self._handle(key))

    async def _handle(self, key: str) -> None:
        while self._is_open:
            try:
                opened = await self._engine.open(key)
                while opened is not None:
                    opened = await self._turn(opened)
            except FencedError as error:
                _logger.warning("%s", error)
            except EngineUnavailableError as error:
                _logger.warning("%s", error)
                await asyncio.sleep(_PAUSE)
                continue
            except Exception:
                # It stays where it is, for the next run, perhaps of another program.
                _logger.exception("the task in %s cannot be read, and waits", key)
            return

    async def _turn(self, opened: Opened) -> Opened | None:
        """Handle one piece of mail of a task that nobody runs."""
        job, body = self._job_in(opened), opened.mail.body
        if job is not None and not job.state.is_final:
            if body.startswith(STOP):
                job.state = WorkerState.CANCELLING
                job.reason = body.removeprefix(STOP).decode()
            await self._attempt(job, Lease(self._engine, opened, lambda: self._is_open))
            return None
        if job is None or body != EXPIRED:
            return await self._engine.commit(opened, snapshot=None, keep=True)
        no_more = TimedLetter("end", opened.key, None)
        return await self._engine.commit(
            opened, snapshot=b"", timed=[no_more], keep=True
        )

    def _job_in(self, opened: Opened) -> Job | None:
        if opened.snapshot:
            return unpacked(self._codec, opened.snapshot)
        body = opened.mail.body
        if opened.snapshot is None and body.startswith(_START):
            return unpacked(self._codec, body.removeprefix(_START))
        return None

    async def _attempt(self, job: Job, lease: Lease) -> None:
        """Begin a task, or give it up."""
        work = self._starting.get(job.id)
        self._registry.judge(job)
        if job.state.is_final:
            await self._give_up(job, lease)
            if work is not None:
                work.see(job)
            return
        job.attempt += 1
        job.state = WorkerState.RUNNING
        try:
            await lease.write(job.packed(self._codec))
        except SnapshotTooLargeError as error:
            job.fail(error)
            await self._give_up(job, lease)
            if work is not None:
                work.refuse(error)
            return
        if work is not None:
            work.lend(lease, job)
        else:
            self._lead(self._resume(job, lease))

    async def _give_up(self, job: Job, lease: Lease) -> None:
        said = job.reason if job.error is None else ": ".join(job.error[:2])
        _logger.error("%s %s is %s: %s", job.kind, job.id, job.state, said)
        keep = self._registry.entry_of(job).keep
        await lease.end(job.packed(self._codec), [expiry(job, keep)])
        if self._workers is not None:
            self._workers.show_again(job.known(self._clock.time()), job.place.shown)

    async def _resume(self, job: Job, lease: Lease) -> None:
        """Run a task that an earlier process has left."""
        try:
            work = self._work(job, lease)
            await self._start(work)
        except SystemClosedError:
            job.attempt -= 1
            self.give_back()
            await lease.give_back(job.packed(self._codec))
        except (FencedError, EngineClosedError) as error:
            _logger.warning("%s", error)
        except DuologueError as error:
            job.fail(error)
            await self._give_up(job, lease)

    async def _start(self, work: Work) -> None:
        """Start the worker, behind another one that runs under its key."""
        job, workers = work.job, self._workers
        while workers is not None:
            self._resuming[job.id] = work
            try:
                worker = await workers.start(
                    work.body,
                    id=job.id,
                    key=job.key,
                    policy=StartPolicy.REJECT,
                    owner=job.owner,
                    timeout=job.terms.timeout,
                    heartbeat=job.terms.heartbeat,
                    retries=job.terms.retries,
                    backoff=job.terms.backoff,
                )
            except WorkerRunningError as error:
                with suppress(UnknownWorkerError):
                    await workers.get(error.worker_id).finished()
            else:
                workers.show_again(worker, job.place.shown)
                return
