"""Workers that are tried again, fall silent, wait in a queue, or have parts."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from duologue.actors import (
    ActorSystem,
    AsyncOperationResult,
    IBackgroundWorker,
    Operation,
    StartPolicy,
    Workers,
    WorkerState,
)
from duologue.actors.testing import VirtualClock, settled
from tests.actors.conftest import deaf, endless


class Fragile:
    """Fails as often as it is told, and keeps what it has done."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.resumed: list[object] = []

    async def run(self, operation: Operation) -> str:
        """Fails, or not."""
        self.resumed.append(operation.resumed)
        operation.report(0.5, "half")
        operation.checkpoint(len(self.resumed))
        await asyncio.sleep(1)
        if len(self.resumed) <= self.failures:
            raise ConnectionError("no line")
        return "done"


async def test_a_body_that_fails_is_tried_again_with_growing_pauses() -> None:
    body = Fragile(2)
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(body, retries=2, backoff=10)
        await asyncio.sleep(2)
        waiting = await worker.ping()
        await asyncio.sleep(9.5)
        again = await worker.ping()
        final = await worker.finished()

    assert waiting.state is WorkerState.RETRYING
    assert waiting.error is not None
    assert waiting.error.message == "no line"
    assert (waiting.attempt, waiting.value, waiting.text) == (1, 0.5, "half")
    assert (again.state, again.attempt, again.error) == (WorkerState.RUNNING, 2, None)
    assert (final.state, final.attempt) == (WorkerState.SUCCEEDED, 3)
    assert final.finished_at == 1 + 10 + 1 + 20 + 1
    assert body.resumed == [None, 1, 2]


async def test_an_attempt_begins_with_no_progress() -> None:
    attempts: list[int] = []

    async def fail(operation: Operation) -> None:
        if not attempts:
            operation.report(current=9, total=10, unit="rows", stage="read")
            operation.part("a").report(0.9)
        attempts.append(1)
        await asyncio.sleep(1)
        raise ConnectionError

    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(fail, retries=1)).finished()

    assert (final.value, final.current, final.stage, final.children) == (
        None,
        None,
        "",
        (),
    )
    assert final.state is WorkerState.FAILED


async def test_without_attempts_left_a_body_has_failed() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(Fragile(9), retries=1)).finished()

    assert (final.state, final.attempt) == (WorkerState.FAILED, 2)


async def test_pauses_do_not_grow_beyond_five_minutes() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Fragile(2), retries=2, backoff=1000)

        assert (await worker.finished()).finished_at == 603


async def test_a_stop_ends_the_pause_between_attempts_at_once() -> None:
    class Asked(Fragile):
        stops = 0

        def stop(self) -> None:
            self.stops += 1

    body = Asked(9)
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(body, retries=5, backoff=100)
        await asyncio.sleep(5)
        stopped = await worker.stop("enough")

    assert (stopped.state, stopped.reason) == (WorkerState.CANCELLED, "enough")
    assert body.stops == 0


async def test_a_timeout_counts_all_attempts() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Fragile(9), retries=5, backoff=100, timeout=50)

        final = await worker.finished()

    assert (final.state, final.finished_at) == (WorkerState.TIMED_OUT, 50)


async def test_a_system_that_closes_between_attempts_cancels_the_worker() -> None:
    async with ActorSystem() as system:
        workers = Workers(system)
        worker = await workers.start(Fragile(9), retries=5, backoff=100)
        await asyncio.sleep(5)

    assert worker.snapshot.state is WorkerState.CANCELLED


async def test_a_body_that_was_asked_to_stop_is_not_tried_again() -> None:
    async def fail_when_stopped(operation: Operation) -> None:
        await operation.stopping()
        raise ConnectionError

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(fail_when_stopped, retries=5)
        await settled(system)
        await worker.stop()

        assert (await worker.finished()).state is WorkerState.FAILED


async def test_a_body_that_falls_silent_is_lost() -> None:
    async def fall_silent(operation: Operation) -> str:
        for _ in range(3):
            operation.report()
            await asyncio.sleep(20)
        await operation.stopping()
        return "it obeyed"

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(fall_silent, heartbeat=30)
        final = await worker.finished()

    assert final.state is WorkerState.LOST
    assert final.reason == "nothing was heard of it for 30 s"
    assert (final.finished_at, final.result) == (40 + 30, "it obeyed")


async def test_a_body_that_is_heard_of_in_time_goes_on() -> None:
    async def beat(operation: Operation) -> None:
        for _ in range(10):
            await asyncio.sleep(29)
            operation.report()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(beat, heartbeat=30)

        assert (await worker.finished()).state is WorkerState.SUCCEEDED


async def test_a_pause_between_attempts_is_no_silence() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Fragile(1), retries=1, backoff=100, heartbeat=30)

        assert (await worker.finished()).state is WorkerState.SUCCEEDED


async def test_a_body_that_ignores_everything_is_lost_after_its_silence() -> None:
    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(deaf, heartbeat=30)
        final = await worker.finished()

    assert (final.state, final.finished_at) == (WorkerState.LOST, 35)


async def test_a_queue_lets_one_run_after_the_other() -> None:
    order: list[str] = []

    def body(name: str) -> object:
        async def work() -> None:
            order.append(f"{name} begins")
            await asyncio.sleep(10)
            order.append(f"{name} ends")

        return work

    async with ActorSystem() as system, Workers(system) as workers:
        made = [
            await workers.start(body(name), key="k", policy=StartPolicy.QUEUE)
            for name in "abc"
        ]
        begun = [worker.snapshot.state for worker in made]
        joined = await workers.start(endless, key="k")
        finals = [await worker.finished() for worker in made]

    assert begun == [WorkerState.RUNNING, WorkerState.PENDING, WorkerState.PENDING]
    assert joined == made[0]
    assert [final.finished_at for final in finals] == [10, 20, 30]
    assert order == [f"{name} {verb}" for name in "abc" for verb in ("begins", "ends")]


async def test_one_that_waits_can_be_stopped_and_never_runs() -> None:
    runs: list[str] = []

    async def work() -> None:
        runs.append("ran")

    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(endless, key="k")
        second = await workers.start(work, key="k", policy=StartPolicy.QUEUE)
        third = await workers.start(work, key="k", policy=StartPolicy.QUEUE)
        stopped = await second.stop("changed my mind")
        await first.stop()
        last = await third.finished()

    assert (stopped.state, stopped.started_at) == (WorkerState.CANCELLED, None)
    assert last.state is WorkerState.SUCCEEDED
    assert runs == ["ran"]


async def test_the_end_of_all_workers_begins_none_of_those_that_wait() -> None:
    runs: list[str] = []

    async def work() -> None:
        runs.append("ran")

    async with ActorSystem() as system:
        async with Workers(system) as workers:
            await workers.start(endless, key="k")
            waiting = await workers.start(work, key="k", policy=StartPolicy.QUEUE)

        assert waiting.snapshot.state is WorkerState.CANCELLED
    assert runs == []


async def test_who_replaces_stops_those_that_wait_as_well() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(endless, key="k")
        second = await workers.start(endless, key="k", policy=StartPolicy.QUEUE)
        third = await workers.start(endless, key="k", policy=StartPolicy.REPLACE)

        ended = [first.is_active, second.is_active, third.is_active]

    assert ended == [False, False, True]


async def test_workers_are_listed_by_owner_key_and_activity() -> None:
    async def nothing() -> None:
        pass

    async with ActorSystem() as system, Workers(system) as workers:
        done = await workers.start(nothing, owner="alice", key="a")
        await done.finished()
        first = await workers.start(endless, owner="alice", key="a")
        second = await workers.start(endless, owner="alice")
        await workers.start(endless, owner="bob", key="a")

        assert workers.of("alice") == [done, first, second]
        assert workers.of("alice", key="a") == [done, first]
        assert workers.of("alice", is_active=True) == [first, second]
        assert workers.of("alice", key="a", is_active=False) == [done]


async def test_a_part_that_is_finished_takes_nothing_back() -> None:
    async def work(operation: Operation) -> None:
        first, second = operation.part("first"), operation.part("second")
        first.report(current=10, total=1000)
        second.report(current=900, total=1000)
        await asyncio.sleep(1)
        second.finish()
        await asyncio.sleep(1)

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await asyncio.sleep(0.5)
        before = await worker.ping()
        await asyncio.sleep(1)
        after = await worker.ping()

    assert before.value == pytest.approx(0.455)
    assert after.value == pytest.approx(0.505)
    assert [child.value for child in after.children] == [0.01, 1.0]
    assert [child.current for child in after.children] == [10, 900]


async def test_a_part_is_done_when_its_block_ends_without_an_error() -> None:
    async def work(operation: Operation) -> None:
        with operation.part("read", 3) as read:
            read.report(0.1, "reading")
        with suppress(LookupError), operation.part("write") as write:
            write.report(0.5)
            raise LookupError
        inner = operation.part("check", 4).part("inner", 1)
        inner.report(0.5, unit="rows")
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await settled(system)
        seen = await worker.ping()

    read, write, check = seen.children
    assert (read.name, read.weight, read.value, read.text) == (
        "read",
        3,
        1.0,
        "reading",
    )
    assert (write.value, check.value) == (0.5, 0.5)
    assert [(child.name, child.value) for child in check.children] == [("inner", 0.5)]
    assert seen.value == pytest.approx((3 + 0.5 + 4 * 0.5) / 8)


async def test_a_part_that_is_added_later_takes_nothing_back() -> None:
    async def work(operation: Operation) -> None:
        operation.part("first").report(0.8)
        await asyncio.sleep(1)
        operation.part("late").report(0.0)
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await asyncio.sleep(0.5)
        await worker.ping()
        await asyncio.sleep(1)

        assert (await worker.ping()).value == 0.8


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "2", None])
async def test_a_weight_that_is_none_is_one(weight: object) -> None:
    async def work(operation: Operation) -> None:
        operation.part("odd", weight).report(1.0)
        operation.part("x" * 500, 3)
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await settled(system)
        seen = await worker.ping()

    assert seen.value == 0.25
    assert len(seen.children[1].name) == 100


async def test_of_many_parts_only_the_newest_are_shown() -> None:
    async def work(operation: Operation) -> None:
        for number in range(150):
            operation.part(number).report(1.0 if number < 75 else 0.0)
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await settled(system)
        seen = await worker.ping()

    assert len(seen.children) == 100
    assert seen.value == 0.5


@given(
    reports=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0.1, 10)), max_size=30
    )
)
def test_the_whole_never_goes_back_whatever_its_parts_do(
    reports: list[tuple[int, float, float]],
) -> None:
    async def main() -> list[float]:
        async with ActorSystem() as system, Workers(system) as workers:

            async def work(operation: Operation) -> None:
                parts = {}
                for index, value, weight in reports:
                    if index not in parts:
                        parts[index] = operation.part(index, weight)
                    parts[index].report(value)
                    await asyncio.sleep(1)

            worker = await workers.start(work)
            return [seen.value or 0.0 async for seen in worker.watch()]

    values = VirtualClock().run(main)

    assert values == sorted(values)
    assert values[-1] == 1.0


async def test_what_a_body_of_m3_says_of_itself_is_shown() -> None:
    class Rocket(IBackgroundWorker):
        flies = True

        async def run(self) -> None:
            await endless()

        async def ping(self) -> AsyncOperationResult:  # type: ignore[override]  # on the loop, so that it is quick
            return AsyncOperationResult(0.5, "", is_active=self.flies)

    class Other:
        async def run(self, operation: Operation) -> None:
            await operation.stopping()

        async def ping(self) -> AsyncOperationResult:
            return AsyncOperationResult(0.5, "", is_active=False)

    rocket = Rocket()
    async with ActorSystem() as system, Workers(system) as workers:
        worker, other = await workers.start(rocket), await workers.start(Other())
        flying = await worker.ping()
        rocket.flies = False
        landed = await worker.ping()
        rocket.flies = True
        again = await worker.ping()
        of_other = await other.ping()

    assert [one.says_active for one in (flying, landed, again)] == [True, False, True]
    assert landed.is_active
    assert of_other.says_active
