"""Actors without chats, reached from other programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from duologue.actors import ActorSystem, AsyncActor, Bounded
from duologue.errors import (
    MessageClassError,
    MessageExpiredError,
    RemoteUnavailableError,
    UnknownActorClassError,
    UnknownMessageError,
    UnknownRefError,
)
from duologue.messages import Event, Ref
from duologue.remote import RemoteRuntime
from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import refs_application
from tests.dialogs.test_told import Shop, shop
from tests.messages.shop import Cart, GetCart, OrderPaid

pytestmark = pytest.mark.real_time


class Books(AsyncActor):
    """The books of a shop."""

    mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="wait")
    gate: asyncio.Event

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.orders: list[str] = []

    async def on_receive(self, message: object) -> object:
        await self.gate.wait()
        match message:
            case OrderPaid(order=order):
                if order < 0:
                    raise ValueError(order)
                self.orders.append(str(order))
            case _:
                return Cart([self.key, *self.orders])
        return None


@asynccontextmanager
async def books() -> AsyncGenerator[tuple[ActorSystem, RemoteRuntime]]:
    Books.gate = asyncio.Event()
    Books.gate.set()
    async with ActorSystem() as system:
        system.directory.register(Books, Books)
        system.directory.expose(Books, told=[OrderPaid], asked=[GetCart])
        door = refs_application(system.directory, loopback=True)
        async with serve(door) as place, RemoteRuntime(place.url, patience=1) as remote:
            yield system, remote


async def test_actors_of_an_exposed_class_are_told_and_asked_by_their_keys() -> None:
    async with books() as (_, remote):
        north, south = remote.actor("Books", "north/1"), remote.ref("Books/south")

        await north.tell(OrderPaid(1), id="one")
        await north.tell(OrderPaid(1), id="one")
        await south.tell(OrderPaid(2))

        assert await north.ask(GetCart(), Cart) == Cart(["north/1", "1"])
        assert await south.ask(GetCart(), Cart) == Cart(["south", "2"])


async def test_what_is_not_exposed_cannot_be_reached() -> None:
    async with books() as (system, remote):
        with pytest.raises(UnknownRefError):
            await remote.actor("Other", "1").tell(OrderPaid(1))
        with pytest.raises(UnknownMessageError):
            await remote.actor("Books", "1").tell(GetCart())
        with pytest.raises(UnknownMessageError):
            await remote.actor("Books", "1").ask(OrderPaid(1))
        with pytest.raises(UnknownActorClassError):
            system.directory.expose(AsyncActor)
        with pytest.raises(MessageClassError):
            system.directory.expose(Books, told=[int])
        assert len(system.directory) == 0
        assert list(system.directory.exposed) == ["Books"]


async def test_a_full_mailbox_an_old_message_and_an_error_are_told() -> None:
    async with books() as (system, remote):
        actor = remote.actor("Books", "1")
        Books.gate.clear()
        for number in range(3):
            await actor.tell(OrderPaid(number))
        with pytest.raises(RemoteUnavailableError, match="429"):
            await actor.tell(OrderPaid(3), id="three")
        Books.gate.set()
        await actor.tell(OrderPaid(3), id="three")
        await actor.tell(OrderPaid(4), expires_in=-1)
        exposed = system.directory.exposed["Books"]
        old = Event(
            id="5",
            source="//shop",
            type="shop.get_cart.v1",
            subject=Ref("Books", "1"),
            data={},
            expires=datetime(2026, 1, 1, tzinfo=UTC),
        )
        outcome = await exposed.send(old, asked=True)
        with pytest.raises(MessageExpiredError):
            await outcome

        assert await actor.ask(GetCart(), Cart) == Cart(["1", *"0123"])


async def test_the_door_of_a_bot_has_actors_beside_its_dialogs() -> None:
    async with books() as (system, _), Playground(shop()) as chat:
        await (await chat.dialog(1).start(Shop.cart)).drawn()
        door = chat.runtime.refs(loopback=True, directory=system.directory)
        async with serve(door) as place, RemoteRuntime(place.url) as remote:
            await remote.ref("Books/1").tell(OrderPaid(1))
            await remote.ref("dialog/test.1:1:1").tell(OrderPaid(2))

            assert await remote.ref("Books/1").ask(GetCart()) == {"items": ["1", "1"]}
            assert await remote.ref("dialog/test.1:1:1").ask(GetCart()) == {
                "items": ["2"]
            }


async def test_a_message_whose_outcome_is_awaited_is_handled_once_too() -> None:
    async with books() as (system, remote):
        exposed = system.directory.exposed["Books"]
        one = Event(
            id="1",
            source="//shop",
            type="shop.order_paid.v1",
            subject=Ref("Books", "1"),
            data={"order": 1},
        )

        statuses = [(await (await exposed.send(one, asked=False))).status for _ in "12"]

        assert statuses == ["committed", "duplicate"]
        for number in range(2, 140):
            await remote.ref("Books/1").tell(OrderPaid(number))
        again = await exposed.send(one, asked=False)
        assert (await again).status == "committed"
