"""Tasks on an engine that several processes share, or that is away at times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from duologue import Dispatcher
from duologue.actors import (
    ActorSystem,
    Engine,
    LoopClock,
    MemoryEngine,
    Operation,
    Workers,
    WorkerState,
)
from duologue.dialogs._state import _values
from duologue.errors import UnknownWorkerError
from duologue.state import States, chain
from duologue.state._tasks._keeper import TaskKeeper
from tests.promises.test_engine_outages import Unsteady


class Through:
    """An engine as another process has it: whoever serves last is leased what comes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def durable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def bot_name(_: object) -> str:
    return "max.1"


class Process:
    """What of a process runs tasks."""

    def __init__(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self.tasks = dispatcher.tasks
        states = States(engine, codec=_values, bot_name=bot_name)
        self.keeper = TaskKeeper(
            engine, dispatcher.tasks, states=states, codec=_values, clock=LoopClock()
        )
        self.system = ActorSystem()
        self.workers = Workers(self.system, durable=self.keeper)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        async with self.system:
            self.keeper.start(self.workers)
            yield self
            await self.workers.stop(grace=0.1)
            await self.keeper.stop()


def program(done: list[object], *, attempts: int = 3) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.task(attempts=attempts)
    async def count(to: int, operation: Operation) -> int:
        for number in range(operation.resumed or 0, to):
            await asyncio.sleep(1)
            done.append(number)
            operation.report((number + 1) / to, f"number {number}")
            operation.checkpoint(number + 1)
        return to

    @dispatcher.task
    async def double(number: int) -> int:
        await asyncio.sleep(1)
        return 2 * number

    @dispatcher.task
    def block(operation: Operation) -> str:
        done.append(threading.current_thread() is threading.main_thread())
        operation.wait_for_stop(0.1)
        return "blocked"

    @dispatcher.task
    async def fail() -> None:
        await asyncio.sleep(2)
        raise ValueError("no")

    return dispatcher


@pytest.fixture
async def memory() -> AsyncIterator[MemoryEngine]:
    async with MemoryEngine() as engine:
        yield engine


@pytest.fixture
def shared(memory: MemoryEngine) -> Engine:
    return cast("Engine", Through(memory))


@pytest.fixture
def here() -> list[object]:
    """What the process that starts has done itself."""
    return []


@pytest.fixture
def there() -> list[object]:
    """What the other one has done."""
    return []


@pytest.fixture
async def starter(shared: Engine, here: list[object]) -> AsyncIterator[Process]:
    async with Process(shared, program(here)).running() as process:
        yield process


@pytest.fixture
async def other(
    starter: Process, shared: Engine, there: list[object]
) -> AsyncIterator[Process]:
    assert starter.keeper.is_shared
    async with Process(shared, program(there)).running() as process:
        yield process


async def test_a_process_that_has_nothing_to_do_with_a_task_can_stop_it(
    starter: Process, other: Process, shared: Engine, there: list[object]
) -> None:
    count = starter.tasks["count"].given(100)
    worker = await starter.workers.start(count)
    await asyncio.sleep(5)
    async with Process(shared, program([])).running() as third:
        before = await third.workers.find(worker.id)
        await third.workers.ask_to_stop(worker.id, "the user had enough")
        await third.workers.ask_to_stop("nobody", "the user had enough")
        final = await worker.finished()

    assert before.state is WorkerState.RUNNING
    assert other.workers.get(worker.id).snapshot.state is WorkerState.CANCELLED
    assert (final.state, final.reason) == (WorkerState.CANCELLED, "the user had enough")
    assert len(there) < 20


async def test_who_starts_a_task_sees_what_another_process_makes_of_it(
    starter: Process, other: Process, here: list[object], there: list[object]
) -> None:
    steps = chain(starter.tasks["count"].given(4), starter.tasks["double"])
    worker = await starter.workers.start(steps, owner="anna")
    await asyncio.sleep(2.6)
    half = worker.snapshot
    final = await worker.finished()
    found = await other.workers.find(worker.id, owner="anna")

    assert (half.state, half.value) == (WorkerState.RUNNING, 0.5)
    assert (final.state, final.result) == (WorkerState.SUCCEEDED, 8)
    assert found.result == 8
    assert (here, there) == ([], [0, 1, 2, 3])


async def test_an_error_is_seen_too(starter: Process, other: Process) -> None:
    worker = await starter.workers.start(starter.tasks["fail"])
    final = await worker.finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert (final.error.type, final.error.message) == ("ValueError", "no")
    assert other.workers.get(worker.id).snapshot.state is WorkerState.FAILED


@pytest.mark.parametrize("name", ["count", "fail"])
async def test_a_stop_reaches_a_task_wherever_it_runs(
    starter: Process, other: Process, there: list[object], name: str
) -> None:
    task = starter.tasks[name]
    worker = await starter.workers.start(task.given(100) if name == "count" else task)
    await asyncio.sleep(1.1)
    await worker.stop("enough")
    final = await worker.finished()
    await asyncio.sleep(30)
    kept = await other.workers.find(worker.id)

    assert final.state is WorkerState.CANCELLED
    if name == "count":
        assert (kept.state, kept.reason) == (WorkerState.CANCELLED, "enough")
        assert len(there) < 15


async def test_who_has_started_a_task_goes_on_when_the_other_one_dies(
    starter: Process,
    shared: Engine,
    memory: MemoryEngine,
    here: list[object],
    there: list[object],
) -> None:
    other = Process(shared, program(there))
    async with other.system:
        other.keeper.start(other.workers)
        steps = chain(starter.tasks["count"].given(4), starter.tasks["double"])
        worker = await starter.workers.start(steps)
        await asyncio.sleep(3.5)
        await other.keeper.stop()
        await memory.__aenter__()  # the leases of the other one are over
        kinds = [f"task/{name}" for name in starter.tasks]
        memory.serve(kinds, 100, starter.keeper._ready)
        there.append("died")
        final = await worker.finished()

    assert there[:3] == [0, 1, 2]
    assert here == [3]
    assert (final.state, final.result) == (WorkerState.SUCCEEDED, 8)


@pytest.mark.real_time
async def test_a_thread_looks_on_as_well(
    starter: Process, other: Process, here: list[object], there: list[object]
) -> None:
    worker = await starter.workers.start(starter.tasks["block"])
    final = await worker.finished()
    assert other.workers.get(worker.id).snapshot.result == "blocked"

    assert final.result == "blocked"
    assert (here, there) == ([], [False])


async def test_the_end_of_who_looks_on_ends_nothing(
    shared: Engine, there: list[object]
) -> None:
    dispatcher = program([])
    starter = Process(shared, dispatcher)
    other = Process(shared, program(there))
    async with other.system:
        async with starter.running():
            other.keeper.start(other.workers)
            worker = await starter.workers.start(starter.tasks["count"].given(5))
            await asyncio.sleep(2)
        final = await other.workers.get(worker.id).finished()
        await other.workers.stop()
        await other.keeper.stop()

    assert (final.state, final.result) == (WorkerState.SUCCEEDED, 5)


async def test_a_task_that_is_stopped_before_anybody_runs_it_never_begins(
    starter: Process, memory: MemoryEngine, here: list[object]
) -> None:
    memory.serve(["task/count"], 0, here.append)
    async with asyncio.TaskGroup() as group:
        start = starter.workers.start(starter.tasks["count"].given(5), id="one")
        group.create_task(start)
        await asyncio.sleep(3)
        job = starter.keeper._starting["one"].job
        await starter.keeper.tell_to_stop(job, "enough")
        memory.serve(["task/count"], 100, starter.keeper._ready)
    final = await starter.workers.get("one").finished()
    kept = await starter.keeper.find("one")

    assert here == []
    assert (final.state, final.reason) == (WorkerState.CANCELLED, "enough")
    assert kept is not None
    assert (kept.state, kept.reason) == (WorkerState.CANCELLED, "enough")


@pytest.fixture
async def unsteady() -> AsyncIterator[Unsteady]:
    async with Unsteady() as engine:
        yield engine


@pytest.mark.parametrize("call", ["enqueue", "open", "commit"])
@pytest.mark.parametrize("kind", ["refusing", "forgetting"])
@pytest.mark.parametrize("when", [0.0, 1.5, 3.5])
async def test_an_outage_loses_nothing_and_does_nothing_twice(
    unsteady: Unsteady, here: list[object], call: str, kind: str, when: float
) -> None:
    async with Process(unsteady, program(here, attempts=1)).running() as process:
        steps = chain(process.tasks["count"].given(4), process.tasks["double"])

        async def fail() -> None:
            await asyncio.sleep(when)
            getattr(unsteady, kind).append(call)

        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            if not when:
                await asyncio.sleep(0)
            worker = await process.workers.start(steps)
        final = await worker.finished()
        await asyncio.sleep(5)
        found = await process.workers.find(worker.id)

    assert (final.state, final.result, final.attempt) == ("succeeded", 8, 1)
    assert found.result == 8
    assert here == [0, 1, 2, 3]


async def test_who_has_lost_a_task_stops_it(
    starter: Process, memory: MemoryEngine, here: list[object]
) -> None:
    worker = await starter.workers.start(starter.tasks["count"].given(100))
    short = await starter.workers.start(starter.tasks["double"].given(1))
    memory.serve(["task/count", "task/double"], 100, here.append)
    await memory.__aenter__()  # its leases are over
    final = await worker.finished()
    end = await short.finished()

    assert final.state is WorkerState.LOST
    assert final.reason == "another process has taken it over"
    assert end.state is WorkerState.LOST


async def test_an_engine_that_is_away_for_long_is_asked_again(
    unsteady: Unsteady, here: list[object]
) -> None:
    async with Process(unsteady, program(here)).running() as process:
        worker = await process.workers.start(process.tasks["count"].given(2))
        unsteady.refusing += ["commit", "open", "open", "commit", "open"]
        final = await worker.finished()

    assert (final.state, final.result) == (WorkerState.SUCCEEDED, 2)


async def test_a_task_that_is_lost_while_the_engine_is_away_is_not_ended(
    unsteady: Unsteady, here: list[object]
) -> None:
    async with Process(unsteady, program(here)).running() as process:
        worker = await process.workers.start(process.tasks["double"].given(2))
        await asyncio.sleep(0.5)
        unsteady.refusing.append("commit")
        unsteady.serve(["task/double"], 100, here.append)
        await unsteady.__aenter__()  # its leases are over
        final = await worker.finished()

    assert final.state is WorkerState.LOST


async def test_an_engine_that_never_comes_back_holds_up_no_end(
    unsteady: Unsteady, here: list[object]
) -> None:
    process = Process(unsteady, program(here))
    async with process.system:
        process.keeper.start(process.workers)
        worker = await process.workers.start(process.tasks["count"].given(3))
        unsteady.refusing += ["commit"] * 50 + ["open"] * 50
        await asyncio.sleep(2)
        async with asyncio.TaskGroup() as group:
            group.create_task(process.workers.stop(grace=0.1))
            await asyncio.sleep(1)
            await process.keeper.stop()

    assert not worker.is_active


async def test_a_task_that_goes_on_waits_for_another_one_under_its_key(
    unsteady: Unsteady,
) -> None:
    done: list[object] = []

    async def sleep() -> None:
        await asyncio.sleep(3)
        done.append("slept")

    async with Process(unsteady, program(done)).running() as process:
        count = process.tasks["count"].given(2)
        worker = await process.workers.start(count, key="k")
    process = Process(unsteady, program(done))
    async with process.system:
        process.keeper._workers = process.workers
        await process.workers.start(sleep, key="k")
        process.keeper.start(process.workers)
        await asyncio.sleep(4)
        final = await process.workers.get(worker.id).finished()
        await process.workers.stop()
        await process.keeper.stop()

    assert done == ["slept", 0, 1]
    assert final.result == 2


async def test_what_is_forgotten_cannot_be_found(starter: Process) -> None:
    worker = await starter.workers.start(starter.tasks["count"].given(1))
    await worker.finished()

    await starter.workers.forget(worker.id)

    with pytest.raises(UnknownWorkerError):
        await starter.workers.find(worker.id)
