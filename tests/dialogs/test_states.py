"""States and their groups."""

from __future__ import annotations

import pytest

from duologue.dialogs import State, StatesGroup
from duologue.errors import StateNotNamedError


class Order(StatesGroup):
    cart = State()
    address = State()
    limit = 5

    class Payment(StatesGroup):
        card = State()


def test_a_state_is_named_after_its_group() -> None:
    assert Order.cart.state == "Order:cart"
    assert Order.cart.group is Order
    assert repr(Order.cart) == "<State Order:cart>"


def test_a_nested_group_carries_the_name_of_the_outer_one() -> None:
    assert Order.Payment.card.state == "Order.Payment:card"


def test_a_group_lists_its_states_in_the_order_of_declaration() -> None:
    assert Order.states() == (Order.cart, Order.address)
    assert Order.Payment.states() == (Order.Payment.card,)


def test_a_group_inside_a_function_has_the_name_of_the_class_only() -> None:
    class Local(StatesGroup):
        here = State()

    assert Local.here.state == "Local:here"


def test_a_state_outside_a_group_has_no_name() -> None:
    state = State()

    with pytest.raises(StateNotNamedError):
        _ = state.state
    assert repr(state) == "<State ?>"


def test_a_class_that_is_no_group_names_no_state() -> None:
    class Plain:
        here = State()

    with pytest.raises(StateNotNamedError):
        _ = Plain.here.group
