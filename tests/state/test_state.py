"""What a State does, outside of turns, on every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from duologue.actors import MemoryEngine
from duologue.errors import (
    SnapshotTooLargeError,
    StateChangedError,
    StateEndedError,
    StateNameError,
    UnserialisableDataError,
)
from duologue.state import AsyncState, States
from duologue.state._values import Values
from duologue.transport.sqlite import SqliteEngine
from tests.state.conftest import states_on


class Steps(AsyncState):
    pass


class Kept(AsyncState, scope="user"):
    pass


class Sub(Kept):
    pass


class Brief(AsyncState, scope="bot", ttl=60):
    pass


class Run(AsyncState, scope="operation"):
    pass


class Room(AsyncState, scope="chat"):
    pass


@pytest.fixture
def state(states: States) -> Kept:
    return states.of(Kept, user_id=7)


async def test_what_is_set_is_got(state: Kept) -> None:
    await state.set("step", 1)

    assert await state.get("step") == 1


async def test_what_is_not_there_is_the_default(state: Kept) -> None:
    assert await state.get("step") is None
    assert await state.get("step", default=3) == 3


async def test_without_a_key_all_values_come_and_the_default_counts_for_nothing(
    state: Kept,
) -> None:
    await state.update(a=1, b=2)

    assert await state.get(None, default=3) == {"a": 1, "b": 2}
    assert await state.get_all() == {"a": 1, "b": 2}


async def test_an_update_returns_all_values_after_it(state: Kept) -> None:
    await state.set("a", 1)

    assert await state.update(b=2) == {"a": 1, "b": 2}
    assert await state.update(a=3) == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda state: state.update(self=1, other=2), id="update"),
        pytest.param(lambda state: state.set("self", 1), id="set"),
        pytest.param(lambda state: state.incr("self"), id="incr"),
        pytest.param(lambda state: state.set_if("self", None, 1), id="set_if"),
        pytest.param(lambda state: state.modify(lambda _: {"self": 1}), id="modify"),
    ],
)
async def test_no_value_can_be_called_self(
    state: Kept, write: Callable[[Kept], Awaitable[object]]
) -> None:
    with pytest.raises(StateNameError, match=r"'self'.* give it another name"):
        await write(state)

    assert await state.get_all() == {}
    assert await state.get("self", 3) == 3


async def test_deleting_what_is_not_there_is_no_error(state: Kept) -> None:
    await state.update(a=1, b=2)

    await state.delete("a")
    await state.delete("a")

    assert await state.get_all() == {"b": 2}


async def test_clear_forgets_all(state: Kept) -> None:
    await state.update(a=1, b=2)

    await state.clear()

    assert await state.get_all() == {}


async def test_incr_begins_with_zero_and_returns_the_number(state: Kept) -> None:
    assert await state.incr("n") == 1
    assert await state.incr("n", 5) == 6
    assert await state.incr("n", -0.5) == 5.5


async def test_set_if_writes_only_over_what_is_expected(state: Kept) -> None:
    assert await state.set_if("owner", None, "anna")
    assert not await state.set_if("owner", None, "boris")
    assert await state.set_if("owner", "anna", "boris")

    assert await state.get("owner") == "boris"


async def test_modify_returns_the_new_values(state: Kept) -> None:
    await state.set("n", 1)

    assert await state.modify(lambda values: {"m": values["n"] + 1}) == {"m": 2}
    assert await state.get_all() == {"m": 2}


async def test_what_goes_in_and_comes_out_is_a_copy(state: Kept) -> None:
    items = ["apple"]
    await state.set("items", items)

    items.append("changed outside")
    (await state.get("items")).append("changed outside")
    (await state.get_all())["items"].append("changed outside")

    assert await state.get("items") == ["apple"]


async def test_a_function_that_changes_its_values_and_raises_changes_nothing(
    state: Kept,
) -> None:
    await state.set("items", ["apple"])

    def spoil(values: Values) -> Values:
        values["items"].append("pear")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await state.modify(spoil)

    assert await state.get_all() == {"items": ["apple"]}


@pytest.mark.parametrize("count", [100])
async def test_none_of_many_increments_is_lost(state: Kept, count: int) -> None:
    await asyncio.gather(*(state.incr("n") for _ in range(count)))

    assert await state.get("n") == count


async def test_none_of_many_changes_with_a_pause_is_lost_and_each_is_tried_once(
    state: Kept,
) -> None:
    tries = 0

    async def add(values: Values) -> Values:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0.01)
        return values | {"n": values.get("n", 0) + 1}

    await asyncio.gather(*(state.modify(add) for _ in range(100)))

    assert await state.get("n") == 100
    assert tries == 100


async def test_an_async_change_is_tried_again_if_somebody_else_wrote(
    state: Kept,
) -> None:
    tries = 0

    async def add(values: Values) -> Values:
        nonlocal tries
        tries += 1
        if tries < 3:
            await state.incr("n", 10)
        return values | {"n": values.get("n", 0) + 1}

    await state.modify(add)

    assert (await state.get("n"), tries) == (21, 3)


async def test_an_async_change_that_never_wins_gives_up(state: Kept) -> None:
    async def spoil(values: Values) -> Values:
        await state.incr("n")
        return values

    with pytest.raises(StateChangedError, match="100 times"):
        await state.modify(spoil)


async def test_a_transaction_writes_at_its_end(state: Kept) -> None:
    async with state.transaction() as values:
        values["a"] = 1
        assert await state.get_all() == {}

    assert await state.get_all() == {"a": 1}


async def test_a_transaction_that_raises_writes_nothing(state: Kept) -> None:
    async def fail() -> None:
        async with state.transaction() as values:
            values["a"] = 1
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()

    assert await state.get_all() == {}


async def test_a_transaction_refuses_to_overwrite_others(state: Kept) -> None:
    async def overwrite() -> None:
        async with state.transaction() as values:
            values["a"] = 1
            await state.set("b", 2)

    with pytest.raises(StateChangedError, match="once"):
        await overwrite()

    assert await state.get_all() == {"b": 2}


async def test_transactions_wait_for_one_another(state: Kept) -> None:
    async def add() -> None:
        async with state.transaction() as values:
            await asyncio.sleep(1)
            values["n"] = values.get("n", 0) + 1

    await asyncio.gather(*(add() for _ in range(10)))

    assert await state.get("n") == 10


async def test_a_watcher_sees_the_values_now_and_then_the_newest(state: Kept) -> None:
    seen: list[object] = []

    async def watch() -> None:
        async for values in state.watch():
            seen.append(values.get("n"))
            if values.get("n") == 3:
                break

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        await asyncio.sleep(1)
        await state.set("n", 1)
        await asyncio.sleep(1)
        await asyncio.gather(state.set("n", 2), state.set("n", 3))

    assert seen[:2] == [None, 1]
    assert seen[-1] == 3


async def test_a_watcher_ends_with_the_runtime() -> None:
    seen: list[Values] = []
    async with MemoryEngine() as engine, asyncio.TaskGroup() as group:

        async def watch(state: Kept) -> None:
            seen.extend([values async for values in state.watch()])

        async with states_on(engine) as states:
            state = states.of(Kept, user_id=7)
            group.create_task(watch(state))
            await asyncio.sleep(1)

    assert seen == [{}]


async def test_each_user_has_one_and_each_class(states: States) -> None:
    await states.of(Kept, user_id=7).set("a", 7)
    await states.of(Kept, user_id=8).set("a", 8)
    await states.of(Kept, bot="max.2", user_id=7).set("a", 9)
    await states.of(Sub, user_id=7).set("a", 10)

    assert await states.of(Kept, user_id=7).get("a") == 7
    assert await states.of(Kept, user_id=8).get("a") == 8
    assert await states.of(Kept, bot="max.2", user_id=7).get("a") == 9
    assert await states.of(Sub, user_id=7).get("a") == 10


async def test_each_chat_and_each_operation_has_one(states: States) -> None:
    await states.of(Room, chat_id=1).set("a", 1)
    await states.of(Run, operation_id="x").set("a", 2)

    assert await states.of(Room, chat_id=1).get("a") == 1
    assert await states.of(Room, chat_id=2).get("a") is None
    assert await states.of(Run, operation_id="x").get("a") == 2
    assert await states.of(Run, operation_id="y").get("a") is None


async def test_the_process_has_one_by_default(states: States) -> None:
    await states.of(Steps).set("a", 1)

    assert await states.of(Steps, user_id=7).get("a") == 1


async def test_it_is_forgotten_so_long_after_its_last_change(states: States) -> None:
    state = states.of(Brief)
    await state.set("a", 1)
    await asyncio.sleep(59)
    await state.set("b", 2)
    await asyncio.sleep(59)

    assert await state.get_all() == {"a": 1, "b": 2}

    await asyncio.sleep(2)

    assert await state.get_all() == {}
    assert await state.update(c=3) == {"c": 3}


async def test_what_is_forgotten_leaves_the_engine(tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        async with states_on(engine) as states:
            await states.of(Brief).set("a", "secret")
            await asyncio.sleep(61)

        assert b"secret" not in (await engine.read("state/Brief:max.1") or b"")


async def test_a_value_that_is_too_large_is_refused_alone(states: States) -> None:
    state = states.of(Kept, user_id=7)

    results = await asyncio.gather(
        state.set("a", 1),
        state.set("b", "x" * 3000),
        state.set("c", 3),
        return_exceptions=True,
    )

    assert results[0] is None
    assert isinstance(results[1], SnapshotTooLargeError)
    assert results[2] is None
    assert await state.get_all() == {"a": 1, "c": 3}


async def test_what_cannot_be_stored_is_named_with_its_place(state: Kept) -> None:
    with pytest.raises(UnserialisableDataError, match=r"Kept\.a"):
        await state.set("a", {"b": object()})
    with pytest.raises(UnserialisableDataError, match=r"Kept\.n"):
        await state.modify(lambda values: values | {"n": float("nan")})


async def test_it_cannot_be_used_when_the_runtime_has_ended() -> None:
    async with MemoryEngine() as engine, states_on(engine) as states:
        state = states.of(Kept, user_id=7)

    with pytest.raises(StateEndedError, match="Kept"):
        await state.get("a")
    with pytest.raises(StateEndedError, match="Kept"):
        await state.set("a", 1)


async def test_an_engine_that_stops_takes_nothing() -> None:
    async with MemoryEngine() as engine, states_on(engine) as states:
        engine.close()

        with pytest.raises(StateEndedError):
            await states.of(Kept, user_id=7).set("a", 1)


async def test_a_durable_one_outlives_the_process(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path / "state.db")
    async with engine, states_on(engine) as states:
        await states.of(Kept, user_id=7).set("a", (1, 2))
        await states.of(Steps).set("a", 1)
    engine = SqliteEngine(tmp_path / "state.db")
    async with engine, states_on(engine) as states:
        assert await states.of(Kept, user_id=7).get("a") == (1, 2)
        assert await states.of(Steps).get("a") is None


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -(2**63), 2**63, 2**64, 10**40, 1.0, 0.1, b"bytes"),
        *("", "half \ud83d", "é", "\x00", (1, 2), {3}, [1, [2.0]], {"a": {"b": None}}),
    ],
)
async def test_whoever_reads_it_later_gets_the_same_value(value: object) -> None:
    async with MemoryEngine() as engine:
        async with states_on(engine) as first:
            state = first.of(Kept, user_id=7)
            assert await state.update(a=value, n=1) == {"a": value, "n": 1}
            await state.set(value if isinstance(value, str) else "b", value)
            before = await state.get_all()
        async with states_on(engine) as second:
            after = await second.of(Kept, user_id=7).get_all()

    assert after == before
    assert repr(after) == repr(before)


@pytest.mark.parametrize(
    "value",
    [pytest.param(10**5000, id="long"), Word("text"), float("inf")],
)
async def test_what_would_come_back_otherwise_is_refused_alone(
    state: Kept, value: object
) -> None:
    refused, _ = await asyncio.gather(
        state.update(n=1, a=value), state.set("b", 2), return_exceptions=True
    )

    assert isinstance(refused, UnserialisableDataError)
    assert "Kept.a" in str(refused)
    assert await state.get_all() == {"b": 2}


async def test_more_than_are_at_hand_are_read_again(states: States) -> None:
    for user in range(1100):
        await states.of(Kept, user_id=user).set("a", user)

    assert await states.of(Kept, user_id=3).get("a") == 3


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.sampled_from("abc"), st.integers(-9, 9)),
            st.tuples(st.just("incr"), st.sampled_from("abc"), st.integers(-9, 9)),
            st.tuples(st.just("delete"), st.sampled_from("abc"), st.none()),
            st.tuples(st.just("clear"), st.none(), st.none()),
        ),
        max_size=20,
    )
)
def test_it_is_what_a_dict_would_be(steps: list[tuple[str, str, int]]) -> None:
    async def run() -> tuple[Values, Values]:
        model: dict[str, int] = {}
        async with MemoryEngine() as engine, states_on(engine) as states:
            state = states.of(Kept, user_id=7)
            for name, key, number in steps:
                match name:
                    case "set":
                        model[key] = number
                        await state.set(key, number)
                    case "incr":
                        model[key] = model.get(key, 0) + number
                        assert await state.incr(key, number) == model[key]
                    case "delete":
                        model.pop(key, None)
                        await state.delete(key)
                    case _:
                        model.clear()
                        await state.clear()
            return model, await state.get_all()

    model, found = asyncio.run(run())

    assert found == model
