"""What a task promises that outlives its process, on every engine that is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import ActorSystem, Engine, LoopClock, Operation, Workers
from duologue.dialogs._state import _values
from duologue.state import States, chain
from duologue.state._tasks._keeper import TaskKeeper
from tests.engines.conftest import NewEngine


def bot_name(_: object) -> str:
    return "max.1"


@asynccontextmanager
async def running(engine: Engine, dispatcher: Dispatcher) -> AsyncIterator[Workers]:
    """Workers on an engine, which end as those of a process that dies: nothing is told."""
    states = States(engine, codec=_values, bot_name=bot_name)
    keeper = TaskKeeper(
        engine, dispatcher.tasks, states=states, codec=_values, clock=LoopClock()
    )
    async with engine, states, ActorSystem() as system:
        workers = Workers(system, durable=keeper)
        keeper.start(workers)
        yield workers
        await keeper.stop()


def program(done: list[object]) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def first(to: int, operation: Operation) -> int:
        for number in range(operation.resumed or 0, to):
            done.append(number)
            operation.checkpoint(number + 1)
            await asyncio.sleep(1)
        return to

    @dispatcher.task
    async def second(result: int) -> list[int]:
        await asyncio.sleep(1)
        return [result]

    return dispatcher


@pytest.fixture
def durable(new_engine: NewEngine, tmp_path: Path) -> NewEngine:
    if not new_engine(tmp_path).durable:
        pytest.skip("it ends with the process")
    return new_engine


async def test_a_task_goes_on_where_it_was(durable: NewEngine, tmp_path: Path) -> None:
    done: list[object] = []
    dispatcher = program(done)
    first, second = dispatcher.tasks.values()
    async with running(durable(tmp_path), dispatcher) as workers:
        worker = await workers.start(chain(first.given(4), second))
        await asyncio.sleep(1.5)
        begun, done[:] = done.copy(), []
    async with running(durable(tmp_path), program(done)) as workers:
        await asyncio.sleep(10)
        final = await workers.find(worker.id)
    async with running(durable(tmp_path), program(done)) as workers:
        kept = await workers.find(worker.id)
        await asyncio.sleep(10)

    assert begun == [0, 1]
    assert done == [2, 3]
    assert (final.state, final.result, final.attempt) == ("succeeded", [4], 2)
    assert (kept.state, kept.result) == (final.state, final.result)


async def test_a_task_waits_for_a_program_that_has_its_name(
    durable: NewEngine, tmp_path: Path
) -> None:
    done: list[object] = []
    async with running(durable(tmp_path), program(done)) as workers:
        worker = await workers.start(program(done).tasks["second"])
        assert worker.is_active  # it is another dispatcher's, so runs in memory only
    dispatcher = program(done)
    async with running(durable(tmp_path), dispatcher) as workers:
        worker = await workers.start(dispatcher.tasks["first"].given(1))
    async with running(durable(tmp_path), Dispatcher()) as workers:
        await asyncio.sleep(10)
    async with running(durable(tmp_path), program(done)) as workers:
        await asyncio.sleep(10)
        final = await workers.find(worker.id)

    assert final.result == 1
