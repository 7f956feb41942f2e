"""Classes that declare fields, and classes that cannot be a State."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pytest

from duologue.actors import MemoryEngine
from duologue.errors import (
    StateClassError,
    StateEndedError,
    StateFieldError,
    StateKeyError,
    StateNameError,
    StateScopeError,
    StatesRunningError,
    StateValueError,
)
from duologue.state import AsyncState, States, SyncState
from duologue.state._values import Value, Values
from tests.state.conftest import states_on


@dataclass
class Item:
    name: str
    price: float


class Cart(AsyncState, scope="user"):
    step: int = 0
    items: list[Item] = []  # noqa: RUF012  # what comes out is a copy
    due: date | None = None
    note: str

    limit: ClassVar[int] = 10


class Discounted(Cart):
    percent: float = 0.0


class Free(AsyncState, scope="user"):
    pass


@pytest.fixture
def cart(states: States) -> Cart:
    return states.of(Cart, user_id=7)


async def test_fields_that_nobody_has_written_have_their_defaults(cart: Cart) -> None:
    assert await cart.get("step", default=5) == 0
    assert await cart.get("note", default="none") == "none"
    assert await cart.get_all() == {"step": 0, "items": [], "due": None}


async def test_values_come_back_as_their_types(cart: Cart) -> None:
    await cart.update(items=[Item("apple", 1)], due=date(2026, 11, 30))

    assert await cart.get("items") == [Item("apple", 1)]
    assert await cart.get("due") == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", "1"),
        ("step", True),
        ("items", ["apple"]),
        ("due", "2026-11-30"),
        ("note", 5),
    ],
)
async def test_a_wrong_type_fails_at_the_write(
    cart: Cart, key: str, value: object
) -> None:
    with pytest.raises(StateValueError, match=rf"Cart\.{key} must be"):
        await cart.set(key, value)
    with pytest.raises(StateValueError):
        await cart.update(**{key: value})
    with pytest.raises(StateValueError):
        await cart.modify(lambda values: values | {key: value})


async def test_a_name_that_is_not_declared_is_refused(cart: Cart) -> None:
    with pytest.raises(StateFieldError, match="no field 'stop', only step, items, due"):
        await cart.set("stop", 1)
    with pytest.raises(StateFieldError):
        await cart.get("limit")


async def test_incr_begins_with_the_default_and_keeps_the_type(cart: Cart) -> None:
    assert await cart.incr("step", 2) == 2

    with pytest.raises(StateValueError, match="must be int"):
        await cart.incr("step", 0.5)


async def test_what_is_no_number_cannot_be_increased(states: States) -> None:
    free = states.of(Free, user_id=7)
    await free.set("name", "anna")

    with pytest.raises(StateValueError, match=r"Free\.name is 'anna'"):
        await free.incr("name")
    with pytest.raises(StateValueError, match="give a number"):
        await free.incr("n", "1")  # type: ignore[arg-type]  # that is the point


async def test_a_subclass_has_the_fields_of_its_base_and_values_of_its_own(
    states: States, cart: Cart
) -> None:
    discounted = states.of(Discounted, user_id=7)

    await cart.set("step", 1)
    await discounted.set("percent", 5)

    assert await discounted.get("step") == 0
    assert await cart.get("step") == 1


@pytest.mark.parametrize("key", [5, ("a",), b"a"])
async def test_a_key_that_is_no_text_is_refused(states: States, key: str) -> None:
    free = states.of(Free, user_id=7)

    with pytest.raises(StateKeyError, match="write a string"):
        await free.set(key, 1)
    with pytest.raises(StateKeyError):
        await free.get(key)
    with pytest.raises(StateKeyError):
        await free.delete(key)


async def test_modify_needs_a_dict(states: States) -> None:
    free = states.of(Free, user_id=7)

    async def pause() -> Values:
        return {}

    with pytest.raises(StateValueError, match="a dict of all values, not None"):
        await free.modify(lambda _: None)  # type: ignore[arg-type, return-value]  # the point
    with pytest.raises(StateValueError, match="a dict"):
        await free.modify(lambda _: pause())


@pytest.mark.parametrize("key", [5, None, ("a",)])
async def test_modify_and_transactions_need_texts_for_names(
    states: States, key: Value
) -> None:
    free = states.of(Free, user_id=7)
    await free.set("a", 1)

    async def add(values: Values) -> Values:
        return values | {key: 2}

    async def write() -> None:
        async with free.transaction() as values:
            values.update({key: 2})

    with pytest.raises(StateKeyError, match="write a string"):
        await free.modify(lambda values: values | {key: 2})
    with pytest.raises(StateKeyError):
        await free.modify(add)
    with pytest.raises(StateKeyError):
        await write()
    with pytest.raises(StateKeyError):
        await free.incr(key)
    with pytest.raises(StateKeyError):
        await free.set_if(key, 1, 2)

    assert await free.get_all() == {"a": 1}


async def test_an_async_change_that_raises_changes_nothing(states: States) -> None:
    free = states.of(Free, user_id=7)
    await free.set("a", [1])

    async def spoil(values: Values) -> Values:
        values["a"].append(2)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await free.modify(spoil)

    assert await free.get_all() == {"a": [1]}


@pytest.mark.parametrize("base", [AsyncState, SyncState, Cart])
@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), True, "1"])
def test_a_ttl_that_is_no_time_is_refused(base: type, ttl: float) -> None:
    with pytest.raises(StateClassError, match="no number of seconds above 0"):
        type("Bad", (base,), {}, ttl=ttl)


def test_no_field_can_be_called_self() -> None:
    with pytest.raises(StateNameError, match=r"Odd .* give it another name"):
        type("Odd", (AsyncState,), {"__annotations__": {"self": int}})


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(StateClassError, match="write one of process, bot"):
        type("Bad", (AsyncState,), {}, scope="world")


def test_a_default_of_another_type_is_refused() -> None:
    with pytest.raises(StateValueError, match=r"Bad\.step must be int"):
        type("Bad", (AsyncState,), {"__annotations__": {"step": int}, "step": "1"})


def test_a_type_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(StateClassError, match="put it at module level"):
        type("Bad", (AsyncState,), {"__annotations__": {"step": "Nothing"}})


async def test_two_classes_of_one_name_are_refused(states: States) -> None:
    other: type[AsyncState] = type("Cart", (AsyncState,), {}, scope="user")
    states.of(Cart, user_id=7)

    with pytest.raises(StateClassError, match="rename one of them"):
        states.of(other, user_id=7)


@pytest.mark.parametrize("cls", [AsyncState, int])
async def test_only_subclasses_are_kept(states: States, cls: type[object]) -> None:
    with pytest.raises(StateClassError, match="subclass"):
        states.of(cls)


async def test_a_place_that_lacks_what_the_scope_needs_is_refused(
    states: States,
) -> None:
    with pytest.raises(StateScopeError, match=r"no user is known here.*user_id"):
        states.of(Cart)


async def test_of_finds_the_only_runtime(states: States) -> None:
    await states.of(Cart, user_id=7).set("step", 1)

    assert await Cart.of(user_id=7).get("step") == 1
    assert await Cart.of(user_id=7, states=states).get("step") == 1


def test_of_needs_a_runtime() -> None:
    with pytest.raises(StateEndedError, match="nobody keeps Cart"):
        Cart.of(user_id=7)


async def test_of_must_know_which_of_several_runtimes(states: States) -> None:
    async with MemoryEngine() as engine, states_on(engine) as other:
        assert other is not states
        with pytest.raises(StatesRunningError, match="say which one"):
            Cart.of(user_id=7)
