"""Classes of messages: declared, written, read, and refused with the place at fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

import attrs
import pytest
from hypothesis import given, strategies as st

from duologue.errors import (
    MessageClassError,
    MessageShapeError,
    UnknownMessageError,
)
from duologue.messages import CALLS, Messages, Start, dump, message, tag_of
from duologue.messages._schemas import schema_of
from tests.messages.shop import Cart, Colour, GetCart, Item, OrderPaid, OrderPlaced

SHOP = Messages([OrderPaid, OrderPlaced, Cart])
ORDER = UUID("12345678123456781234567812345678")


def whole_order() -> OrderPlaced:
    return OrderPlaced(
        ORDER,
        items=[Item("cup", Decimal("19.90"), Colour.BLUE)],
        notes={"a/b": "~"},
        placed=datetime(2026, 11, 22, 4, tzinfo=UTC),
        delivery=date(2026, 11, 24),
        within=timedelta(hours=1),
        label=b"\x00\xff",
        is_gift=True,
        weight=0.5,
        tags=frozenset({"new"}),
        extra=[1, None, {"deep": [True]}],
    )


def test_a_message_is_written_as_json_and_read_as_it_was() -> None:
    order = whole_order()

    tag, data = dump(order)

    assert tag == "shop.order_placed.v2"
    assert SHOP.load(tag, data) == order
    assert isinstance(data, dict)
    assert data["items"] == [{"name": "cup", "price": "19.90", "colour": "blue"}]


@given(
    st.builds(
        OrderPaid,
        order=st.integers(-(2**53), 2**53),
        total=st.decimals(allow_nan=False, allow_infinity=False),
    )
)
def test_any_message_survives_the_wire(paid: OrderPaid) -> None:
    assert SHOP.load(*dump(paid)) == paid


def test_fields_may_be_added_and_may_be_left_out() -> None:
    newer = {"order": 1, "total": "2.50", "currency": "EUR"}

    assert SHOP.load("shop.order_paid.v1", newer) == OrderPaid(1, Decimal("2.50"))
    assert SHOP.load("shop.order_paid.v1", {"order": 1}) == OrderPaid(1)


def test_an_unknown_tag_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownMessageError, match=r"shop\.order_paid\.v1") as caught:
        SHOP.load("shop.order_paid.v9", {})

    assert caught.value.tag == "shop.order_paid.v9"


@pytest.mark.parametrize(
    ("data", "pointer", "problem"),
    [
        ([], "", "an object"),
        ("text", "", "an object"),
        (None, "/order", "missing"),
        ({}, "/order", "missing"),
        ({"order": "7"}, "/order", "UUID"),
        ({"order": 7}, "/order", "UUID"),
        (
            {"order": str(ORDER), "items": [{"name": "cup"}]},
            "/items/0/price",
            "missing",
        ),
        ({"order": str(ORDER), "items": 5}, "/items", "a list"),
        ({"order": str(ORDER), "items": [5]}, "/items/0", "an object"),
        (
            {"order": str(ORDER), "items": [{"name": 1, "price": "1"}]},
            "/items/0/name",
            "a text",
        ),
        (
            {"order": str(ORDER), "items": [{"name": "", "price": 1.5}]},
            "/items/0/price",
            "a decimal number",
        ),
        (
            {"order": str(ORDER), "items": [{"name": "", "price": "NaN"}]},
            "/items/0/price",
            "a decimal number",
        ),
        ({"order": str(ORDER), "notes": {"a/b": 1}}, "/notes/a~1b", "a text"),
        ({"order": str(ORDER), "notes": []}, "/notes", "an object"),
        ({"order": str(ORDER), "placed": "yesterday"}, "/placed", "a time"),
        ({"order": str(ORDER), "label": "é"}, "/label", "base64"),
        ({"order": str(ORDER), "label": "a"}, "/label", "base64"),
        ({"order": str(ORDER), "is_gift": 1}, "/is_gift", "true or false"),
        ({"order": str(ORDER), "weight": True}, "/weight", "a number"),
        ({"order": str(ORDER), "within": 1e300}, "/within", "seconds"),
        ({"order": str(ORDER), "extra": 2**53 + 1}, "/extra", "2\\^53"),
        ({"order": str(ORDER), "extra": {"a": ["\ud800"]}}, "/extra/a/0", "half"),
        ({"order": str(ORDER), "extra": float("inf")}, "/extra", "no number"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(
    data: object, pointer: str, problem: str
) -> None:
    with pytest.raises(MessageShapeError, match=problem) as caught:
        SHOP.load("shop.order_placed.v2", data)

    assert caught.value.pointer == pointer


def test_a_message_without_fields_needs_no_data() -> None:
    assert Messages([GetCart]).load("shop.get_cart.v1", None) == GetCart()


def test_what_is_nested_deeper_than_32_levels_is_refused() -> None:
    deep: object = None
    for _ in range(31):
        deep = [deep]

    SHOP.load("shop.order_placed.v2", {"order": str(ORDER), "extra": deep})
    with pytest.raises(MessageShapeError, match="32 levels"):
        SHOP.load("shop.order_placed.v2", {"order": str(ORDER), "extra": [deep]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_whatever_is_sent_it_is_a_message_or_refused(data: object) -> None:
    for tag in SHOP.tags:
        try:
            found = SHOP.load(tag, data)
        except MessageShapeError:
            continue
        assert tag_of(type(found)) == tag


@pytest.mark.parametrize(
    "value", [2**53 + 1, float("nan"), {1: 2}, object(), [{"a": b""}, range(3)]]
)
def test_what_json_does_not_have_is_not_sent(value: object) -> None:
    with pytest.raises(MessageShapeError):
        dump(OrderPlaced(ORDER, extra=value))


@pytest.mark.parametrize(
    "tag",
    ["", "order", "order.v0", "Order.v1", "a b.v1", "duologue.start.v1", "a.v1\n"],
)
def test_a_tag_is_words_and_a_version(tag: str) -> None:
    with pytest.raises(MessageClassError):
        message(tag)(OrderPaid)


def test_a_class_of_messages_has_fields_and_a_tag_of_its_own() -> None:
    class Plain:
        pass

    @message("shop.order_paid.v1")
    @dataclass
    class Other:
        pass

    class Heir(OrderPaid):
        pass

    with pytest.raises(MessageClassError, match="attrs"):
        message("a.v1")(Plain)
    with pytest.raises(MessageClassError, match="has the tag"):
        Messages([OrderPaid, Other])
    with pytest.raises(MessageClassError, match="@message"):
        tag_of(Heir)
    with pytest.raises(MessageClassError):
        dump("text")
    assert Messages([OrderPaid, OrderPaid]).classes == (OrderPaid,)


def test_a_class_whose_fields_cannot_be_read_is_refused_at_once() -> None:
    @message("a.v1")
    @attrs.frozen
    class Odd:
        what: type[int]

    with pytest.raises(MessageClassError, match="cannot read its fields"):
        Messages([Odd])


def test_every_dialog_understands_four_calls() -> None:
    assert CALLS.tags == (
        "duologue.done.v1",
        "duologue.start.v1",
        "duologue.switch_to.v1",
        "duologue.update.v1",
    )
    assert CALLS.load("duologue.start.v1", {"state": "Shop:cart"}) == Start("Shop:cart")
    assert "duologue.start.v1" in CALLS


def test_a_class_is_described_as_json_schema() -> None:
    @attrs.frozen
    class Odd:
        kind: Literal["a", "b"]
        prices: dict[str, Decimal]
        other: int | None = None
        rest: object = None
        plain: list[object] = attrs.Factory(list)

    found = schema_of(Odd)

    assert found == {
        "type": "object",
        "required": ["kind", "prices"],
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "prices": {
                "type": "object",
                "additionalProperties": {
                    "type": "string",
                    "pattern": r"^-?\d+(\.\d+)?$",
                },
            },
            "other": {
                "anyOf": [
                    {"type": "integer", "minimum": -(2**53), "maximum": 2**53},
                    {"type": "null"},
                ]
            },
            "rest": {},
            "plain": {"type": "array", "items": {}},
        },
    }
    assert schema_of(Colour) == {"enum": ["red", "blue"]}


def test_a_tuple_has_its_length_and_a_class_its_own_checks() -> None:
    @message("a.v1")
    @attrs.frozen
    class Point:
        at: tuple[int, int]
        rest: tuple[int, ...] = ()

        def __attrs_post_init__(self) -> None:
            if self.at == (0, 0):
                raise ValueError("not the middle")

    points = Messages([Point])

    assert points.load("a.v1", {"at": [1, 2], "rest": [3]}) == Point((1, 2), (3,))
    with pytest.raises(MessageShapeError, match="a list of 2"):
        points.load("a.v1", {"at": [1]})
    with pytest.raises(MessageShapeError, match="not the middle"):
        points.load("a.v1", {"at": [0, 0]})
