"""States on an engine that several processes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from itertools import cycle
from typing import cast

import pytest

from duologue.actors import Engine, Letter, Mail, MemoryEngine, Opened
from duologue.dialogs._state import _values
from duologue.errors import EngineUnavailableError
from duologue.state import AsyncState, States
from duologue.state._batches import Strangers
from duologue.state._values import Values
from tests.state.conftest import bot_name


class Kept(AsyncState, scope="user"):
    pass


class Shared:
    """What processes share: each that serves is leased every second key that has mail."""

    def __init__(self, engine: MemoryEngine) -> None:
        self._engine = engine
        self._ready: list[Callable[[str], None]] = []
        self.idle: set[int] = set()

    def serve(
        self, kinds: Collection[str], slots: int, ready: Callable[[str], None]
    ) -> None:
        self._ready.append(ready)
        turns = cycle(range(len(self._ready)))

        def lease(key: str) -> None:
            number = next(turns)
            if number not in self.idle:
                self._ready[number](key)

        self._engine.serve(kinds, slots, lease)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


@pytest.fixture
async def memory() -> AsyncIterator[MemoryEngine]:
    async with MemoryEngine() as engine:
        yield engine


@pytest.fixture
def shared(memory: MemoryEngine) -> Shared:
    return Shared(memory)


@pytest.fixture
async def kept(shared: Shared) -> AsyncIterator[Sequence[Kept]]:
    """The State of one user, as three processes have it."""
    engine = cast("Engine", shared)
    async with AsyncExitStack() as stack:
        found: list[Kept] = []
        for _ in range(3):
            states = States(engine, codec=_values, bot_name=bot_name)
            await stack.enter_async_context(states)
            found.append(states.of(Kept, user_id=7))
        yield found


async def test_each_process_sees_what_the_others_have_written(
    kept: Sequence[Kept],
) -> None:
    for number, state in enumerate(kept):
        await state.set(str(number), number)

    for state in kept:
        assert await state.get_all() == {"0": 0, "1": 1, "2": 2}


async def test_none_of_the_increments_of_many_processes_is_lost(
    kept: Sequence[Kept],
) -> None:
    told = await asyncio.gather(*(state.incr("n") for state in kept for _ in range(20)))

    assert sorted(told) == list(range(1, 61))


async def test_none_of_the_changes_of_many_processes_is_lost(
    kept: Sequence[Kept],
) -> None:
    async def add(values: Values) -> Values:
        await asyncio.sleep(0)
        return values | {"n": values.get("n", 0) + 1}

    await asyncio.gather(*(state.modify(add) for state in kept for _ in range(5)))

    assert await kept[0].get("n") == 15


async def test_a_claim_is_won_by_one_process(kept: Sequence[Kept]) -> None:
    claims = [state.set_if("owner", None, n) for n, state in enumerate(kept)]

    won = await asyncio.gather(*claims)

    assert sorted(won) == [False, False, True]
    assert await kept[0].get("owner") == won.index(True)


async def test_a_watcher_hears_of_other_processes(kept: Sequence[Kept]) -> None:
    seen: list[object] = []

    async def watch() -> None:
        async for values in kept[0].watch():
            seen.append(values.get("n"))
            if values.get("n") == 3:
                break

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        for number in (1, 2, 3):
            await asyncio.sleep(2)
            await kept[number % 3].set("n", number)

    assert seen == [None, 1, 2, 3]


async def test_what_a_dead_process_has_asked_for_holds_up_nobody_for_long(
    kept: Sequence[Kept], memory: MemoryEngine
) -> None:
    loop = asyncio.get_running_loop()
    await memory.enqueue([Letter("state/Kept:max.1:7", Mail("of the dead", b"?"))])
    began = loop.time()

    assert await kept[0].incr("n") == 1
    assert loop.time() - began < 6


async def test_a_clock_that_is_set_back_lets_no_dead_process_hold_up_others(
    kept: Sequence[Kept], memory: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        loop, "wall_time", lambda: 1e9 - 3600 * loop.time(), raising=False
    )
    await memory.enqueue([Letter("state/Kept:max.1:7", Mail("of the dead", b"?"))])

    async with asyncio.timeout(6):
        assert await kept[0].incr("n") == 1


async def test_who_gets_no_answer_is_told(kept: Sequence[Kept], shared: Shared) -> None:
    shared.idle = {0, 1, 2}

    with pytest.raises(EngineUnavailableError, match="did not let the mailbox go"):
        await kept[0].incr("n")


async def test_what_others_have_taken_is_not_remembered_for_ever() -> None:
    strangers = Strangers()

    for number in range(5000):
        mail = Mail(str(number), b"?")
        assert strangers.leaves(Opened(f"x/{number}", "", None, mail, 1))
        await asyncio.sleep(1)

    assert len(strangers._since) <= 1000


async def test_an_error_of_the_author_is_not_taken_for_silence(
    kept: Sequence[Kept],
) -> None:
    def fail(_: Values) -> Values:
        raise TimeoutError("of the author's")

    with pytest.raises(TimeoutError, match="of the author's"):
        await kept[0].modify(fail)
