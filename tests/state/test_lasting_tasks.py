"""Tasks on an engine that is durable: what outlives the process that runs them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import Operation, StartPolicy, WorkerState
from duologue.dialogs import DialogWorkers, MessageCreated
from duologue.errors import (
    TaskArgumentError,
    UnknownWorkerError,
    UnserialisableDataError,
    WorkerActiveError,
)
from duologue.state import AsyncState, SyncState, chain
from duologue.state._tasks import _jobs
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine

PROGRAM = """
import asyncio, sys
from duologue.actors import Operation
from duologue.dialogs import Dispatcher
from duologue.runtime import Runtime
from duologue.state import AsyncState, chain
from duologue.testing import RecordingBot

dispatcher = Dispatcher()

class Count(AsyncState, scope="bot"):
    pass

@dispatcher.task
async def first(to: int, operation: Operation, count: Count) -> int:
    for number in range(operation.resumed or 0, to):
        print("first", number, flush=True)
        await count.incr("n")
        operation.checkpoint(number + 1)
        await asyncio.sleep(0.2)
    return to

@dispatcher.task
def second(done: int) -> str:
    return f"{done} done"

async def main(path, worker_id):
    engine = "sqlite:///" + path
    async with Runtime(dispatcher, [RecordingBot()], engine=engine, polling=None) as runtime:
        if not worker_id:
            worker = await runtime.workers.start(chain(first.given(8), second))
            print("id", worker.id, flush=True)
        else:
            while not (worker := await runtime.workers.find(worker_id)).state.is_final:
                await asyncio.sleep(0.05)
            print("end", worker.attempt, worker.result, await Count.of().get("n"))
            return
        await worker.finished()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


class Mine(AsyncState, scope="user"):
    pass


class Bots(AsyncState, scope="bot"):
    pass


class Blocking(SyncState, scope="bot"):
    pass


Make = Callable[[Dispatcher], object]


class Machine:
    """A folder in which one program after the other runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self.done: list[object] = []
        self.ids: list[str] = []

    @property
    def file(self) -> Path:
        return self._folder / str(self._runs) / "state.db"

    @asynccontextmanager
    async def run(self, dispatcher: Dispatcher) -> AsyncIterator[Playground]:
        """Run a program to its orderly end."""
        engine = SqliteEngine(self.file, max_snapshot=5000)
        async with Playground(dispatcher, engine=engine, drain=0.3) as chat:
            await asyncio.sleep(0.1)
            yield chat

    async def die(self) -> None:
        """Have the next program find what a power cut would leave now."""
        await asyncio.sleep(0.1)
        before = self.file.parent
        self._runs += 1
        await asyncio.to_thread(shutil.copytree, before, self.file.parent)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def counting(machine: Machine, attempts: int = 3) -> Dispatcher:
    """A program with a task that counts to ten, and keeps how far it is."""
    dispatcher = Dispatcher()

    @dispatcher.task(attempts=attempts)
    async def count(to: int, operation: Operation, state: Bots) -> int:
        machine.done.append("begun")
        for number in range(operation.resumed or 0, to):
            await asyncio.sleep(1)
            machine.done.append(number)
            await state.incr("n")
            operation.report((number + 1) / to, f"number {number}")
            operation.checkpoint(number + 1)
        return to

    return dispatcher


async def test_a_task_goes_on_from_its_checkpoint_after_a_death(
    machine: Machine,
) -> None:
    dispatcher = counting(machine)
    async with machine.run(dispatcher) as chat:
        count = dispatcher.tasks["count"].given(4)
        worker = await chat.runtime.workers.start(count, owner="anna", key="k")
        await asyncio.sleep(2)
        await machine.die()
        worker_id = worker.id
        before = machine.done.copy()
        machine.done.clear()
    machine.done.clear()
    async with machine.run(counting(machine)) as chat:
        again = chat.runtime.workers.get(worker_id, owner="anna")
        first = again.snapshot
        final = await again.finished()

        assert await Bots.of().get("n") == 4

    assert before == ["begun", 0, 1]
    assert machine.done == ["begun", 2, 3]
    assert (first.attempt, first.value, first.text) == (2, 0.5, "number 1")
    assert (first.key, first.kind) == ("k", "count")
    assert (final.state, final.result) == (WorkerState.SUCCEEDED, 4)


async def test_a_task_begins_at_most_as_often_as_it_says(machine: Machine) -> None:
    dispatcher = counting(machine, attempts=2)
    async with machine.run(dispatcher) as chat:
        count = dispatcher.tasks["count"].given(100)
        worker_id = (await chat.runtime.workers.start(count)).id
        await machine.die()
    async with machine.run(counting(machine, attempts=2)) as chat:
        assert chat.runtime.workers.get(worker_id).is_active
        await machine.die()
    machine.done.clear()
    async with machine.run(counting(machine, attempts=2)) as chat:
        found = await chat.runtime.workers.find(worker_id)

    assert found.state is WorkerState.LOST
    assert found.reason == "its process has died in each of 2 attempts"
    assert found.attempt == 2
    assert machine.done == []


async def test_an_orderly_end_is_no_attempt(machine: Machine) -> None:
    dispatcher = counting(machine, attempts=1)
    async with machine.run(dispatcher) as chat:
        count = dispatcher.tasks["count"].given(5)
        worker_id = (await chat.runtime.workers.start(count)).id
        await asyncio.sleep(2.5)
    for _ in range(3):
        async with machine.run(counting(machine, attempts=1)) as chat:
            await asyncio.sleep(0.1)
    async with machine.run(counting(machine, attempts=1)) as chat:
        final = await chat.runtime.workers.get(worker_id).finished()

    assert (final.state, final.result, final.attempt) == ("succeeded", 5, 1)
    assert machine.done == ["begun", 0, 1, "begun", "begun", "begun", "begun", 2, 3, 4]


def in_steps(machine: Machine) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def first(add: int) -> int:
        machine.done.append("first")
        await asyncio.sleep(1)
        return 20 + add

    @dispatcher.task
    async def second(done: int, operation: Operation, times: int = 2) -> tuple[int]:
        machine.done.append((done, times, operation.resumed))
        operation.checkpoint("half")
        await asyncio.sleep(1)
        return (times * done,)

    @dispatcher.task
    def third(done: tuple[int], state: Blocking) -> int:
        state.incr("n")
        machine.done.append(done)
        return done[0] + 1

    return dispatcher


async def test_a_chain_goes_on_where_it_was(machine: Machine) -> None:
    dispatcher = in_steps(machine)
    tasks = dispatcher.tasks
    async with machine.run(dispatcher) as chat:
        steps = chain(
            tasks["first"].given(add=1), tasks["second"].given(times=3), tasks["third"]
        )
        worker = await chat.runtime.workers.start(steps)
        await asyncio.sleep(1.5)
        await machine.die()
        assert machine.done == ["first", (21, 3, None)]
    machine.done.clear()
    async with machine.run(in_steps(machine)) as chat:
        final = await chat.runtime.workers.get(worker.id).finished()

    assert machine.done == [(21, 3, "half"), (63,)]
    assert (final.kind, final.result) == ("first > second > third", 64)


async def test_a_result_is_kept_until_it_is_forgotten(machine: Machine) -> None:
    dispatcher = counting(machine)
    async with machine.run(dispatcher) as chat:
        count = dispatcher.tasks["count"].given(1)
        worker = await chat.runtime.workers.start(count, owner="anna")
        with pytest.raises(WorkerActiveError, match="has not ended"):
            await chat.runtime.workers.forget(worker.id)
        await worker.finished()
        await machine.die()
    machine.done.clear()
    async with machine.run(counting(machine)) as chat:
        workers = chat.runtime.workers
        found = await workers.find(worker.id, owner="anna")
        with pytest.raises(UnknownWorkerError):
            await workers.find(worker.id, owner="boris")
        await workers.forget(worker.id)
        with pytest.raises(UnknownWorkerError):
            await workers.find(worker.id)

    assert (found.state, found.result, found.value) == ("succeeded", 1, 1.0)
    assert machine.done == []


async def test_a_result_is_kept_until_its_time_is_over(machine: Machine) -> None:
    dispatcher = Dispatcher()

    @dispatcher.task(keep=3600)
    async def work() -> str:
        return "secret"

    async with machine.run(dispatcher) as chat:
        worker = await chat.runtime.workers.start(work)
        await asyncio.sleep(3500)
        found = await chat.runtime.workers.find(worker.id)
        assert (found.result, found.cancellable) == ("secret", False)
        assert found.finished_at is not None
        assert found.expires_at == pytest.approx(found.finished_at + 3600)
        await asyncio.sleep(200)
        with pytest.raises(UnknownWorkerError):
            await chat.runtime.workers.find(worker.id)
        assert not await chat.engine.read(f"task/work:{worker.id}")


async def test_a_stop_outlives_the_process(machine: Machine) -> None:
    def program() -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.task
        async def stubborn(operation: Operation) -> None:
            machine.done.append("begun")
            await operation.stopping()
            await asyncio.sleep(3)

        return dispatcher

    dispatcher = program()
    async with machine.run(dispatcher) as chat:
        worker = await chat.runtime.workers.start(dispatcher.tasks["stubborn"])
        await worker.stop("enough")
        await machine.die()
    machine.done.clear()
    async with machine.run(program()) as chat:
        found = await chat.runtime.workers.find(worker.id)

    assert (found.state, found.reason) == ("cancelled", "enough")
    assert machine.done == []


async def test_a_task_of_a_dialog_has_the_states_of_its_user_after_a_restart(
    machine: Machine,
) -> None:
    def program() -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.task
        async def work(mine: Mine) -> None:
            await mine.incr("n")
            await asyncio.sleep(3)

        @dispatcher.message()
        async def handle(_: MessageCreated, workers: DialogWorkers) -> None:
            await workers.start(chain(work, work))

        return dispatcher

    async with machine.run(program()) as chat:
        await chat.say(7, "go")
        await asyncio.sleep(1)
        await machine.die()
    async with machine.run(program()) as chat:
        await asyncio.sleep(1)

        assert await Mine.of(user_id=7).get("n") == 2
        assert await Mine.of(user_id=8).get("n") is None


async def test_a_start_in_a_turn_leaves_with_its_commit(machine: Machine) -> None:
    def program() -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.task
        async def work(name: str) -> str:
            machine.done.append(name)
            await asyncio.sleep(3)
            return name

        @dispatcher.message()
        async def handle(event: MessageCreated, workers: DialogWorkers) -> None:
            text = event.message.text
            policy = StartPolicy.REPLACE if text == "new" else StartPolicy.JOIN
            started = await workers.start(work.given(text), key="one", policy=policy)
            assert (await workers.ping(started)).state is WorkerState.PENDING
            machine.ids.append(started)
            if text == "bad":
                raise RuntimeError("no")

        return dispatcher

    async with machine.run(program()) as chat:
        workers = chat.runtime.workers
        await chat.say(7, "bad")
        await chat.settled()
        assert [str(error) for error in chat.take_errors()] == ["no"]
        await chat.say(7, "go")
        await chat.settled()
        await chat.say(7, "new")
        await asyncio.sleep(1)
        bad, first, second = machine.ids

        assert machine.done == ["go", "new"]
        assert (await workers.find(first)).state is WorkerState.CANCELLED
        assert workers.get(second).snapshot.key == "one"
        with pytest.raises(UnknownWorkerError):
            await workers.find(bad)
        await machine.die()
    machine.done.clear()
    async with machine.run(program()) as chat:
        final = await chat.runtime.workers.get(second).finished()

    assert machine.done == ["new"]
    assert final.result == "new"


async def test_all_tasks_of_a_process_that_has_died_go_on_side_by_side(
    machine: Machine,
) -> None:
    dispatcher = counting(machine)
    async with machine.run(dispatcher) as chat:
        count = dispatcher.tasks["count"].given(1000)
        ids = [(await chat.runtime.workers.start(count)).id for _ in range(3)]
        await machine.die()
    async with machine.run(counting(machine)) as chat:
        await asyncio.sleep(1)
        active = [chat.runtime.workers.get(worker_id).is_active for worker_id in ids]

    assert active == [True, True, True]


async def test_what_a_start_says_of_the_run_holds_for_each_attempt(
    machine: Machine,
) -> None:
    def program() -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.task
        async def fragile(operation: Operation) -> None:
            machine.done.append(operation.resumed)
            operation.checkpoint(len(machine.done))
            await asyncio.sleep(1)
            raise ConnectionError("no line")

        @dispatcher.task
        async def silent() -> None:
            await asyncio.sleep(1000)

        @dispatcher.message()
        async def handle(event: MessageCreated, workers: DialogWorkers) -> None:
            task = dispatcher.tasks[event.message.text]
            started = await workers.start(task, heartbeat=30, retries=1, backoff=5)
            machine.ids.append(started)

        return dispatcher

    async with machine.run(program()) as chat:
        await chat.say(7, "fragile")
        await chat.say(7, "silent")
        await asyncio.sleep(2)
        fragile, silent = map(chat.runtime.workers.get, machine.ids)
        waiting = fragile.snapshot
        await machine.die()
        ends = [(await worker.finished()).state for worker in (fragile, silent)]
    first, before = ends, machine.done.copy()
    machine.done.clear()
    async with machine.run(program()) as chat:
        fragile, silent = map(chat.runtime.workers.get, machine.ids)
        second = [(await worker.finished()).state for worker in (fragile, silent)]

    assert waiting.state is WorkerState.RETRYING
    assert first == second == [WorkerState.FAILED, WorkerState.LOST]
    assert before == [None, 1]
    assert machine.done == [1, 1]


@pytest.mark.real_time
async def test_a_task_in_a_thread_goes_on_from_its_checkpoint(
    machine: Machine,
) -> None:
    free, begun = threading.Event(), threading.Event()

    def program() -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.task
        def work(operation: Operation, state: Blocking) -> object:
            machine.done.append(operation.resumed)
            operation.checkpoint({"page": state.incr("n")})
            begun.set()
            free.wait(20)
            return state.get("n")

        return dispatcher

    dispatcher = program()
    async with machine.run(dispatcher) as chat:
        worker = await chat.runtime.workers.start(dispatcher.tasks["work"])
        await asyncio.to_thread(begun.wait, 20)
        await asyncio.sleep(0.3)
        await machine.die()
        free.set()
        await worker.finished()
    async with machine.run(program()) as chat:
        final = await chat.runtime.workers.get(worker.id).finished()

    assert machine.done == [None, {"page": 1}]
    assert final.result == 2


@pytest.mark.real_time
async def test_a_task_whose_process_was_killed_starts_anew_from_its_checkpoint(
    tmp_path: Path,
) -> None:
    async def start(worker_id: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, tmp_path / "state.db", worker_id),
            stdout=PIPE,
            cwd=tmp_path,
        )

    async def said(program: asyncio.subprocess.Process) -> list[str]:
        assert program.stdout is not None
        return (await program.stdout.readline()).decode().split()

    program = await start("")
    lines = [await said(program) for _ in range(5)]
    program.send_signal(signal.SIGKILL)
    await program.wait()
    [worker_id] = [line[1] for line in lines if line[0] == "id"]
    begun = max(int(line[1]) for line in lines if line[0] == "first")
    program = await start(worker_id)
    lines = []
    while line := await said(program):
        lines.append(line)

    assert await program.wait() == 0
    assert begun <= int(lines[0][1]) <= begun + 1
    assert lines[-1][:4] == ["end", "2", "8", "done"]
    assert int(lines[-1][4]) in {8, 9}


async def test_what_cannot_be_kept_is_refused(machine: Machine) -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def work(what: object, operation: Operation) -> object:
        operation.checkpoint(what)
        return object()

    async with machine.run(dispatcher) as chat:
        with pytest.raises(UnserialisableDataError, match=r"work\(\)"):
            await chat.runtime.workers.start(work.given(object()))
        worker = await chat.runtime.workers.start(work.given(1))
        final = await worker.finished()
        kept = await chat.runtime.workers.find(worker.id)

    assert final.state is kept.state is WorkerState.FAILED
    assert final.error is not None
    assert kept.error == final.error
    assert final.error.type == "UnserialisableDataError"


def test_arguments_that_a_task_does_not_take_are_refused_at_once() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def work(number: int, /, name: str, *rest: int, state: Mine) -> None: ...

    with pytest.raises(TaskArgumentError, match="unexpected keyword argument 'nam'"):
        work.given(nam="anna")
    with pytest.raises(TaskArgumentError, match="'number' has to be given in the call"):
        work.given(1)
    with pytest.raises(TaskArgumentError, match="'state'"):
        work.given(state=1)


async def test_what_is_too_large_to_be_kept_is_told(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def work(size: int, operation: Operation, first: str = "") -> str:
        operation.checkpoint("small")
        await asyncio.sleep(1)
        operation.checkpoint("x" * size)
        await asyncio.sleep(1)
        return "y" * size + first

    async with machine.run(dispatcher) as chat:
        workers = chat.runtime.workers
        refused = await workers.start(work.given(1, first="z" * 9000))
        failed = await workers.start(work.given(9000))
        finals = [await worker.finished() for worker in (refused, failed)]
        kept = [await workers.find(final.id) for final in finals]

    for final in (*finals, *kept):
        assert final.state is WorkerState.FAILED
        assert final.error is not None
        assert final.error.type == "SnapshotTooLargeError"
    assert "a checkpoint of work is not kept" in caplog.text


async def test_a_program_that_has_changed_says_what_it_lacks(machine: Machine) -> None:
    def program(*, is_new: bool) -> Dispatcher:
        dispatcher = Dispatcher()

        async def old(number: int) -> None:
            await asyncio.sleep(number + 5)

        async def new(name: str) -> None: ...

        dispatcher.task(name="changed")(new if is_new else old)
        dispatcher.task(name="first")(old)
        if not is_new:
            dispatcher.task(name="gone")(old)
        return dispatcher

    dispatcher = program(is_new=False)
    tasks = dispatcher.tasks
    async with machine.run(dispatcher) as chat:
        start = chat.runtime.workers.start
        changed = await start(tasks["changed"].given(1))
        broken = await start(chain(tasks["first"].given(1), tasks["gone"].given(1)))
        gone = await start(tasks["gone"].given(1))
    async with machine.run(program(is_new=True)) as chat:
        find = chat.runtime.workers.find
        errors = [(await find(one.id)).error for one in (changed, broken)]
        with pytest.raises(UnknownWorkerError):
            await find(gone.id)
    async with machine.run(program(is_new=False)) as chat:
        assert chat.runtime.workers.get(gone.id).is_active

    assert [error and error.type for error in errors] == [
        "TaskArgumentError",
        "UnknownTaskError",
    ]
    assert errors[1] is not None
    assert "no task 'gone' is registered here, only changed, first" in errors[1].message


async def test_what_another_version_has_kept_waits_for_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = counting(machine)
    with monkeypatch.context() as patch:
        patch.setattr(_jobs, "_VERSION", 99)
        async with machine.run(dispatcher) as chat:
            count = dispatcher.tasks["count"].given(2)
            worker = await chat.runtime.workers.start(count)
    async with machine.run(counting(machine)) as chat:
        await asyncio.sleep(10)
        with pytest.raises(ValueError, match="another version of duologue"):
            await chat.runtime.workers.find(worker.id)
    with monkeypatch.context() as patch:
        patch.setattr(_jobs, "_VERSION", 99)
        async with machine.run(counting(machine)) as chat:
            assert (await chat.runtime.workers.get(worker.id).finished()).result == 2
