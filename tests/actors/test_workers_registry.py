"""Workers are found, kept apart by owner and key, bounded in number, and stopped."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TypeVarTuple

import pytest

from duologue.actors import (
    ActorSystem,
    Counts,
    LoopClock,
    Operation,
    StartPolicy,
    TimerHandle,
    Workers,
    WorkerState,
)
from duologue.errors import (
    SystemClosedError,
    UnknownWorkerError,
    WorkerBodyTakenError,
    WorkerIdTakenError,
    WorkerRunningError,
)
from tests.actors.conftest import deaf, endless

Ts = TypeVarTuple("Ts")


class Once:
    """Waits until it is asked to stop, and then for a second more."""

    log: list[str]

    def __init__(self, log: list[str] | None = None, name: str = "") -> None:
        self.log = [] if log is None else log
        self.name = name

    async def run(self, operation: Operation) -> None:
        self.log.append(f"{self.name} begins")
        await operation.stopping()
        await asyncio.sleep(1)
        self.log.append(f"{self.name} ends")


async def nothing() -> None:
    pass


async def stubborn(operation: Operation) -> None:
    """Waits for an hour, whatever happens."""
    end = asyncio.get_running_loop().time() + 3600
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            operation.report(text="no")


async def test_joining_gives_the_worker_that_runs_and_leaves_the_body_alone() -> None:
    made: list[object] = []

    class Counted(Once):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(Counted, key="export")
        second = await workers.start(Counted, key="export")

    assert first == second
    assert hash(first) == hash(second)
    assert len(made) == 1


async def test_rejecting_names_the_worker_that_runs() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(Once, key="export")

        with pytest.raises(WorkerRunningError) as caught:
            await workers.start(Once, key="export", policy=StartPolicy.REJECT)

    assert (caught.value.key, caught.value.worker_id) == ("export", first.id)


async def test_replacing_starts_when_the_old_one_has_ended() -> None:
    log: list[str] = []
    async with ActorSystem() as system, Workers(system) as workers:
        old = await workers.start(Once(log, "old"), key="export")
        await asyncio.sleep(1)
        new = await workers.start(
            Once(log, "new"), key="export", policy=StartPolicy.REPLACE
        )
        await asyncio.sleep(1)

        assert log == ["old begins", "old ends", "new begins"]
        assert old.snapshot.state is WorkerState.CANCELLED
        assert old.snapshot.reason == "another one takes its place"
        assert new.is_active


async def test_many_replacements_at_once_leave_one_and_never_run_side_by_side() -> None:
    log: list[str] = []
    async with ActorSystem() as system, Workers(system) as workers:
        started = await asyncio.gather(
            *(
                workers.start(
                    Once(log, str(number)), key="k", policy=StartPolicy.REPLACE
                )
                for number in range(10)
            )
        )
        await asyncio.sleep(5)

        assert [worker.is_active for worker in started].count(True) == 1
        assert all("begins" in line for line in log[::2])
        assert all("ends" in line for line in log[1::2])


async def test_a_lost_worker_gives_its_place_to_the_one_that_replaces_it() -> None:
    async with ActorSystem() as system, Workers(system, grace=2) as workers:
        old = await workers.start(stubborn, key="k")
        new = await workers.start(Once, key="k", policy=StartPolicy.REPLACE)

        assert old.snapshot.state is WorkerState.LOST
        assert new.is_active
        await asyncio.sleep(3600)


async def test_a_key_can_be_used_again_after_the_end() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(nothing, key="export")
        await first.finished()

        second = await workers.start(nothing, key="export", policy=StartPolicy.REJECT)

    assert first != second


async def test_owners_do_not_share_keys() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        hers = await workers.start(Once, key="export", owner="alice")
        his = await workers.start(
            Once, key="export", owner="bob", policy=StartPolicy.REJECT
        )

        assert hers != his
        assert workers.of("alice") == [hers]


async def test_one_object_is_the_body_of_one_worker_at_a_time() -> None:
    body = Once()
    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(body)

        with pytest.raises(WorkerBodyTakenError) as caught:
            await workers.start(body)
        await first.stop()
        await first.finished()
        again = await workers.start(body)

        assert caught.value.worker_id == first.id
        assert again.is_active


async def test_a_function_may_be_the_body_of_many_workers() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        started = [await workers.start(endless) for _ in range(3)]

        assert len(set(started)) == 3
        assert {worker.snapshot.kind for worker in started} == {"endless"}


async def test_ids_are_given_or_cannot_be_guessed_and_are_never_used_twice() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        given = await workers.start(nothing, id="mine")
        made = [await workers.start(nothing) for _ in range(20)]
        await given.finished()

        with pytest.raises(WorkerIdTakenError):
            await workers.start(nothing, id="mine")

        assert workers.get("mine") == given
        assert len({worker.id for worker in made}) == 20
        assert all(len(worker.id) == 22 for worker in made)


async def test_foreign_and_unknown_workers_cannot_be_told_apart() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Once, id="hers", owner="alice")

        with pytest.raises(UnknownWorkerError) as foreign:
            workers.get("hers", owner="bob")
        with pytest.raises(UnknownWorkerError) as unknown:
            workers.get("his", owner="bob")

        assert workers.get("hers", owner="alice") == workers.get("hers") == worker
        assert str(foreign.value).replace("hers", "his") == str(unknown.value)


async def test_states_are_counted_and_the_empty_ones_are_zero() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        for body in (nothing, nothing, endless):
            await workers.start(body)
        await asyncio.sleep(1)

        counts = workers.by_state()

    assert counts.pop(WorkerState.SUCCEEDED) == 2
    assert counts.pop(WorkerState.RUNNING) == 1
    assert set(counts.values()) == {0}
    assert len(counts) == len(WorkerState) - 2


async def test_each_end_is_counted_once_with_its_state() -> None:
    counts = Counts()
    async with ActorSystem() as system, Workers(system, observer=counts) as workers:
        for body in (nothing, nothing, endless):
            await workers.start(body)
        await asyncio.sleep(1)

    assert counts.of("workers", "succeeded") == 2
    assert counts.of("workers", "cancelled") == 1
    assert counts.of("workers") == 3


async def test_an_ended_worker_is_forgotten_when_its_time_is_over() -> None:
    async with ActorSystem() as system, Workers(system, ttl=600) as workers:
        worker = await workers.start(nothing, owner="alice")
        final = await worker.finished()
        await asyncio.sleep(599)
        known = workers.get(worker.id)

        await asyncio.sleep(1)

        assert known == worker
        assert workers.of("alice") == []
        for lookup in (worker.ping, worker.stop):
            with pytest.raises(UnknownWorkerError):
                await lookup()
        with pytest.raises(UnknownWorkerError):
            workers.get(worker.id)
        assert worker.snapshot == await worker.finished() == final


async def test_results_are_let_go_although_nobody_looks() -> None:
    class Clock(LoopClock):
        looks = 0

        def time(self) -> float:
            self.looks += 1
            return super().time()

    clock = Clock()
    async with ActorSystem() as system, Workers(system, clock=clock) as workers:
        await (await workers.start(nothing)).finished()
        before = clock.looks

        await asyncio.sleep(600)

        assert clock.looks > before


async def test_patience_goes_by_the_clock_of_the_system() -> None:
    class Slow(LoopClock):
        def call_later(
            self, delay: float, callback: Callable[[*Ts], object], *args: *Ts
        ) -> TimerHandle:
            return super().call_later(2 * delay, callback, *args)

    async with ActorSystem(clock=Slow()) as system, Workers(system, grace=5) as workers:
        worker = await workers.start(deaf)

        await worker.stop()
        await worker.finished()

        assert asyncio.get_running_loop().time() == 10


@pytest.mark.parametrize(
    ("timeout", "state"),
    [(math.inf, WorkerState.RUNNING), (-1.0, WorkerState.TIMED_OUT)],
)
async def test_a_timeout_may_be_for_ever_or_over(
    timeout: float,  # noqa: ASYNC109 # of the worker
    state: WorkerState,
) -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless, timeout=timeout)

        await asyncio.sleep(3600)

        assert worker.snapshot.state is state


async def test_only_so_many_ended_workers_are_kept_the_newest() -> None:
    async with ActorSystem() as system, Workers(system, keep=3) as workers:
        started = []
        for _ in range(10):
            started.append(await workers.start(nothing, owner="alice"))
            await started[-1].finished()

        assert workers.of("alice") == started[-3:]
        assert sum(workers.by_state().values()) == 3


async def test_stopping_all_ends_them_and_names_those_that_were_left_behind() -> None:
    async with ActorSystem() as system:
        workers = Workers(system, grace=5)
        bodies = (endless, Once, stubborn)
        started = [await workers.start(body) for body in bodies]
        await asyncio.sleep(1)

        left = await workers.stop(grace=3)

        assert [worker.snapshot.state for worker in started] == [
            WorkerState.CANCELLED,
            WorkerState.CANCELLED,
            WorkerState.LOST,
        ]
        assert [snapshot.kind for snapshot in left] == ["stubborn"]
        await asyncio.sleep(3600)


async def test_stopping_all_shortens_the_grace_of_those_that_stop_already() -> None:
    async with ActorSystem() as system:
        workers = Workers(system, grace=1000)
        worker = await workers.start(lambda operation: operation, id="one")
        stopped = await workers.start(deaf)
        await stopped.stop()

        await workers.stop(grace=1)

        assert asyncio.get_running_loop().time() == 1
        assert stopped.snapshot.state is WorkerState.CANCELLED
        assert not worker.is_active


async def test_stopping_all_may_lengthen_the_grace_of_those_that_stop_already() -> None:
    async with ActorSystem() as system:
        workers = Workers(system, grace=1)
        stopped = await workers.start(deaf)
        await stopped.stop()

        await workers.stop(grace=1000)

        assert asyncio.get_running_loop().time() == 1000
        assert stopped.snapshot.state is WorkerState.CANCELLED


async def test_the_grace_of_stopping_all_counts_for_the_second_wait_too() -> None:
    async with ActorSystem() as system:
        workers = Workers(system, grace=1000)
        await workers.start(stubborn)

        left = await workers.stop(grace=1)

        assert asyncio.get_running_loop().time() == 2
        assert [snapshot.kind for snapshot in left] == ["stubborn"]
        await asyncio.sleep(3600)


async def test_nothing_starts_after_the_stop() -> None:
    async with ActorSystem() as system:
        workers = Workers(system)
        await workers.stop()

        with pytest.raises(SystemClosedError):
            await workers.start(nothing)


async def test_nothing_starts_in_a_system_that_is_not_open() -> None:
    workers = Workers(ActorSystem())

    with pytest.raises(SystemClosedError):
        await workers.start(nothing)
