"""A background worker runs, reports, is asked and stopped, and ends in one way."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import sys
import weakref
from collections.abc import Coroutine, Generator

import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncOperationResult,
    Counts,
    Operation,
    Workers,
    WorkerState,
)
from duologue.actors.testing import settled
from tests.actors.conftest import deaf, endless

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


def now() -> float:
    return asyncio.get_running_loop().time()


async def ten_steps(operation: Operation) -> str:
    """Takes ten seconds; looks after each whether it is to stop."""
    for number in operation.track(range(10)):
        operation.report(text=f"step {number}")
        await asyncio.sleep(1)
    return "done"


async def stubborn() -> None:
    """Cannot even be cancelled."""
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            continue


async def test_a_worker_reports_until_it_has_succeeded() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps)

        seen = [snapshot async for snapshot in worker.watch()]

    values = [snapshot.value for snapshot in seen if snapshot.value is not None]
    assert {0.1, 0.5, 0.9} <= set(values)
    assert seen[-1].state is WorkerState.SUCCEEDED
    assert (seen[-1].value, seen[-1].text, seen[-1].result) == (1.0, "step 9", "done")
    assert not seen[-1].is_active


async def test_a_snapshot_tells_when_things_happened() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        await asyncio.sleep(5)

        worker = await workers.start(ten_steps)
        await asyncio.sleep(2.5)
        half = await worker.ping()
        final = await worker.finished()

    assert (half.created_at, half.started_at) == (5, 5)
    assert (half.updated_at, half.finished_at) == (7, None)
    assert (final.started_at, final.finished_at) == (5, 15)


async def test_a_ping_before_the_first_report_says_that_it_runs() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless)

        snapshot = await worker.ping()

        assert snapshot.state is WorkerState.RUNNING
        assert (snapshot.value, snapshot.text) == (None, "")
        assert worker.is_active


async def test_a_ping_sees_the_reports_that_were_made_before_it() -> None:
    operations: list[Operation] = []

    async def lend(operation: Operation) -> None:
        operations.append(operation)
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(lend)
        await settled(system)

        operations[0].report(0.25, "a quarter")
        snapshot = await worker.ping()

        assert (snapshot.value, snapshot.text) == (0.25, "a quarter")


async def test_reports_that_come_at_once_are_one_change() -> None:
    async def hasty(operation: Operation) -> None:
        for number in range(100):
            operation.report(number / 100, str(number))
        await endless()

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(hasty)
        await settled(system)

        snapshot = await worker.ping()

        assert (snapshot.value, snapshot.text) == (0.99, "99")
        assert snapshot.revision == 2  # it has begun, and has reported


async def test_a_body_that_raises_has_failed_and_never_looks_alive_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(operation: Operation) -> None:
        operation.report(0.5, "half")
        raise LookupError("no such table")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(broken)
        final = await worker.finished()

        assert final.state is WorkerState.FAILED
        assert final.error is not None
        assert (final.error.type, final.error.message) == (
            "LookupError",
            "no such table",
        )
        assert (final.value, final.text) == (0.5, "half")
        assert await worker.ping() == final
        assert not worker.is_active
    assert "in broken" in caplog.text


@pytest.mark.parametrize("error", [SystemExit("bye"), KeyboardInterrupt("stop")])
async def test_a_body_cannot_end_the_program(error: BaseException) -> None:
    async def leave() -> None:
        raise error

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(leave)

        final = await worker.finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert final.error.type == type(error).__name__


async def test_a_body_that_cancels_itself_is_cancelled() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(give_up)

        assert (await worker.finished()).state is WorkerState.CANCELLED


async def test_a_stop_before_run_is_honoured() -> None:
    class Careful:
        runs = 0

        async def start(self) -> None:
            await asyncio.sleep(3)

        async def run(self) -> None:
            self.runs += 1

    body = Careful()
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(body)
        pending = await worker.ping()

        stopping = await worker.stop("changed my mind")
        final = await worker.finished()

    assert pending.state is WorkerState.PENDING
    assert stopping.state is WorkerState.CANCELLING
    assert (final.state, final.reason) == (WorkerState.CANCELLED, "changed my mind")
    assert final.started_at is None
    assert body.runs == 0


async def test_a_stop_in_the_moment_of_the_start_is_honoured() -> None:
    runs: list[object] = []

    async def work(operation: Operation) -> None:
        runs.append(operation)

    async with ActorSystem() as system, Workers(system) as workers:
        starting = asyncio.ensure_future(workers.start(work, id="one"))  # noqa: TID251 - awaited below
        await asyncio.sleep(0)
        stopped = await workers.get("one").stop()
        await starting

        final = await workers.get("one").finished()

    assert stopped.state is WorkerState.CANCELLING
    assert final.state is WorkerState.CANCELLED
    assert runs == []


async def test_a_coroutine_that_cannot_hear_of_a_stop_is_cancelled_at_once() -> None:
    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(endless)

        await worker.stop()
        final = await worker.finished()

        assert final.state is WorkerState.CANCELLED
        assert now() == 0


async def test_a_coroutine_with_an_operation_may_clean_up_within_the_grace() -> None:
    async def careful(operation: Operation) -> str:
        reason = await operation.stopping()
        await asyncio.sleep(3)
        return f"tidied up: {reason}, {operation.stop_reason}"

    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(careful)

        await worker.stop("lunch")
        final = await worker.finished()

        assert final.state is WorkerState.CANCELLED
        assert final.result == "tidied up: lunch, lunch"
        assert now() == 3


async def test_a_coroutine_that_does_not_listen_is_cancelled_after_the_grace() -> None:
    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(deaf)

        accepted = await worker.stop()
        final = await worker.finished()

        assert accepted.state is WorkerState.CANCELLING
        assert accepted.is_active
        assert final.state is WorkerState.CANCELLED
        assert now() == 5


async def test_a_coroutine_that_ignores_its_cancellation_is_lost_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = Counts()
    release = asyncio.Event()

    async def hold(operation: Operation) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        operation.report(1.0, "too late")

    async with (
        ActorSystem() as system,
        Workers(system, grace=5, observer=counts) as workers,
    ):
        worker = await workers.start(hold)
        await worker.stop("enough")
        final = await worker.finished()
        lost_at = now()

        release.set()
        await asyncio.sleep(1)

        assert final.state is WorkerState.LOST
        assert lost_at == 10
        assert worker.snapshot == await worker.ping() == final
    assert counts.of("workers", "lost") == counts.of("workers") == 1
    assert "(enough) and is left behind" in caplog.text


async def test_a_worker_that_takes_too_long_is_timed_out() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless, timeout=30)

        final = await worker.finished()

        assert final.state is WorkerState.TIMED_OUT
        assert final.reason == "it took longer than 30 s"
        assert now() == 30


async def test_a_worker_that_ends_in_time_is_not_timed_out() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps, timeout=11)

        await asyncio.sleep(20)

        assert worker.snapshot.state is WorkerState.SUCCEEDED


async def test_a_body_that_fails_while_it_stops_has_failed() -> None:
    async def clumsy(operation: Operation) -> None:
        await operation.stopping()
        raise OSError("cannot close the file")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(clumsy)
        await worker.stop("enough")

        final = await worker.finished()

    assert (final.state, final.reason) == (WorkerState.FAILED, "enough")


async def test_who_asks_first_gives_the_reason() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(deaf)

        await worker.stop("first")
        await worker.stop("second")
        final = await worker.finished()
        after = await worker.stop("third")

    assert final.reason == "first"
    assert after == final


async def test_tracking_ends_early_when_a_stop_is_requested() -> None:
    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(ten_steps)
        await asyncio.sleep(2.5)

        await worker.stop()
        final = await worker.finished()

        assert final.state is WorkerState.CANCELLED
        assert (final.value, final.text) == (0.2, "step 2")
        assert now() == 3


async def test_tracking_without_a_length_leaves_the_progress_unknown() -> None:
    async def count(operation: Operation) -> int:
        done = sum(1 for _ in operation.track(iter(range(7))))
        await asyncio.sleep(1)
        return done

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(count)
        await settled(system)

        snapshot = await worker.ping()
        final = await worker.finished()

    assert snapshot.value is None
    assert final.result == 7


async def test_the_words_of_start_and_stop_are_shown() -> None:
    class Launch:
        async def start(self) -> AsyncOperationResult:
            return AsyncOperationResult(text="off we go")

        async def run(self) -> None:
            await asyncio.sleep(100)

        async def stop(self) -> AsyncOperationResult:
            return AsyncOperationResult(value=0.3, text="called off")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Launch)
        begun = worker.snapshot
        stopping = await worker.stop()

        final = await worker.finished()

    assert (begun.value, begun.text) == (0.0, "off we go")
    assert (stopping.value, stopping.text) == (0.3, "called off")
    assert (final.state, final.text) == (WorkerState.CANCELLED, "called off")
    assert final.kind == "Launch"


async def test_a_body_whose_start_raises_has_failed_and_does_not_run() -> None:
    class Unready:
        runs = 0

        async def start(self) -> None:
            raise PermissionError("the pad is locked")

        async def run(self) -> None:
            self.runs += 1

    body = Unready()
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(body)

        final = await worker.finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert final.error.type == "PermissionError"
    assert body.runs == 0


async def test_a_ping_of_the_body_is_never_called_twice_at_once_and_has_a_deadline() -> (
    None
):
    class Slow:
        pings = 0
        at_once = 0

        async def run(self, operation: Operation) -> None:
            operation.report(0.1, "the last report")
            await asyncio.sleep(60)

        async def ping(self) -> AsyncOperationResult:
            self.pings += 1
            self.at_once += 1
            await asyncio.sleep(10)
            self.at_once -= 1
            return AsyncOperationResult(0.2, f"ping {self.pings}")

    body = Slow()
    async with ActorSystem() as system, Workers(system, ping_timeout=0.5) as workers:
        worker = await workers.start(body)
        pings = [worker.ping() for _ in range(10)]
        answers = await asyncio.gather(*pings)
        answered_at = now()
        at_once = await worker.ping()

        assert {answer.text for answer in answers} == {"the last report"}
        assert answered_at == 0.5
        assert (at_once.text, now()) == ("the last report", 0.5)
        assert (body.pings, body.at_once) == (1, 1)

        await asyncio.sleep(15)
        assert worker.snapshot.text == "ping 1"


async def test_a_ping_that_raises_leaves_the_last_report(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Mute:
        async def run(self, operation: Operation) -> None:
            operation.report(0.1, "the last report")
            await asyncio.sleep(60)

        async def ping(self) -> AsyncOperationResult:
            raise AttributeError("_time_elapsed")

    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(Mute)
        snapshot = await worker.ping()

        assert snapshot.text == "the last report"
        assert snapshot.state is WorkerState.RUNNING
    assert "a method of worker" in caplog.text


async def test_after_the_end_a_body_is_asked_once_for_its_last_words() -> None:
    class Rocket:
        pings = 0
        is_over = False

        async def run(self) -> None:
            await asyncio.sleep(10)
            self.is_over = True

        async def ping(self) -> AsyncOperationResult:
            self.pings += 1
            return AsyncOperationResult(0.5, "boom" if self.is_over else "flying")

    body = Rocket()
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(body)
        await worker.ping()
        final = await worker.finished()

        after = [await worker.ping() for _ in range(3)]

    assert (final.text, final.value) == ("boom", 1.0)
    assert after == [final] * 3
    assert body.pings == 2


async def test_last_words_that_do_not_come_do_not_keep_a_worker_from_ending() -> None:
    class Silent:
        async def run(self) -> None:
            await asyncio.sleep(10)

        async def ping(self) -> AsyncOperationResult:
            await asyncio.Event().wait()
            return AsyncOperationResult()

    async with ActorSystem() as system, Workers(system, ping_timeout=0.5) as workers:
        worker = await workers.start(Silent)
        await worker.ping()

        final = await worker.finished()

        assert final.state is WorkerState.SUCCEEDED
        assert now() == 10.5


async def test_a_slow_watcher_gets_the_newest_snapshot_and_always_the_final_one() -> (
    None
):
    seen: list[tuple[float, str]] = []
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps)

        async for snapshot in worker.watch():
            seen.append((now(), snapshot.text))
            await asyncio.sleep(4)

        assert [when for when, _ in seen] == [0, 4, 8, 12]
        assert seen[-1][1] == "step 9"
        assert [snapshot async for snapshot in worker.watch()] == [worker.snapshot]


async def test_a_watcher_that_leaves_disturbs_no_other() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps)
        staying = asyncio.ensure_future(worker.finished())  # noqa: TID251 - awaited below

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.finished(), 3)

        assert (await staying).state is WorkerState.SUCCEEDED


async def test_context_variables_of_the_starter_do_not_leak_into_the_body() -> None:
    async def whisper() -> str:
        return caller.get()

    async with ActorSystem() as system, Workers(system) as workers:
        caller.set("alice")
        worker = await workers.start(whisper)

        assert (await worker.finished()).result == "nobody"


async def test_workers_of_several_users_do_not_share_anything() -> None:
    async def say(operation: Operation, name: str) -> None:
        operation.report(text=name)
        await endless()

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        async def run(self, operation: Operation) -> None:
            await say(operation, self.name)

    async with ActorSystem() as system, Workers(system) as workers:
        first = await workers.start(Named("first"), owner="alice", key="job")
        second = await workers.start(Named("second"), owner="bob", key="job")
        await first.stop()
        await first.finished()

        assert first != second
        assert (await first.ping()).text in {"", "first"}
        assert (await second.ping()).text == "second"
        assert second.is_active


async def test_leaving_the_system_ends_workers_that_nobody_stopped() -> None:
    async with ActorSystem() as system:
        workers = Workers(system)
        worker = await workers.start(deaf)

    assert worker.snapshot.state is WorkerState.CANCELLED
    assert (await worker.ping()).state is WorkerState.CANCELLED


async def test_leaving_the_system_calls_the_stop_of_bodies_that_nobody_stopped() -> (
    None
):
    calls: list[str] = []

    class Polite:
        async def run(self) -> None:
            await asyncio.Event().wait()

        async def stop(self) -> None:
            calls.append("stop")

    async with ActorSystem() as system:
        worker = await Workers(system).start(Polite)

    assert calls == ["stop"]
    assert worker.snapshot.state is WorkerState.CANCELLED


@pytest.mark.real_time
async def test_a_handle_can_be_used_on_another_loop() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless)

        async def stop_it() -> tuple[WorkerState, WorkerState]:
            stopping = await worker.stop()
            return stopping.state, (await worker.finished()).state

        states = await asyncio.to_thread(lambda: asyncio.run(stop_it()))

    assert states == (WorkerState.CANCELLING, WorkerState.CANCELLED)


class LateWords:
    """Works for ten seconds; says something two seconds after it has been asked."""

    def __init__(self) -> None:
        self.is_over = False
        self.pings = 0
        self.at_once = 0

    async def run(self) -> str:
        await asyncio.sleep(10)
        self.is_over = True
        return "done"

    async def ping(self) -> AsyncOperationResult:
        assert self.at_once == 0
        self.at_once += 1
        self.pings += 1
        text = "boom" if self.is_over else "flying"
        await asyncio.sleep(2)
        self.at_once -= 1
        return AsyncOperationResult(text=text)


async def test_the_last_words_wait_for_the_answer_before_them() -> None:
    body = LateWords()
    async with ActorSystem() as system, Workers(system, ping_timeout=5) as workers:
        worker = await workers.start(body)
        await asyncio.sleep(9)
        early = await worker.ping()
        final = await worker.finished()

        assert early.text == "flying"
        assert (final.text, final.result) == ("boom", "done")
        assert now() == 13
        assert body.pings == 2


async def test_a_stop_or_a_ping_after_the_end_of_the_body_gets_the_final_snapshot() -> (
    None
):
    async with ActorSystem() as system, Workers(system, ping_timeout=5) as workers:
        worker = await workers.start(LateWords(), timeout=11)
        await asyncio.sleep(10.5)

        answers = await asyncio.gather(worker.ping(), worker.stop("late"))

        assert list(answers) == [worker.snapshot, worker.snapshot]
        assert worker.snapshot.state is WorkerState.SUCCEEDED
        assert (worker.snapshot.text, worker.snapshot.reason) == ("boom", "")
        assert now() == 12


async def test_words_of_a_ping_from_before_the_stop_do_not_replace_those_of_the_stop() -> (
    None
):
    class Rocket(LateWords):
        async def stop(self) -> AsyncOperationResult:
            return AsyncOperationResult(text="called off")

    async with (
        ActorSystem() as system,
        Workers(system, ping_timeout=5, grace=5) as workers,
    ):
        worker = await workers.start(Rocket)
        answers = await asyncio.gather(worker.ping(), worker.stop())
        final = await worker.finished()

    assert [answer.text for answer in answers] == ["called off", "called off"]
    assert (final.state, final.text) == (WorkerState.CANCELLED, "called off")


async def test_a_stop_that_hangs_does_not_keep_a_worker_from_ending() -> None:
    class Rude:
        async def run(self, operation: Operation) -> None:
            await operation.stopping()

        async def stop(self) -> None:
            await asyncio.Event().wait()

    async with ActorSystem() as system, Workers(system, ping_timeout=0.5) as workers:
        worker = await workers.start(Rude)
        await worker.stop()
        final = await worker.finished()

        assert final.state is WorkerState.CANCELLED
        assert now() == 0.5


async def test_a_handle_says_which_worker_it_is() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless, id="one")

        assert repr(worker) == "<Worker one endless running>"
        assert worker != "one"


async def test_an_answer_that_the_end_finds_on_its_way_gets_its_full_time() -> None:
    class Slow:
        async def run(self) -> None:
            await asyncio.sleep(3)

        async def ping(self) -> AsyncOperationResult:
            await asyncio.sleep(6)
            return AsyncOperationResult(text="last words")

    async with ActorSystem() as system, Workers(system, ping_timeout=5) as workers:
        worker = await workers.start(Slow())
        await worker.ping()
        final = await worker.finished()

    assert final.text == "last words"


async def test_a_body_is_not_asked_for_last_words_after_its_stop() -> None:
    class Rocket(LateWords):
        async def run(self, operation: Operation) -> str:  # type: ignore[override] # to hear of the stop
            await operation.stopping()
            return "stopped"

        async def stop(self) -> AsyncOperationResult:
            await asyncio.sleep(3)
            return AsyncOperationResult(text="called off")

    body = Rocket()
    async with ActorSystem() as system, Workers(system, ping_timeout=5) as workers:
        worker = await workers.start(body)
        await asyncio.gather(worker.ping(), worker.stop())
        final = await worker.finished()

    assert final.text == "called off"
    assert body.pings == 1


async def test_a_body_that_takes_its_cancellation_back_is_lost_all_the_same() -> None:
    release = asyncio.Event()

    async def hold() -> None:
        task = asyncio.current_task()
        assert task is not None
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                task.uncancel()

    async with ActorSystem() as system, Workers(system, grace=5) as workers:
        worker = await workers.start(hold)
        await worker.stop()
        final = await worker.finished()
        release.set()

        assert final.state is WorkerState.LOST
        assert now() == 5


async def test_who_waits_for_a_worker_hears_of_its_end_when_its_system_had_no_time() -> (
    None
):
    class Busy(AsyncActor):
        async def on_receive(self, message: object) -> None:
            del message
            await endless()

    async with ActorSystem(drain=1) as system:
        workers = Workers(system)
        worker = await workers.start(endless)
        # It is stopped first, as it began last, and takes all the time there is.
        system.start(Busy).tell("go on")
        waiting = asyncio.ensure_future(worker.finished())  # noqa: TID251 - awaited below

    final = await waiting

    assert final.state is WorkerState.CANCELLED
    assert await workers.stop() == []


async def test_a_function_is_kept_no_longer_than_its_workers_run() -> None:
    async with ActorSystem() as system, Workers(system) as workers:

        async def body(operation: Operation) -> None:
            await operation.stopping()

        first, second = [await workers.start(body) for _ in range(2)]
        kept = weakref.ref(body)
        del body
        await first.stop()
        assert (await second.ping()).state is WorkerState.RUNNING
        await second.stop()
        assert (await second.finished()).state is WorkerState.CANCELLED
        await settled()
        gc.collect()

        assert kept() is None


async def test_a_worker_knows_who_has_stopped_it_and_why() -> None:
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(endless)
        await worker.stop("it is late", by="alice")
        await worker.stop("too late", by="bob")
        final = await worker.finished()

    assert (final.reason, final.stopped_by) == ("it is late", "alice")


async def test_whoever_looks_at_the_task_of_a_worker_sees_the_code_of_its_body() -> (
    None
):
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps)
        await asyncio.sleep(0.5)

        [task] = [task for task in asyncio.all_tasks() if worker.id in task.get_name()]

        [frame] = task.get_stack()
        assert frame.f_code is ten_steps.__code__
        assert "ten_steps" in repr(task)


class Later:
    """Nothing that is a coroutine, but can be awaited."""

    def __await__(self) -> Generator[None, None, str]:
        yield
        return "later"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="nothing can be marked so")
async def test_a_body_may_give_anything_that_can_be_awaited() -> None:
    def run() -> Later:
        return Later()

    inspect.markcoroutinefunction(run)
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(run)

        assert (await worker.finished()).result == "later"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="nothing can be marked so")
async def test_a_body_that_raises_what_ends_a_loop_has_failed() -> None:
    def run() -> Later:
        raise StopIteration("early")

    inspect.markcoroutinefunction(run)
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(run)

        final = await worker.finished()

    assert final.error is not None
    assert (final.state, final.error.type) == (WorkerState.FAILED, "RuntimeError")


async def test_a_body_runs_in_tasks_that_are_written_in_python_too() -> None:
    def in_python(
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[object, object, object],
        **options: object,
    ) -> asyncio.Task[object]:
        python: type[asyncio.Task[object]] = vars(asyncio.tasks)["_PyTask"]
        return python(work, loop=loop, **options)  # type: ignore[arg-type]  # as it came

    asyncio.get_running_loop().set_task_factory(in_python)  # type: ignore[arg-type]  # less strict
    async with ActorSystem() as system, Workers(system) as workers:
        worker = await workers.start(ten_steps)
        other = await workers.start(ten_steps)
        [task] = [task for task in asyncio.all_tasks() if other.id in task.get_name()]
        await asyncio.sleep(0.5)

        work = task.get_coro()
        assert isinstance(work, Coroutine)
        work.close()  # as a debugger may

        assert (await worker.finished()).result == "done"
        await other.stop()
        assert (await other.finished()).state is WorkerState.FAILED
