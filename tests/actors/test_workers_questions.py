"""A body asks for something while it runs, and counts anew."""

from __future__ import annotations

import asyncio

import pytest
from pykka import Timeout

from duologue.actors import (
    ActorSystem,
    Operation,
    Worker,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors.testing import settled


async def asking(worker: Worker) -> WorkerSnapshot:
    """What is known of a worker when it asks for something."""
    async for snapshot in worker.watch():
        if snapshot.state is WorkerState.INPUT_REQUIRED:
            return snapshot
    raise AssertionError(worker.snapshot)


async def test_a_body_asks_and_goes_on_with_the_answer() -> None:
    async def report(operation: Operation) -> str:
        operation.report(0.5, "half")
        month = await operation.ask("Which month?")
        operation.report(0.6)
        return f"for {month}"

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(report)
        seen = await asking(worker)
        assert worker.answer("May")
        after = worker.snapshot
        final = await worker.finished()

    assert (seen.question, seen.text, seen.value) == ("Which month?", "half", 0.5)
    assert seen.is_active
    assert (after.state, after.question) == (WorkerState.RUNNING, "")
    assert after.revision > seen.revision
    assert (final.state, final.result) == (WorkerState.SUCCEEDED, "for May")
    assert not worker.answer("June")  # nobody asks any more


async def test_an_answer_that_nobody_has_asked_for_is_none() -> None:
    async def wait(operation: Operation) -> None:
        await operation.stopping()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(wait)

        assert not worker.answer("May")


async def test_questions_are_answered_one_after_the_other() -> None:
    async def both(operation: Operation) -> list[object]:
        return list(
            await asyncio.gather(operation.ask("first?"), operation.ask("second?"))
        )

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(both)
        first = await asking(worker)
        worker.answer(1)
        second = worker.snapshot
        worker.answer(2)
        final = await worker.finished()

    assert (first.question, second.question) == ("first?", "second?")
    assert second.state is WorkerState.INPUT_REQUIRED
    assert final.result == [1, 2]


async def test_a_stop_ends_the_wait_for_an_answer() -> None:
    async def ask(operation: Operation) -> object:
        return await operation.ask("Which month?")

    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(ask)
        await asking(worker)
        begun = asyncio.get_running_loop().time()
        stopped = await worker.stop("no more")
        final = await worker.finished()
        taken = asyncio.get_running_loop().time() - begun

    assert (stopped.state, stopped.question) == (WorkerState.CANCELLING, "")
    assert (final.state, final.question) == (WorkerState.CANCELLED, "")
    assert taken < 1


async def test_who_asks_after_the_stop_gets_no_answer() -> None:
    async def ask(operation: Operation) -> object:
        await operation.stopping()
        return await operation.ask("Which month?")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask)
        await worker.stop()

        assert (await worker.finished()).state is WorkerState.CANCELLED


async def test_who_waits_for_an_answer_is_not_silent() -> None:
    async def ask(operation: Operation) -> object:
        return await operation.ask("Which month?")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask, heartbeat=1)
        await asyncio.sleep(60)
        assert worker.snapshot.state is WorkerState.INPUT_REQUIRED
        worker.answer("May")

        assert (await worker.finished()).result == "May"


async def test_a_question_that_nobody_waits_for_any_more_is_withdrawn() -> None:
    async def ask(operation: Operation) -> None:
        try:
            async with asyncio.timeout(10):
                await operation.ask("Which month?")
        except TimeoutError:
            await operation.stopping()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask)
        await asking(worker)
        await asyncio.sleep(11)

        assert worker.snapshot.state is WorkerState.RUNNING
        assert not worker.answer("May")


async def test_a_question_that_is_left_open_ends_with_its_worker() -> None:
    given_up = asyncio.Event()

    async def alone(operation: Operation) -> None:
        try:
            await operation.ask("Which month?")
        except asyncio.CancelledError:
            given_up.set()

    left: list[asyncio.Task[None]] = []

    async def ask(operation: Operation) -> None:
        left.append(asyncio.get_running_loop().create_task(alone(operation)))
        await asyncio.sleep(1)
        raise ValueError("no month")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask, retries=1, backoff=1)
        final = await worker.finished()
        await settled()

    assert (final.state, final.attempt) == (WorkerState.FAILED, 2)
    assert given_up.is_set()


@pytest.mark.real_time
async def test_a_thread_asks_too() -> None:
    def ask(operation: Operation) -> list[object]:
        try:
            operation.ask_in_thread("Nobody?", timeout=0.01)
        except Timeout:
            return [operation.ask_in_thread("Which month?")]
        return []

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask)
        async for snapshot in worker.watch():
            if snapshot.question == "Which month?":
                worker.answer("May")

        assert worker.snapshot.result == ["May"]


@pytest.mark.real_time
async def test_a_thread_that_asks_can_be_stopped() -> None:
    def ask(operation: Operation) -> object:
        return operation.ask_in_thread("Which month?")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ask)
        await asking(worker)
        await worker.stop()

        assert (await worker.finished()).state is WorkerState.CANCELLED


async def test_only_a_reset_lets_the_progress_go_back() -> None:
    async def count(operation: Operation) -> None:
        operation.part("old").report(0.5)
        operation.report(0.9, "almost", current=9, total=10, unit="files")
        await asyncio.sleep(1)
        operation.report(0.1, "again")
        await asyncio.sleep(1)
        operation.reset()
        operation.report(0.1)
        await operation.stopping()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(count)
        await asyncio.sleep(1.5)
        before = await worker.ping()
        await asyncio.sleep(1)
        after = await worker.ping()

    assert (before.value, before.text) == (0.9, "again")
    assert (after.value, after.text) == (0.1, "again")
    assert (after.current, after.total, after.children) == (None, None, ())
    assert after.attempt == 1
    assert after.revision > before.revision
