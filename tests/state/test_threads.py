"""The blocking form, from threads beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from duologue.actors import MemoryEngine
from duologue.errors import BlockingCallError, StateEndedError, StateNameError
from duologue.state import State, States, SyncState
from duologue.state._values import Values
from tests.state.conftest import states_on

pytestmark = pytest.mark.real_time


class Steps(SyncState, scope="user"):
    n: int = 0


class Old(State):
    pass


@pytest.fixture
async def kept() -> AsyncIterator[States]:
    async with MemoryEngine() as engine, states_on(engine) as made:
        yield made


async def test_every_operation_has_a_form_that_blocks(kept: States) -> None:
    def work() -> None:
        steps = Steps.of(user_id=7)
        steps.set("n", 1)
        assert steps.get("n") == 1
        assert steps.incr("n") == 2
        assert steps.update(n=3) == {"n": 3}
        assert steps.set_if("n", 3, 4)
        assert steps.modify(lambda values: {"n": values["n"] + 1}) == {"n": 5}
        with steps.transaction() as values:
            values["n"] = 6
        assert steps.get_all() == {"n": 6}
        assert next(steps.watch()) == {"n": 6}
        steps.delete("n")
        steps.clear()
        assert steps.now.get("n") == 0

    await asyncio.to_thread(work)

    assert await kept.of(Steps, user_id=7).on_loop.get_all() == {"n": 0}


async def test_no_value_can_be_called_self_in_a_thread_either(kept: States) -> None:
    old = kept.of(Old)

    def work() -> None:
        with pytest.raises(StateNameError, match="another name"):
            old.update(self=1)

    await asyncio.to_thread(work)

    assert await old.on_loop.get_all() == {}


async def test_a_transaction_that_raises_in_a_thread_writes_nothing(
    kept: States,
) -> None:
    steps = kept.of(Steps, user_id=7)

    def work() -> None:
        with steps.transaction() as values:
            values["n"] = 6
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await asyncio.to_thread(work)

    assert await asyncio.to_thread(steps.get, "n") == 0


async def test_threads_and_tasks_lose_nothing(kept: States) -> None:
    steps = kept.of(Steps, user_id=7)

    def add(values: Values) -> Values:
        return {"n": values["n"] + 1}

    def work() -> None:
        for _ in range(50):
            steps.incr("n")
            steps.modify(add)

    await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))

    assert await steps.on_loop.get("n") == 400


async def test_the_documents_call_it_state(kept: States) -> None:
    old = kept.of(Old)

    await asyncio.to_thread(old.set, "a", 1)

    assert await asyncio.to_thread(old.get_all) == {"a": 1}


async def test_a_watcher_in_a_thread_ends_with_the_runtime() -> None:
    async with MemoryEngine() as engine:
        async with states_on(engine) as states:
            steps = states.of(Steps, user_id=7)
            changes = steps.watch()
            await asyncio.to_thread(next, changes)
            rest = asyncio.get_running_loop().run_in_executor(
                None, lambda: list(islice(changes, 5))
            )
            await asyncio.sleep(0.01)
        assert await rest == []


async def test_it_does_not_block_a_loop(kept: States) -> None:
    steps = kept.of(Steps, user_id=7)

    with pytest.raises(
        BlockingCallError, match=r"write `class Steps.AsyncState.` and `await state.set"
    ):
        steps.set("n", 1)


async def test_it_cannot_be_used_when_the_runtime_has_ended() -> None:
    async with MemoryEngine() as engine, states_on(engine) as states:
        steps = states.of(Steps, user_id=7)

    with pytest.raises(StateEndedError):
        await asyncio.to_thread(steps.get, "n")
