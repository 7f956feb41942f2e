"""What a State promises, on every engine: it has nothing but the port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from duologue.actors import Engine
from duologue.dialogs._state import _values
from duologue.errors import SnapshotTooLargeError, StateChangedError
from duologue.state import AsyncState, States
from duologue.state._values import Values
from tests.engines.conftest import MakeEngine, NewEngine


class Cart(AsyncState, scope="user"):
    pass


class Brief(AsyncState, scope="user", ttl=60):
    pass


class Typed(AsyncState, scope="user"):
    step: int = 0
    items: list[str] = []  # noqa: RUF012  # what comes out is a copy


def bot_name(bot: object) -> str:
    return "max.1" if bot is None else str(bot)


def states_on(engine: Engine) -> States:
    return States(engine, codec=_values, bot_name=bot_name)


@pytest.fixture
async def states(make: MakeEngine) -> AsyncIterator[States]:
    async with states_on(await make(max_snapshot=1000)) as made:
        yield made


@pytest.fixture
def cart(states: States) -> Cart:
    return states.of(Cart, user_id=7)


async def test_values_are_set_got_updated_and_forgotten(cart: Cart) -> None:
    await cart.set("a", (1, b"2"))
    got = await cart.get("a"), await cart.get("b", default=3)
    updated = await cart.update(a=1, b=[2])
    await cart.delete("a")
    await cart.delete("a")
    left = await cart.get_all()
    await cart.clear()

    assert got == ((1, b"2"), 3)
    assert updated == {"a": 1, "b": [2]}
    assert left == {"b": [2]}
    assert await cart.get() == {}


async def test_declared_fields_come_back_as_their_types(states: States) -> None:
    typed = states.of(Typed, user_id=7)

    await typed.update(items=["apple"])
    await typed.incr("step", 2)

    assert await typed.get_all() == {"step": 2, "items": ["apple"]}


async def test_each_place_has_values_of_its_own(states: States) -> None:
    await states.of(Cart, user_id=7).set("a", 7)
    await states.of(Cart, user_id=8).set("a", 8)
    await states.of(Cart, bot="max.2", user_id=7).set("a", 9)
    await states.of(Brief, user_id=7).set("a", 10)

    assert await states.of(Cart, user_id=7).get("a") == 7
    assert await states.of(Cart, user_id=8).get("a") == 8
    assert await states.of(Cart, bot="max.2", user_id=7).get("a") == 9
    assert await states.of(Brief, user_id=7).get("a") == 10


async def test_none_of_many_increments_is_lost(cart: Cart) -> None:
    told = await asyncio.gather(*(cart.incr("n") for _ in range(100)))

    assert sorted(told) == list(range(1, 101))
    assert await cart.get("n") == 100


async def test_none_of_many_changes_with_a_pause_is_lost(cart: Cart) -> None:
    async def add(values: Values) -> Values:
        await asyncio.sleep(0.01)
        return values | {"n": values.get("n", 0) + 1}

    await asyncio.gather(*(cart.modify(add) for _ in range(20)))

    assert await cart.get("n") == 20


async def test_changes_by_a_function_are_whole(cart: Cart) -> None:
    def fail(values: Values) -> Values:
        values["n"] = 1000
        raise RuntimeError("no")

    await cart.set("n", 1)
    after = await cart.modify(lambda values: {"m": values["n"] + 1})
    with pytest.raises(RuntimeError, match="no"):
        await cart.modify(fail)

    assert after == await cart.get_all() == {"m": 2}


async def test_one_of_many_claims_wins(cart: Cart) -> None:
    names = [f"user {number}" for number in range(10)]

    won = await asyncio.gather(
        *(cart.set_if("owner", None, name) for name in names),
    )

    assert won.count(True) == 1
    assert await cart.get("owner") == names[won.index(True)]


async def test_a_transaction_refuses_to_overwrite_others(cart: Cart) -> None:
    async with cart.transaction() as values:
        values["a"] = 1

    async def overwrite() -> None:
        async with cart.transaction() as values:
            values["a"] = 2
            await cart.set("b", 2)

    with pytest.raises(StateChangedError):
        await overwrite()

    assert await cart.get_all() == {"a": 1, "b": 2}


async def test_a_watcher_sees_the_newest_values(cart: Cart) -> None:
    seen: list[object] = []

    async def watch() -> None:
        async for values in cart.watch():
            seen.append(values.get("n"))
            if values.get("n") == 3:
                break

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        for number in (1, 2, 3):
            await asyncio.sleep(1)
            await cart.set("n", number)

    assert seen == [None, 1, 2, 3]


async def test_values_are_forgotten_so_long_after_their_last_change(
    states: States,
) -> None:
    brief = states.of(Brief, user_id=7)
    await brief.set("a", 1)
    await asyncio.sleep(50)
    await brief.set("b", 2)
    await asyncio.sleep(50)

    assert await brief.get_all() == {"a": 1, "b": 2}

    await asyncio.sleep(11)

    assert await brief.get_all() == {}
    assert await brief.incr("c") == 1


async def test_a_value_that_is_too_large_is_refused_alone(cart: Cart) -> None:
    outcomes = await asyncio.gather(
        cart.set("a", 1),
        cart.set("b", "x" * 2000),
        cart.set("c", 3),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], SnapshotTooLargeError)
    assert await cart.get_all() == {"a": 1, "c": 3}


async def test_values_outlive_the_states_and_a_durable_engine(
    new_engine: NewEngine, tmp_path: Path
) -> None:
    engine = new_engine(tmp_path)
    async with engine, states_on(engine) as states:
        await states.of(Cart, user_id=7).update(a=1, b={"c": (1, 2)})
        await states.of(Brief, user_id=7).set("a", 1)
        await states.of(Cart, user_id=8).set("a", 1)
        await states.of(Cart, user_id=8).clear()
    if engine.durable:
        engine = new_engine(tmp_path)
    async with engine, states_on(engine) as states:
        assert await states.of(Cart, user_id=7).get_all() == {
            "a": 1,
            "b": {"c": (1, 2)},
        }
        assert await states.of(Brief, user_id=7).get("a") == 1
        assert await states.of(Cart, user_id=8).get_all() == {}

        await asyncio.sleep(61)

        assert await states.of(Brief, user_id=7).get("a") is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abc"), st.integers(-9, 9)),
        st.tuples(st.just("incr"), st.sampled_from("abc"), st.integers(-9, 9)),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.just(0)),
        st.tuples(st.just("again"), st.just(""), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_is_what_a_dict_would_be_also_when_it_begins_again(
    new_engine: NewEngine,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, str, int]],
) -> None:
    folder = tmp_path_factory.mktemp("states")

    @asynccontextmanager
    async def running(engine: Engine) -> AsyncIterator[Cart]:
        async with engine, states_on(engine) as states:
            yield states.of(Cart, user_id=7)

    async def run() -> tuple[Values, Values]:
        model: dict[str, int] = {}
        engine = new_engine(folder)
        rest = steps
        while True:
            async with running(engine) as cart:
                for place, (name, key, number) in enumerate(rest):
                    if name == "set":
                        model[key] = number
                        await cart.set(key, number)
                    elif name == "incr":
                        model[key] = model.get(key, 0) + number
                        assert await cart.incr(key, number) == model[key]
                    elif name == "delete":
                        model.pop(key, None)
                        await cart.delete(key)
                    else:
                        rest = rest[place + 1 :]
                        break
                else:
                    return model, await cart.get_all()
            engine = new_engine(folder) if engine.durable else engine

    model, found = asyncio.run(run())

    assert found == model
