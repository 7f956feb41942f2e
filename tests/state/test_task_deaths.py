"""Deaths at any time: a chain of tasks ends once, with what it would have ended with."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from duologue import Dispatcher
from duologue.actors import MemoryEngine, Operation, WorkerSnapshot, WorkerState
from duologue.actors.testing import virtual_loop_factory
from duologue.state import chain
from tests.state.test_shared_tasks import Process

TO = 4


class Kept(MemoryEngine):
    """Memory that outlives processes; entering it anew ends their leases."""

    @property
    def durable(self) -> bool:
        return True


def program(done: list[object], attempts: int) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.task(attempts=attempts)
    async def count(to: int, operation: Operation) -> int:
        for number in range(operation.resumed or 0, to):
            await asyncio.sleep(1)
            done.append(number)
            operation.checkpoint(number + 1)
        return to

    @dispatcher.task
    async def double(number: int, operation: Operation) -> int:
        assert operation.resumed is None
        await asyncio.sleep(1)
        done.append("double")
        return 2 * number

    return dispatcher


async def live_and_die(
    lives: list[float], attempts: int, *, orderly: list[bool]
) -> tuple[list[object], WorkerSnapshot]:
    """Run one program after the other, and the last one to the end."""
    done: list[object] = []
    engine = Kept()
    worker_id = ""
    found: WorkerSnapshot | None = None
    for life, is_orderly in zip([*lives, 100.0], [*orderly, True], strict=True):
        dispatcher = program(done, attempts)
        process = Process(engine, dispatcher)
        async with engine, process.system:
            process.keeper.start(process.workers)
            if not worker_id:
                count, double = dispatcher.tasks.values()
                steps = chain(count.given(TO), double)
                worker_id = (await process.workers.start(steps)).id
            await asyncio.sleep(life)
            found = await process.workers.find(worker_id)
            if is_orderly:
                await process.workers.stop(grace=0.1)
            await process.keeper.stop()
    assert found is not None
    return done, found


LIVES = st.lists(
    st.tuples(st.floats(0, 3, allow_subnormal=False), st.booleans()), max_size=6
)


@settings(max_examples=60)
@given(LIVES)
def test_a_chain_ends_once_however_often_its_process_dies(
    lives: list[tuple[float, bool]],
) -> None:
    orderly = [is_orderly for _, is_orderly in lives]
    times = [life for life, _ in lives]

    with asyncio.Runner(loop_factory=virtual_loop_factory) as runner:
        done, found = runner.run(live_and_die(times, 10, orderly=orderly))

    numbers = [number for number in done if isinstance(number, int)]
    assert (found.state, found.result) == (WorkerState.SUCCEEDED, 2 * TO)
    assert found.attempt <= 1 + orderly.count(False)
    assert sorted(set(numbers)) == list(range(TO))
    # What was done before its checkpoint was written is done again, and nothing else.
    assert all(later - number in {0, 1} for number, later in pairwise(numbers))
    assert 1 <= done.count("double") <= 1 + len(lives)


@settings(max_examples=30)
@given(st.lists(st.floats(0.1, 0.9), min_size=3, max_size=6), st.integers(1, 3))
def test_it_begins_no_more_often_than_it_says(
    lives: list[float], attempts: int
) -> None:
    with asyncio.Runner(loop_factory=virtual_loop_factory) as runner:
        work = live_and_die(lives, attempts, orderly=[False] * len(lives))
        done, found = runner.run(work)

    assert found.state is WorkerState.LOST
    assert found.attempt == attempts
    assert done == []
