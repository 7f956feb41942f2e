"""Tasks in processes of their own: from a registered function to its result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import Operation, WorkerState
from duologue.errors import HandlerError, StateParameterError, WorkerBodyError
from duologue.state import AsyncState, chain
from duologue.testing import Playground
from tests.state.process_tasks import add, dispatcher, double, fragile

pytestmark = pytest.mark.real_time


async def test_a_task_runs_in_a_process() -> None:
    async with Playground(dispatcher) as chat:
        task = add.given(2, second=3)
        final = await (await chat.runtime.workers.start(task)).finished()

    assert final.state is WorkerState.SUCCEEDED
    assert isinstance(final.result, list)
    assert final.result[0] == 5
    assert final.result[1] != os.getpid()
    assert (final.kind, final.text) == ("add", "adding")


async def test_a_chain_goes_from_process_to_process() -> None:
    async with Playground(dispatcher) as chat:
        worker = await chat.runtime.workers.start(chain(add.given(2), double))

        assert (await worker.finished()).result == 6


@pytest.mark.parametrize(
    ("error", "tries", "state"),
    [
        ("FileNotFoundError", 3, WorkerState.SUCCEEDED),
        ("KeyError", 1, WorkerState.FAILED),
    ],
)
async def test_a_task_is_tried_again_after_the_errors_it_names(
    error: str, tries: int, state: WorkerState, tmp_path: Path
) -> None:
    path = tmp_path / "tries"
    async with Playground(dispatcher) as chat:
        task = fragile.given(str(path), error)
        final = await (await chat.runtime.workers.start(task)).finished()

    assert final.state is state
    assert path.stat().st_size == tries


class Totals(AsyncState):
    rows: int = 0


def test_a_process_has_no_states() -> None:
    async def count(totals: Totals) -> None:
        del totals

    with pytest.raises(StateParameterError, match="no States"):
        Dispatcher().task(executor="process")(count)


def test_an_executor_that_does_not_fit_a_task_is_refused() -> None:
    async def on_loop() -> None:
        pass

    def blocking() -> None:
        pass

    with pytest.raises(HandlerError, match="'async', 'process'"):
        Dispatcher().task(executor="thread")(on_loop)
    with pytest.raises(HandlerError, match="'thread', 'process'"):
        Dispatcher().task(executor="async")(blocking)


async def test_a_task_says_where_it_runs_where_it_is_registered() -> None:
    dispatcher = Dispatcher()

    @dispatcher.task
    def work(operation: Operation) -> None:
        del operation

    async with Playground(dispatcher) as chat:
        with pytest.raises(WorkerBodyError, match="where it is decorated"):
            await chat.runtime.workers.start(work, executor="process")
