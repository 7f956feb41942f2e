"""What a body counts, how fast that goes, and what else a snapshot tells."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Mapping

import pytest

from duologue.actors import (
    ActorSystem,
    Operation,
    Worker,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors.testing import VirtualClock
from tests.actors.conftest import endless

Said = Mapping[str, object]


async def after_reports(*reports: Said, pause: float = 1.0) -> WorkerSnapshot:
    """What is seen of a body that makes these reports, some seconds apart."""

    async def say(operation: Operation) -> None:
        for number, report in enumerate(reports):
            if number:
                await asyncio.sleep(pause)
            operation.report(**report)
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(say)
        await asyncio.sleep(len(reports) * pause)
        return await worker.ping()


async def pinged(worker: Worker, times: int) -> WorkerSnapshot:
    """The last of some answers, a second apart."""
    seen = worker.snapshot
    for _ in range(times):
        await asyncio.sleep(0.5)
        seen = await worker.ping()
        await asyncio.sleep(0.5)
    return seen


async def test_what_is_counted_is_the_progress() -> None:
    seen = await after_reports({"current": 5, "total": 20, "unit": "files"})

    assert (seen.current, seen.total, seen.unit) == (5, 20, "files")
    assert seen.value == 0.25


async def test_a_value_that_is_given_counts_more_than_what_is_counted() -> None:
    seen = await after_reports({"value": 0.5, "current": 1, "total": 10})

    assert (seen.value, seen.current) == (0.5, 1)


async def test_what_is_counted_never_goes_back() -> None:
    seen = await after_reports({"current": 7, "total": 10}, {"current": 3})

    assert (seen.current, seen.value) == (7, 0.7)


async def test_a_total_that_grows_takes_no_progress_back() -> None:
    seen = await after_reports({"current": 5, "total": 10}, {"current": 6, "total": 60})

    assert (seen.current, seen.total, seen.value) == (6, 60, 0.5)


async def test_more_than_all_is_all() -> None:
    seen = await after_reports({"current": 12, "total": 10})

    assert (seen.current, seen.value) == (12, 1.0)


async def test_a_new_stage_counts_from_the_beginning_and_keeps_the_progress() -> None:
    seen = await after_reports(
        {"current": 8, "total": 10, "unit": "files", "stage": "read"},
        {"stage": "write", "current": 1, "total": 50},
    )

    assert (seen.stage, seen.current, seen.total, seen.unit) == ("write", 1, 50, "")
    assert seen.value == 0.8


@pytest.mark.parametrize(
    ("said", "current", "total"),
    [
        ({"current": math.nan}, None, None),
        ({"current": math.inf}, None, None),
        ({"current": -3}, 0, None),
        ({"current": -0.5}, 0.0, None),
        ({"current": "3"}, None, None),
        ({"current": True}, None, None),
        ({"current": 10**400}, None, None),
        ({"current": 1, "total": math.nan}, 1, None),
        ({"current": 1, "total": math.inf}, 1, None),
        ({"current": 1, "total": -1}, 1, None),
        ({"current": 0, "total": 0}, 0, None),
        ({"current": 1, "total": -0.0}, 1, None),
        ({"current": 1.5, "total": 3}, 1.5, 3),
    ],
)
async def test_only_finite_numbers_are_counted(
    said: Said, current: float | None, total: float | None
) -> None:
    seen = await after_reports(said)

    assert (seen.current, seen.total) == (current, total)
    assert seen.state is WorkerState.RUNNING


@pytest.mark.parametrize(
    ("name", "seen"),
    [("x" * 5000, "x" * 99 + "…"), ("half \ud83d", "half \ufffd"), (7, "7")],
)
async def test_units_and_stages_are_cut_and_can_always_be_sent(
    name: object, seen: str
) -> None:
    snapshot = await after_reports({"unit": name, "stage": name})

    assert (snapshot.unit, snapshot.stage) == (seen, seen)


async def test_a_rate_and_the_time_left_are_those_of_the_last_seconds() -> None:
    async def work(operation: Operation) -> None:
        for number in range(100):
            operation.report(current=number, total=100)
            await asyncio.sleep(0.5)

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await asyncio.sleep(0.1)
        first = await worker.ping()
        async for _ in worker.watch():
            if asyncio.get_running_loop().time() > 20:
                break
        seen = await worker.ping()

    assert (first.rate, first.eta) == (None, None)
    assert seen.rate == pytest.approx(2.0)
    assert seen.eta == pytest.approx((100 - (seen.current or 0)) / 2)


async def test_a_rate_is_known_to_who_asks_for_the_first_time() -> None:
    async def work(operation: Operation) -> None:
        for number in range(10):
            operation.report(current=5 * number, total=100)
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        await asyncio.sleep(20)
        seen = await worker.ping()

    assert (seen.rate, seen.eta) == (5, 11)


async def test_a_rate_follows_a_change_of_pace() -> None:
    slow = [{"current": number, "total": 1000} for number in range(3)]
    quick = [{"current": 2 + 10 * number} for number in range(1, 60)]

    async def work(operation: Operation) -> None:
        for report in [*slow, *quick]:
            operation.report(**report)
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        async for _ in worker.watch():
            if asyncio.get_running_loop().time() > 55:
                break

        assert worker.snapshot.rate == pytest.approx(10, rel=0.05)


async def test_what_was_done_before_the_first_report_makes_no_rate() -> None:
    seen = await after_reports({"current": 900, "total": 1000})

    assert (seen.rate, seen.eta) == (None, None)


async def test_work_that_stands_still_has_no_time_left_to_tell() -> None:
    async with ActorSystem() as system, Workers(system) as workers:

        async def stand(operation: Operation) -> None:
            for _ in range(3):
                operation.report(0.5)
                await asyncio.sleep(1)
            await asyncio.Event().wait()

        worker = await workers.start(stand)
        seen = await pinged(worker, 3)

    assert (seen.rate, seen.eta) == (0.0, None)


async def test_without_counts_the_rate_is_that_of_the_progress() -> None:
    async def work(operation: Operation) -> None:
        for number in range(1, 5):
            operation.report(number / 10)
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        seen = await pinged(worker, 4)

    assert seen.rate == pytest.approx(0.1)
    assert seen.eta == pytest.approx(6)


async def test_an_empty_report_is_a_sign_of_life() -> None:
    async def live(operation: Operation) -> None:
        await asyncio.sleep(3)
        operation.report()
        await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(live)
        before = await worker.ping()
        await asyncio.sleep(5)
        after = await worker.ping()

    assert before.heartbeat_at is None
    assert (after.heartbeat_at, after.value, after.text) == (3, None, "")
    assert after.revision > before.revision


def test_a_thread_may_report_to_workers_on_any_clock() -> None:
    def work(operation: Operation) -> None:
        operation.report(0.5)

    async def main() -> WorkerSnapshot:
        async with ActorSystem() as system, Workers(system) as workers:
            return await (await workers.start(work)).finished()

    in_virtual_time, in_real_time = VirtualClock().run(main), asyncio.run(main())

    assert in_virtual_time.heartbeat_at == 0
    assert in_real_time.heartbeat_at is not None
    assert in_real_time.heartbeat_at >= in_real_time.created_at


async def test_an_end_says_until_when_it_is_known() -> None:
    async with ActorSystem() as system, Workers(system, ttl=60) as workers:
        worker = await workers.start(endless)
        before = worker.snapshot.expires_at
        await asyncio.sleep(2)
        await worker.stop()
        final = await worker.finished()

    assert before is None
    assert final.expires_at == 62


async def test_who_can_be_stopped_is_cancellable_until_it_is_asked() -> None:
    never = threading.Event()

    def deaf_thread() -> None:
        never.wait()

    async with ActorSystem() as system, Workers(system, grace=0.1) as workers:
        coroutine = await workers.start(endless)
        thread = await workers.start(deaf_thread)
        before = [coroutine.snapshot.cancellable, thread.snapshot.cancellable]
        await coroutine.stop()
        after = coroutine.snapshot.cancellable
        never.set()

    assert before == [True, False]
    assert not after


async def test_who_asks_is_told_to_come_again_later_the_longer_it_takes() -> None:
    async def work(operation: Operation) -> None:
        while True:
            operation.report()
            await asyncio.sleep(10)

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(work)
        pauses = [(await worker.ping()).poll_after]
        for seconds in (25, 600):
            await asyncio.sleep(seconds)
            pauses.append((await worker.ping()).poll_after)

    assert pauses == [0.5, 1.0, 5.0]


async def test_a_failure_knows_where_it_was_raised() -> None:
    async def broken() -> None:
        raise LookupError("no such table" + "x" * 20_000)

    async with ActorSystem() as system, Workers(system) as workers:
        final = await (await workers.start(broken)).finished()

    assert final.error is not None
    assert len(final.error.traceback) == 8000
    assert final.error.traceback.encode()
    assert "traceback" not in repr(final.error)


async def test_a_report_after_the_end_changes_nothing() -> None:
    operations: list[Operation] = []

    async def lend(operation: Operation) -> None:
        operation.report(current=1, total=4)
        operations.append(operation)

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(lend)
        final = await worker.finished()
        operations[0].report(0.9, "late", current=3, total=4, unit="u", stage="s")

        assert await worker.ping() == final
        assert (final.current, final.text, final.stage) == (1, "", "")


async def test_the_first_moments_do_not_spoil_the_pace() -> None:
    async def fly(operation: Operation) -> None:
        operation.report(0.0)
        await asyncio.sleep(0.01)
        operation.report(0.0)
        for step in range(1, 21):
            await asyncio.sleep(1)
            operation.report(step / 20)

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(fly)
        await worker.ping()
        await asyncio.sleep(0.02)
        seen = await pinged(worker, 4)

    assert seen.rate == pytest.approx(0.05, rel=0.02)
    assert seen.eta == pytest.approx((1 - (seen.value or 0)) / 0.05, rel=0.02)
