"""Messages of a shop, as its programs declare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import attrs

from duologue.messages import message


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Item:
    name: str
    price: Decimal
    colour: Colour = Colour.RED


@message("shop.order_paid.v1")
@attrs.frozen
class OrderPaid:
    order: int
    total: Decimal = Decimal(0)


@message("shop.order_placed.v2")
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: UUID
    items: list[Item] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    placed: datetime | None = None
    delivery: date | None = None
    within: timedelta = timedelta(0)
    label: bytes = b""
    is_gift: bool = False
    weight: float = 0.0
    tags: frozenset[str] = frozenset()
    extra: object = None


@message("shop.get_cart.v1")
@attrs.frozen
class GetCart:
    pass


@message("shop.cart.v1")
@attrs.frozen
class Cart:
    items: list[str]
