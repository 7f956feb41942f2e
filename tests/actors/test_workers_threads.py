"""Bodies in threads: real threads, real time, events instead of sleeps."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from duologue.actors import (
    ActorSystem,
    AsyncOperationResult,
    Counts,
    IBackgroundWorker,
    Operation,
    Worker,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.errors import BlockingCallError, WorkerBodyTakenError

pytestmark = pytest.mark.real_time

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")

# Seconds for what must not happen on a machine that is busy.
LONG = 50.0


async def until(
    worker: Worker, is_so: Callable[[WorkerSnapshot], bool]
) -> WorkerSnapshot:
    """The first snapshot of which it is so."""
    async for snapshot in worker.watch():
        if is_so(snapshot):
            return snapshot
    raise AssertionError(worker.snapshot)


class Held:
    """Runs until it is let go, whatever it is told."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.has_ended = threading.Event()

    def run(self, operation: Operation) -> str:
        operation.report(0.5, "half")
        self.let_go.wait()
        operation.report(0.9, "too late?")
        self.has_ended.set()
        return "ended"


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with ActorSystem() as system, Workers(system, ping_timeout=LONG) as made:
        yield made


async def test_a_function_runs_in_a_daemon_thread_of_its_own(workers: Workers) -> None:
    def look() -> tuple[str, bool, int]:
        thread = threading.current_thread()
        return thread.name, thread.daemon, threading.get_ident()

    worker = await workers.start(look, id="abc")
    final = await worker.finished()

    assert isinstance(final.result, tuple)
    name, is_daemon, ident = final.result
    assert name == "worker abc (look)"
    assert is_daemon
    assert ident != threading.get_ident()


async def test_context_variables_of_the_starter_do_not_leak_into_a_thread(
    workers: Workers,
) -> None:
    caller.set("alice")

    worker = await workers.start(lambda: caller.get())  # noqa: PLW0108 - a function of ours

    assert (await worker.finished()).result == "nobody"


async def test_reports_of_a_thread_arrive_in_order_and_all_before_the_end(
    workers: Workers,
) -> None:
    def count(operation: Operation) -> None:
        for number in operation.track(range(2000)):
            operation.report(text=str(number))

    worker = await workers.start(count)
    seen = [snapshot async for snapshot in worker.watch()]

    numbers = [int(snapshot.text) for snapshot in seen if snapshot.text]
    assert numbers == sorted(numbers)
    assert seen[-1].text == "1999"
    assert seen[-1].state is WorkerState.SUCCEEDED


async def test_many_threads_report_side_by_side(workers: Workers) -> None:
    def work(operation: Operation) -> str:
        for number in range(50):
            operation.report(number / 50, f"{threading.current_thread().name} {number}")
        return threading.current_thread().name

    started = [await workers.start(work) for _ in range(50)]
    finals = [await worker.finished() for worker in started]

    assert [final.text for final in finals] == [f"{f.result} 49" for f in finals]


async def test_a_ping_answers_while_the_body_never_returns(workers: Workers) -> None:
    body = Held()
    worker = await workers.start(body)
    await until(worker, lambda snapshot: snapshot.value is not None)

    snapshot = await worker.ping()
    body.let_go.set()

    assert (snapshot.state, snapshot.text) == (WorkerState.RUNNING, "half")


async def test_a_thread_that_ignores_a_stop_is_lost_and_cannot_speak_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    counts = Counts()
    body = Held()
    async with (
        ActorSystem() as system,
        Workers(system, grace=0.01, observer=counts) as workers,
    ):
        worker = await workers.start(body)
        await until(worker, lambda snapshot: snapshot.value is not None)
        await worker.stop("enough")
        final = await worker.finished()
        with pytest.raises(WorkerBodyTakenError):
            await workers.start(body)

        body.let_go.set()
        await asyncio.to_thread(body.has_ended.wait)
        again = await started_as_soon_as_it_is_free(workers, body)

        assert (final.state, final.reason) == (WorkerState.LOST, "enough")
        assert (final.value, final.text) == (0.5, "half")
        assert worker.snapshot is await worker.ping() is final
        assert (await again.finished()).state is WorkerState.SUCCEEDED
    assert counts.of("workers", "lost") == 1
    assert "(enough) and is left behind" in caplog.text
    assert "left behind earlier, has ended" in caplog.text


async def started_as_soon_as_it_is_free(workers: Workers, body: object) -> Worker:
    while True:
        try:
            return await workers.start(body)
        except WorkerBodyTakenError:
            await asyncio.sleep(0)


async def test_a_thread_that_never_ends_does_not_keep_the_program_from_ending() -> None:
    code = """
import asyncio, threading
from duologue.actors import ActorSystem, Workers

async def main():
    async with ActorSystem() as system, Workers(system, grace=0.01) as workers:
        await workers.start(threading.Event().wait)

asyncio.run(main())
print("ended")
"""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    out, log = await program.communicate()

    assert (program.returncode, out) == (0, b"ended\n")
    assert b"ignores that it is to stop" in log


async def test_a_stop_before_run_is_honoured_in_a_thread(workers: Workers) -> None:
    class Careful:
        def __init__(self) -> None:
            self.begun = threading.Event()
            self.runs = 0

        def start(self) -> None:
            self.begun.wait()

        def run(self) -> None:
            self.runs += 1

    body = Careful()
    starting = asyncio.ensure_future(workers.start(body, id="one"))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    await workers.get("one").stop("no")
    body.begun.set()
    worker = await starting

    final = await worker.finished()

    assert (final.state, final.reason) == (WorkerState.CANCELLED, "no")
    assert body.runs == 0


async def test_a_start_that_hangs_can_be_stopped_and_is_lost() -> None:
    class Stuck:
        def __init__(self) -> None:
            self.let_go = threading.Event()

        def start(self) -> None:
            self.let_go.wait()

        def run(self) -> None:
            raise AssertionError

    body = Stuck()
    async with (
        ActorSystem() as system,
        Workers(system, grace=0.01, ping_timeout=0.01) as workers,
    ):
        worker = await workers.start(body)
        pending = await worker.ping()
        await worker.stop()
        final = await worker.finished()

        body.let_go.set()
        again = await started_as_soon_as_it_is_free(workers, body)

        assert pending.state is WorkerState.PENDING
        assert final.state is WorkerState.LOST
        assert (await again.finished()).state is WorkerState.FAILED


async def test_methods_of_the_body_are_called_off_the_loop(workers: Workers) -> None:
    class Nosy:
        def __init__(self) -> None:
            self.threads: dict[str, int] = {}
            self.has_begun = threading.Event()
            self.is_over = threading.Event()

        def start(self) -> AsyncOperationResult:
            self.threads["start"] = threading.get_ident()
            return AsyncOperationResult(text="started")

        def run(self) -> None:
            self.threads["run"] = threading.get_ident()
            self.has_begun.set()
            self.is_over.wait()

        def ping(self) -> AsyncOperationResult:
            self.threads["ping"] = threading.get_ident()
            return AsyncOperationResult(0.4, "pinged")

        def stop(self) -> AsyncOperationResult:
            self.threads["stop"] = threading.get_ident()
            self.is_over.set()
            return AsyncOperationResult(text="stopped")

    body = Nosy()
    worker = await workers.start(body)
    await asyncio.to_thread(body.has_begun.wait)
    texts = [worker.snapshot.text, (await worker.ping()).text]
    texts.append((await worker.stop()).text)
    final = await worker.finished()

    assert texts == ["started", "pinged", "stopped"]
    assert (final.state, final.text) == (WorkerState.CANCELLED, "stopped")
    assert set(body.threads) == {"start", "run", "ping", "stop"}
    assert threading.get_ident() not in body.threads.values()


async def test_a_ping_that_hangs_in_a_thread_is_called_once() -> None:
    class Hanging:
        def __init__(self) -> None:
            self.pings = 0
            self.is_asked = threading.Event()
            self.let_go = threading.Event()

        def run(self, operation: Operation) -> None:
            operation.report(0.1, "the last report")
            operation.wait_for_stop()

        def ping(self) -> None:
            self.pings += 1
            self.is_asked.set()
            self.let_go.wait()

    body = Hanging()
    async with ActorSystem() as system, Workers(system, ping_timeout=0.02) as workers:
        worker = await workers.start(body)
        await until(worker, lambda snapshot: snapshot.value is not None)

        answers = [await worker.ping()]
        await asyncio.to_thread(body.is_asked.wait)
        answers += [await worker.ping() for _ in range(4)]
        await worker.stop()
        final = await worker.finished()
        body.let_go.set()

        assert {answer.text for answer in answers} == {"the last report"}
        assert body.pings == 1
        assert final.state is WorkerState.CANCELLED


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_a_body_in_a_thread_cannot_end_the_program(
    workers: Workers, error: BaseException
) -> None:
    def leave() -> None:
        raise error

    final = await (await workers.start(leave)).finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert final.error.type == type(error).__name__


async def test_a_cancellation_raised_in_a_thread_is_a_cancellation(
    workers: Workers,
) -> None:
    def give_up() -> None:
        raise asyncio.CancelledError

    final = await (await workers.start(give_up)).finished()

    assert final.state is WorkerState.CANCELLED


@pytest.mark.parametrize("kind", ["coroutine", "generator"])
async def test_a_function_that_only_makes_its_work_has_failed(
    workers: Workers, kind: str
) -> None:
    async def work() -> None: ...

    made: dict[str, Callable[[], object]] = {
        "coroutine": lambda: work(),  # noqa: PLW0108 - what authors write
        "generator": lambda: (number for number in range(3)),
    }

    final = await (await workers.start(made[kind])).finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert final.error.type == "WorkerBodyError"
    assert "did no work" in final.error.message


async def test_megabytes_on_the_standard_output_do_not_disturb_pings(
    workers: Workers,
) -> None:
    body = Held()

    def shout(operation: Operation) -> None:
        for _ in range(50):
            sys.stdout.write("x" * 100_000 + "\n")
        body.run(operation)

    worker = await workers.start(shout)
    answers = [await worker.ping() for _ in range(100)]
    await until(worker, lambda snapshot: snapshot.text == "half")
    body.let_go.set()
    final = await worker.finished()

    assert {answer.state for answer in answers} == {WorkerState.RUNNING}
    assert final.text == "too late?"
    assert final.state is WorkerState.SUCCEEDED


async def test_waiting_for_a_stop_tells_whether_it_came(workers: Workers) -> None:
    def patient(operation: Operation) -> tuple[bool, bool, str]:
        early = operation.wait_for_stop(0)
        operation.report(text="waiting")
        return early, operation.wait_for_stop(), operation.stop_reason

    worker = await workers.start(patient)
    await until(worker, lambda snapshot: snapshot.text == "waiting")
    await worker.stop("lunch")
    final = await worker.finished()

    assert final.result == (False, True, "lunch")
    assert final.state is WorkerState.CANCELLED


async def test_waiting_for_a_stop_on_the_loop_is_refused(workers: Workers) -> None:
    async def confused(operation: Operation) -> None:
        operation.wait_for_stop()

    final = await (await workers.start(confused)).finished()

    assert final.error is not None
    assert final.error.type == BlockingCallError.__name__


async def test_only_run_must_be_written_for_a_body_of_the_m3_kind(
    workers: Workers,
) -> None:
    class Patient(IBackgroundWorker):
        def __init__(self) -> None:
            self.has_begun = threading.Event()
            self.turns = threading.Semaphore(1)

        def run(self) -> str:
            self.has_begun.set()
            while self.is_active():
                self.turns.acquire()
            return "asked to stop"

    body = Patient()
    worker = await workers.start(body)
    await asyncio.to_thread(body.has_begun.wait)
    running = await worker.ping()
    await worker.stop()
    body.turns.release()
    final = await worker.finished()

    assert (running.state, running.value) == (WorkerState.RUNNING, None)
    assert (final.state, final.result) == (WorkerState.CANCELLED, "asked to stop")


async def test_what_the_base_class_says_by_itself_is_nothing_new() -> None:
    class Idle(IBackgroundWorker):
        def run(self) -> None: ...

    body = Idle()

    assert body.start() == AsyncOperationResult(0.0, "", is_active=True)
    assert body.ping() is None
    assert body.is_active()


async def test_errands_are_done_by_threads_that_are_used_again(
    workers: Workers,
) -> None:
    class Chatty:
        def __init__(self) -> None:
            self.threads: set[int] = set()

        def run(self, operation: Operation) -> None:
            operation.wait_for_stop()

        def ping(self) -> AsyncOperationResult:
            self.threads.add(threading.get_ident())
            return AsyncOperationResult()

    body = Chatty()
    worker = await workers.start(body)
    for _ in range(50):
        await worker.ping()
    await worker.stop()
    await worker.finished()

    assert len(body.threads) < 10


async def test_closing_the_system_before_the_workers_leaves_threads_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = Held()
    async with ActorSystem() as system:
        worker = await Workers(system).start(body)
        await until(worker, lambda snapshot: snapshot.value is not None)
    body.let_go.set()

    assert worker.snapshot.state is WorkerState.LOST
    assert "the actor system was closed" in caplog.text


async def test_closing_the_system_before_the_workers_tells_a_thread_all_the_same() -> (
    None
):
    class Told(Held):
        def stop(self) -> None:
            self.let_go.set()

    body = Told()
    async with ActorSystem() as system:
        worker = await Workers(system).start(body)
        await until(worker, lambda snapshot: snapshot.value is not None)

    assert await asyncio.to_thread(body.has_ended.wait, LONG)
    assert worker.snapshot.reason == "the actor system was closed"


async def test_the_log_does_not_make_up_a_reason_for_a_lost_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = Held()
    async with ActorSystem() as system, Workers(system, grace=0) as workers:
        worker = await workers.start(body)
        await worker.stop()
        await worker.finished()
    body.let_go.set()

    assert "no reason was given" in caplog.text


@pytest.fixture
def _no_thread_left() -> Iterator[None]:
    """Nobody can start a thread: each would need a stack larger than the memory."""
    usual = threading.stack_size(1 << 50)
    yield
    threading.stack_size(usual)


@pytest.mark.usefixtures("_no_thread_left")
async def test_a_body_for_which_there_is_no_thread_has_failed(workers: Workers) -> None:
    class Ready:
        def start(self) -> None: ...

        async def run(self) -> None: ...

    finals = [
        await (await workers.start(body)).finished() for body in (lambda: None, Ready)
    ]

    assert [final.state for final in finals] == [WorkerState.FAILED] * 2
    for final in finals:
        assert final.error is not None
        assert final.error.message == "can't start new thread"
