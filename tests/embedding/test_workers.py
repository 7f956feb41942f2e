"""Background workers, started and watched from threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import Operation, WorkerSnapshot, WorkerState
from duologue.errors import (
    CallTimeoutError,
    RuntimeStoppedError,
    UnknownWorkerError,
)
from duologue.testing import RecordingBot
from duologue.threads import BlockingBgManager, ThreadedRuntime


class Drill:
    """A body on a thread of its own, which goes on when it is told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def run(self, operation: Operation) -> str:
        operation.report(0.25, "turning")
        self.go_on.wait(30)
        if operation.is_stop_requested:
            return "half a hole"
        operation.report(0.75, "nearly")
        return "a hole"

    def stop(self) -> None:
        self.go_on.set()


@pytest.fixture
def drill() -> Drill:
    return Drill()


def test_a_worker_is_started_asked_and_waited_for(
    runtime: ThreadedRuntime, drill: Drill
) -> None:
    worker = runtime.workers.start(drill, owner="Ann")
    states = [worker.ping(timeout=30).state, worker.is_active]
    drill.go_on.set()
    final = worker.finished(timeout=30)

    assert states == [WorkerState.RUNNING, True]
    assert (final.state, final.result) == (WorkerState.SUCCEEDED, "a hole")
    assert worker.snapshot == final
    assert runtime.workers.of("Ann") == [worker]
    assert runtime.workers.get(worker.id) == worker
    assert runtime.workers.by_state()[WorkerState.SUCCEEDED] == 1


def test_the_progress_of_a_worker_is_a_loop_in_a_thread(
    runtime: ThreadedRuntime, drill: Drill
) -> None:
    def see_all() -> None:
        while True:
            seen.append(watched.next(timeout=0.05))

    seen: list[WorkerSnapshot] = []
    watched = runtime.workers.start(drill).watch()
    with pytest.raises(CallTimeoutError):  # the drill waits
        see_all()
    drill.go_on.set()
    seen.extend(watched)

    assert seen[-1].state is WorkerState.SUCCEEDED
    assert [each.revision for each in seen] == sorted({each.revision for each in seen})


def test_a_worker_is_stopped_from_a_thread(
    runtime: ThreadedRuntime, drill: Drill
) -> None:
    worker = runtime.workers.start(drill, key="drill")

    worker.stop("lunch", timeout=30)
    final = worker.finished(timeout=30)

    assert (final.state, final.reason) == (WorkerState.CANCELLED, "lunch")
    assert runtime.workers.running("drill") is None


def test_a_coroutine_body_runs_on_the_loop_of_the_runtime(
    runtime: ThreadedRuntime,
) -> None:
    async def work(operation: Operation) -> str:
        operation.report(0.5)
        return threading.current_thread().name

    assert runtime.workers.start(work).finished(timeout=30).result == "duologue-runtime"


def test_a_worker_reports_to_a_dialog(
    runtime: ThreadedRuntime,
    dialog: BlockingBgManager,
    drill: Drill,
    screen: Callable[[], str],
) -> None:
    worker = runtime.workers.start(drill)
    drill.go_on.set()

    for snapshot in worker.watch():
        dialog.update({"done": snapshot.value})

    assert screen() == "data done=1.0"


def test_the_outcome_of_a_worker_is_there_after_the_block(
    dispatcher: Dispatcher, bot: RecordingBot, drill: Drill
) -> None:
    with Runtime(dispatcher, [bot], polling=None).in_thread() as runtime:
        done = runtime.workers.start(drill)
        drill.go_on.set()
        final = done.finished(timeout=30)
        cut_off = runtime.workers.start(Drill())

    assert (done.id, done.snapshot, done.is_active) == (final.id, final, False)
    assert cut_off.snapshot.state is WorkerState.CANCELLED
    with pytest.raises(RuntimeStoppedError):
        done.ping()


def test_a_worker_that_nobody_knows_is_an_error(runtime: ThreadedRuntime) -> None:
    with pytest.raises(UnknownWorkerError):
        runtime.workers.get("nobody")
