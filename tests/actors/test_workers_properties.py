"""Whatever happens to a worker in whatever order, its story stays sound."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, strategies as st

from duologue.actors import (
    ActorSystem,
    Counts,
    Operation,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors.testing import VirtualClock

moments = st.integers(min_value=0, max_value=4)
values = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3))


@given(finish=moments, stop=moments, fails=st.booleans(), timeout=moments)
def test_a_race_of_end_stop_and_timeout_has_one_winner(
    *, finish: int, stop: int, fails: bool, timeout: int
) -> None:
    counts = Counts()

    async def work(operation: Operation) -> None:
        try:
            await asyncio.wait_for(operation.stopping(), finish + 0.5)
        except TimeoutError:
            if fails:
                raise OSError("broken") from None

    async def main() -> list[WorkerSnapshot]:
        async with (
            ActorSystem() as system,
            Workers(system, observer=counts) as workers,
        ):
            worker = await workers.start(work, timeout=timeout + 0.25)
            await asyncio.sleep(stop)
            await worker.stop("race")
            finals = [await worker.finished()]
            await asyncio.sleep(10)
            return [*finals, worker.snapshot, await worker.stop(), await worker.ping()]

    finals = VirtualClock().run(main())

    first = min((stop, "stop"), (timeout + 0.25, "timeout"), (finish + 0.5, "end"))[1]
    ends = WorkerState.FAILED if fails else WorkerState.SUCCEEDED
    winner = {"stop": WorkerState.CANCELLED, "timeout": WorkerState.TIMED_OUT}
    assert finals[0].state is winner.get(first, ends)
    assert len(set(map(id, finals))) == 1
    assert counts.of("workers") == 1


@given(stop=st.integers(min_value=0, max_value=10), ticks=st.integers(0, 10))
def test_a_stop_in_the_moment_of_the_end_gives_one_final_snapshot(
    stop: int, ticks: int
) -> None:
    async def work(operation: Operation) -> str:
        for number in range(ticks):
            operation.report(number / 10)
            await asyncio.sleep(0)
        return "done"

    async def main() -> tuple[list[WorkerSnapshot], WorkerSnapshot]:
        async with ActorSystem() as system, Workers(system) as workers:
            worker = await workers.start(work)
            for _ in range(stop):
                await asyncio.sleep(0)
            await worker.stop()
            seen = [snapshot async for snapshot in worker.watch()]
            return seen, await worker.finished()

    seen, final = VirtualClock().run(main())

    assert final.state in {WorkerState.SUCCEEDED, WorkerState.CANCELLED}
    assert [one for one in seen if one.state.is_final] == [final]
    if final.state is WorkerState.SUCCEEDED:
        assert (final.value, final.result) == (1.0, "done")


@given(st.lists(st.tuples(values, st.booleans()), max_size=12))
def test_any_reports_give_growing_revisions_and_progress(
    reports: list[tuple[object, bool]],
) -> None:
    async def work(operation: Operation) -> None:
        for value, pauses in reports:
            operation.report(value, str(value))
            if pauses:
                await asyncio.sleep(1)

    async def main() -> list[WorkerSnapshot]:
        async with ActorSystem() as system, Workers(system) as workers:
            worker = await workers.start(work)
            return [snapshot async for snapshot in worker.watch()]

    seen = VirtualClock().run(main())

    for earlier, later in pairwise(seen):
        assert earlier.revision < later.revision
        assert earlier.updated_at <= later.updated_at
        assert (earlier.value or 0) <= (later.value or 0)
        assert not earlier.state.is_final
    assert seen[-1].state is WorkerState.SUCCEEDED
