"""Bodies in processes of their own: real processes, which die, hang and shout."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from duologue.actors import ActorSystem, Operation, Worker, Workers, WorkerState
from duologue.actors.testing import settled
from duologue.errors import WorkerBodyError
from tests.actors import process_bodies as bodies
from tests.actors.conftest import endless

pytestmark = pytest.mark.real_time


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with ActorSystem() as system, Workers(system, grace=20) as made:
        yield made


async def said(worker: Worker, text: str) -> None:
    """Wait until a worker says something."""
    async for snapshot in worker.watch():
        if snapshot.text == text:
            return
    raise AssertionError(worker.snapshot)


async def test_a_process_counts_and_its_result_comes_back(workers: Workers) -> None:
    body = functools.partial(bodies.count, upto=500)

    worker = await workers.start(body, executor="process")
    final = await worker.finished()

    assert final.state is WorkerState.SUCCEEDED
    assert isinstance(final.result, dict)
    assert final.result["sum"] == sum(range(501))
    assert final.result["pid"] != os.getpid()
    assert (final.current, final.total, final.unit) == (500, 500, "rows")
    assert (final.stage, final.text, final.kind) == ("count", "row 500", "count")


async def test_a_coroutine_may_run_in_a_process(workers: Workers) -> None:
    worker = await workers.start(bodies.count_on_a_loop, executor="process")
    final = await worker.finished()

    assert (final.state, final.text) == (WorkerState.SUCCEEDED, "half")
    assert final.result != os.getpid()


async def test_parts_of_a_process_are_seen_here(workers: Workers) -> None:
    worker = await workers.start(bodies.in_parts, executor="process")
    seen = [snapshot async for snapshot in worker.watch()]

    read, write = seen[-1].children
    assert (read.name, read.weight, read.value) == ("read", 3, 1.0)
    assert (write.value, write.children[0].current) == (0.5, 1)
    assert seen[-2].value == 0.875


async def test_a_class_is_made_in_its_process(workers: Workers) -> None:
    final = await (await workers.start(bodies.Sum, executor="process")).finished()

    assert (final.result, final.kind) == (True, "Sum")


async def test_a_process_that_computes_hears_of_a_stop(workers: Workers) -> None:
    worker = await workers.start(bodies.compute, executor="process")
    await said(worker, "computing")

    await worker.stop("the disk is needed")
    final = await worker.finished()

    assert (final.state, final.result) == (WorkerState.CANCELLED, "the disk is needed")


async def test_a_body_without_ears_is_ended_at_once(workers: Workers) -> None:
    worker = await workers.start(bodies.deaf, executor="process")

    begun = time.monotonic()
    await worker.stop()
    final = await worker.finished()

    assert final.state is WorkerState.CANCELLED
    assert time.monotonic() - begun < 15


async def test_a_process_that_ignores_everything_is_killed() -> None:
    async with ActorSystem() as system, Workers(system, grace=1) as workers:
        worker = await workers.start(bodies.stubborn, executor="process")
        await said(worker, "deaf")

        await worker.stop("enough")
        final = await worker.finished()

    assert (final.state, final.reason) == (WorkerState.CANCELLED, "enough")


async def test_a_timeout_ends_a_process(workers: Workers) -> None:
    worker = await workers.start(bodies.deaf, executor="process", timeout=0.2)

    assert (await worker.finished()).state is WorkerState.TIMED_OUT


async def test_a_process_that_is_killed_is_lost_with_its_last_report(
    workers: Workers,
) -> None:
    body = functools.partial(bodies.die, number=9)
    worker = await workers.start(body, executor="process")
    final = await worker.finished()

    assert final.state is WorkerState.LOST
    assert (final.value, final.text) == (0.25, "about to die")
    assert final.error is not None
    assert final.error.type == "WorkerDiedError"
    assert "-9" in final.error.message


@pytest.mark.parametrize(
    ("body", "state", "said_so"),
    [
        (bodies.leave, WorkerState.LOST, "ended with 3"),
        (bodies.exit_politely, WorkerState.FAILED, "bye"),
        (bodies.fail, WorkerState.FAILED, "no such table"),
        (bodies.return_an_object, WorkerState.FAILED, "not JSON serializable"),
        (bodies.return_too_much, WorkerState.FAILED, "too long"),
        (bodies.return_no_number, WorkerState.FAILED, "no JSON"),
    ],
)
async def test_every_end_of_a_process_has_an_answer(
    body: Callable[[], object], state: WorkerState, said_so: str, workers: Workers
) -> None:
    final = await (await workers.start(body, executor="process")).finished()

    assert final.state is state
    assert final.error is not None
    assert said_so in final.error.message


async def test_an_error_of_a_process_is_told_as_it_was_there(workers: Workers) -> None:
    final = await (await workers.start(bodies.fail, executor="process")).finished()

    assert final.error is not None
    assert final.error.type == "LookupError"
    assert "in fail" in final.error.traceback


async def test_prints_of_a_process_disturb_nothing(workers: Workers) -> None:
    final = await (await workers.start(bodies.shout, executor="process")).finished()

    assert (final.state, final.result) == (WorkerState.SUCCEEDED, "hoarse")


@pytest.mark.parametrize(
    "line", ["rubbish", "[1]", '{"report": 7}', '{"error": []}', '{"parts": [[]]}']
)
async def test_a_process_that_tells_rubbish_has_failed(
    line: str, workers: Workers
) -> None:
    body = functools.partial(bodies.forge, line=line)
    final = await (await workers.start(body, executor="process")).finished()

    assert final.state is WorkerState.FAILED
    assert final.error is not None
    assert "cannot be read" in final.error.message


async def test_a_checkpoint_of_a_process_is_kept_here(workers: Workers) -> None:
    first = await (await workers.start(bodies.go_on, executor="process")).finished()
    second = await workers.start(bodies.keep_an_object, executor="process")

    assert first.result == [None]
    assert (await second.finished()).result == "refused"


def local() -> Callable[[], None]:
    def inside() -> None:
        pass

    return inside


def not_the_one_of_the_module() -> Callable[[], int]:
    @bodies.decorated
    def fail() -> int:
        return 0

    fail.__module__, fail.__qualname__ = bodies.__name__, "fail"
    return fail


def given(argument: object) -> object:
    return functools.partial(bodies.count, upto=cast("int", argument))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (local(), "would not find it as"),
        (lambda: None, "would not find it as"),
        (not_the_one_of_the_module(), "would not find it as"),
        (bodies.Sum(), "give its class"),
        (bodies.Rocket, "ping() would be called"),
        (bodies.count, "one: the operation"),
        (given(object()), "not JSON serializable"),
        (given((1, 2)), "as something else"),
        (given({1: 2}), "as something else"),
        (given(float("nan")), "not JSON compliant"),
    ],
)
async def test_what_no_other_process_could_run_is_refused(
    body: object, problem: str, workers: Workers
) -> None:
    with pytest.raises(WorkerBodyError) as caught:
        await workers.start(body, executor="process")

    assert problem in caught.value.problem
    assert sum(workers.by_state().values()) == 0


async def test_an_unknown_executor_is_refused(workers: Workers) -> None:
    with pytest.raises(WorkerBodyError, match="no executor 'fork'"):
        await workers.start(endless, executor="fork")  # type: ignore[arg-type]  # what is tested


async def test_a_function_that_blocks_does_not_run_on_the_loop(
    workers: Workers,
) -> None:
    with pytest.raises(WorkerBodyError, match="not async def"):
        await workers.start(bodies.leave, executor="async")


async def test_a_coroutine_may_run_in_a_thread(workers: Workers) -> None:
    async def work(operation: Operation) -> tuple[bool, str]:
        here = threading.current_thread() is threading.main_thread()
        return here, await operation.stopping()

    worker = await workers.start(work, executor="thread")
    await worker.stop("enough")

    assert (await worker.finished()).result == (False, "enough")


async def test_the_default_executors_may_be_named(workers: Workers) -> None:
    on_loop = await workers.start(endless, executor="async")
    in_thread = await workers.start(os.getpid, executor="thread")

    assert (await in_thread.finished()).result == os.getpid()
    assert on_loop.is_active


PROGRAM = """
import asyncio, os, sys, time
from duologue.actors import ActorSystem, Operation, Workers

def work(operation: Operation, ends: bool) -> str:
    operation.report(text=str(os.getpid()))
    while not ends:
        time.sleep(0.05)
    return "done"

async def main() -> None:
    import functools
    async with ActorSystem() as system, Workers(system, grace=1) as workers:
        body = functools.partial(work, ends="ends" in sys.argv)
        worker = await workers.start(body, executor="process")
        async for snapshot in worker.watch():
            if snapshot.text:
                print(snapshot.text, flush=True)
                break
        print((await worker.finished()).result, flush=True)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    return path


def test_a_function_of_the_program_itself_runs_in_a_process(program: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, program, "ends"], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "done"


def test_a_process_ends_with_the_program_that_was_killed(program: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, program], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        running.kill()

        assert _is_gone(pid)


def _is_gone(pid: int) -> bool:
    until = time.monotonic() + 50
    while time.monotonic() < until:
        try:
            status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        except FileNotFoundError:
            return True
        if status.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


async def test_a_process_asks_and_is_answered_in_json(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await workers.start(bodies.ask_twice, executor="process")
    seen = []
    async for snapshot in worker.watch():
        if snapshot.state is WorkerState.INPUT_REQUIRED:
            seen.append((snapshot.question, snapshot.value))
            worker.answer(object())  # no JSON: it is asked once more
            await settled()
            worker.answer({"month": len(seen)})

    assert worker.snapshot.result == [{"month": 1}, {"month": 2}]
    assert set(seen) == {("which month?", 0.9), ("which month?", 0.1)}
    assert "an answer cannot go to the process" in caplog.text


async def test_a_process_that_asks_can_be_stopped(workers: Workers) -> None:
    worker = await workers.start(bodies.ask_twice, executor="process")
    async for snapshot in worker.watch():
        if snapshot.question:
            await worker.stop("no more")

    assert worker.snapshot.state is WorkerState.CANCELLED
