"""Tasks: called, in the background, one after the other, and again."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import Operation, WorkerState
from duologue.dialogs import DialogWorkers, MessageCreated
from duologue.errors import HandlerError, StateParameterError
from duologue.state import AsyncState, SyncState, Task, chain
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine


class Steps(AsyncState):
    pass


class Slow(SyncState):
    pass


class Mine(AsyncState, scope="user"):
    pass


class Run(AsyncState, scope="operation"):
    pass


async def test_a_task_is_given_its_state_wherever_that_stands() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def before(state: Steps, x: int) -> int:
        await state.set("before", x)
        return x

    @dispatcher.task
    async def behind(x: int, state: Steps) -> int:
        await state.set("behind", x)
        return x

    async with Playground(dispatcher):
        assert await before(5) == 5
        assert await before(x=6) == 6
        assert await behind(7) == 7
        assert await behind(x=8) == 8
        assert await Steps.of().get_all() == {"before": 6, "behind": 8}


async def test_a_worker_runs_a_task() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def work(state: Steps) -> str:
        await state.incr("n")
        return "ok"

    async with Playground(dispatcher) as chat:
        workers = [await chat.runtime.workers.start(work) for _ in range(3)]
        ended = [await worker.finished() for worker in workers]

        assert [one.result for one in ended] == ["ok"] * 3
        assert ended[0].kind == "work"
        assert await Steps.of().get("n") == 3


@pytest.mark.real_time
async def test_a_function_that_is_not_async_runs_in_a_thread() -> None:
    dispatcher = Dispatcher()
    threads: list[int] = []

    @dispatcher.task
    def work(state: Slow) -> None:
        threads.append(threading.get_ident())
        state.incr("n")

    async with Playground(dispatcher) as chat:
        ended = await (await chat.runtime.workers.start(work)).finished()
        assert ended.state is WorkerState.SUCCEEDED, ended
        await chain(work, work)()

        assert await Slow.of().on_loop.get("n") == 3
    assert threading.get_ident() not in threads


async def test_a_chain_gives_the_result_of_one_to_the_next() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def first() -> int:
        return 20

    @dispatcher.task
    async def double(state: Steps, number: int) -> int:
        await state.set("given", number)
        return 2 * number

    @dispatcher.task
    async def last(state: Steps) -> object:
        return await state.get("given")

    async with Playground(dispatcher) as chat:
        assert await chain(first, double, double)() == 80
        assert await chain(first, last)() == 40
        worker = await chat.runtime.workers.start(chain(first, double))
        ended = await worker.finished()

    assert (ended.kind, ended.result) == ("first > double", 40)


async def test_an_error_ends_a_chain() -> None:
    dispatcher = Dispatcher()
    done: list[str] = []

    @dispatcher.task
    async def fail() -> None:
        raise RuntimeError("no")

    @dispatcher.task
    async def never() -> None:
        done.append("never")

    with pytest.raises(RuntimeError, match="no"):
        await chain(fail, never)()

    assert done == []


async def test_a_task_is_tried_again_after_longer_and_longer_pauses() -> None:
    dispatcher = Dispatcher()
    times: list[float] = []

    @dispatcher.task(retries=3, backoff=2, retry_on=[ConnectionError])
    async def work() -> str:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 4:
            raise ConnectionError
        return "ok"

    assert await work() == "ok"
    assert [later - times[0] for later in times] == [0, 2, 6, 14]


async def test_the_last_error_is_raised_and_another_one_at_once() -> None:
    dispatcher = Dispatcher()
    tries: list[Exception] = []

    @dispatcher.task(retries=2, retry_on=[ConnectionError])
    async def work(error: Exception) -> None:
        tries.append(error)
        raise error

    with pytest.raises(ConnectionError):
        await work(ConnectionError())
    assert len(tries) == 3

    with pytest.raises(ValueError, match="no"):
        await work(ValueError("no"))
    assert len(tries) == 4


def test_a_function_that_is_not_async_is_tried_again_too() -> None:
    tries: list[int] = []

    @Dispatcher().task(retries=2, backoff=0)
    def work() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError
        return len(tries)

    assert work() == 3


async def test_a_worker_of_a_dialog_has_the_state_of_its_user() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def task(mine: Mine) -> None:
        await mine.incr("n")

    async def function(mine: Mine) -> None:
        await mine.incr("n")

    @dispatcher.message()
    async def handle(_: MessageCreated, workers: DialogWorkers) -> None:
        await workers.start(task)
        await workers.start(function)

    async with Playground(dispatcher) as chat:
        await chat.say(7, "go")
        await chat.settled()
        await asyncio.sleep(1)

        assert await Mine.of(user_id=7).get("n") == 2


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
async def test_each_operation_has_a_state_of_its_own(
    engine: str, tmp_path: Path
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    async def task(run: Run, common: Steps) -> object:
        await common.incr("n")
        return await run.incr("n")

    async def function(operation: Operation, run: Run, common: Steps) -> object:
        await common.incr("n")
        operation.checkpoint("kept")
        return [await run.incr("n"), operation.resumed]

    kept = SqliteEngine(tmp_path / "state.db") if engine == "sqlite" else None
    async with Playground(dispatcher, engine=kept) as chat:
        start = chat.runtime.workers.start
        bodies = [task, task, chain(task, task), function]
        workers = [await start(body) for body in bodies]
        results = [(await worker.finished()).result for worker in workers]
        run = Run.of(operation_id=workers[2].id)

        assert results == [1, 1, 2, [1, "kept"]]
        assert await run.get_all() == {"n": 2}
        assert await Steps.of().get("n") == 5


async def test_a_body_that_asks_for_what_it_cannot_have_is_refused_at_the_start() -> (
    None
):
    async def work(state: Slow) -> None: ...

    async with Playground(Dispatcher()) as chat:
        with pytest.raises(StateParameterError, match="'state'"):
            await chat.runtime.workers.start(work)


async def test_a_task_of_a_dialog_has_the_states_of_its_operation() -> None:
    dispatcher = Dispatcher()
    seen: list[tuple[object, object]] = []

    @dispatcher.task
    async def task(run: Run, mine: Mine) -> None:
        seen.append((await run.incr("n"), await mine.incr("n")))

    @dispatcher.message()
    async def handle(_: MessageCreated, workers: DialogWorkers) -> None:
        await workers.start(task)
        await workers.start(chain(task, task))

    async with Playground(dispatcher) as chat:
        await chat.say(7, "go")
        await chat.settled()
        await asyncio.sleep(1)

        assert await Mine.of(user_id=7).get("n") == 3

    assert sorted(str(run) for run, _ in seen) == ["1", "1", "2"]


def test_what_cannot_be_a_task_is_refused() -> None:
    dispatcher = Dispatcher()

    async def work() -> None: ...

    async def blocked(state: Slow) -> None: ...

    def awaited(state: Steps) -> None: ...

    with pytest.raises(HandlerError, match="a task is a function"):
        dispatcher.task(Steps)
    with pytest.raises(HandlerError, match="retries=-1"):
        dispatcher.task(retries=-1)(work)
    with pytest.raises(HandlerError, match="backoff=-1"):
        dispatcher.task(backoff=-1)(work)
    with pytest.raises(StateParameterError, match="derive it from AsyncState"):
        dispatcher.task(blocked)
    with pytest.raises(StateParameterError, match="derive it from SyncState"):
        dispatcher.task(awaited)
    with pytest.raises(HandlerError, match="attempts=0"):
        dispatcher.task(attempts=0)(work)
    with pytest.raises(HandlerError, match="keep=-1"):
        dispatcher.task(keep=-1)(work)
    for name in ("", "a:b", "a/b"):
        with pytest.raises(HandlerError, match="is no name of a task"):
            dispatcher.task(name=name)(work)
    assert isinstance(dispatcher.task(work), Task)
    with pytest.raises(HandlerError, match="another task is called 'work'"):
        dispatcher.task(work)
    dispatcher.task(name="another")(work)
    assert list(dispatcher.tasks) == ["work", "another"]
