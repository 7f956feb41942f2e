"""Pykka's registry, with indexes: the same answers, without a search."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import ClassVar

import pykka
import pytest
from hypothesis import given, strategies as st

from duologue.actors import ActorSystem, AsyncActor, Bounded
from duologue.actors.testing import Probe
from duologue.errors import BlockingCallError, MailboxFullError


class Animal(AsyncActor):
    """A base class with two kinds."""


class Dog(Animal):
    """One kind."""


class Cat(Animal):
    """The other kind."""


BOTH_KINDS: type[pykka.Actor] = pykka.Actor  # type: ignore[type-abstract] # to look up


class Postman(pykka.ThreadingActor):
    """An actor with a thread of its own."""


@pytest.fixture(autouse=True)
def _indexes(everyone_stops: None) -> None:  # noqa: ARG001 - it stops them after
    Dog.start().stop()  # the first host puts the indexes in


def test_a_class_finds_its_subclasses_in_the_order_of_their_start() -> None:
    dog, postman, cat, puppy = (kind.start() for kind in (Dog, Postman, Cat, Dog))

    assert pykka.ActorRegistry.get_by_class(Animal) == [dog, cat, puppy]
    assert pykka.ActorRegistry.get_by_class(Dog) == [dog, puppy]
    assert pykka.ActorRegistry.get_by_class(BOTH_KINDS) == [dog, postman, cat, puppy]
    assert pykka.ActorRegistry.get_all() == [dog, postman, cat, puppy]


def test_a_name_finds_its_class_but_no_subclass() -> None:
    dog = Dog.start()

    assert pykka.ActorRegistry.get_by_class_name("Dog") == [dog]
    assert pykka.ActorRegistry.get_by_class_name("Animal") == []


def test_a_urn_finds_actors_of_both_kinds_while_they_live() -> None:
    refs = [kind.start() for kind in (Dog, Postman, Cat)]
    urns = [ref.actor_urn for ref in refs]

    assert [pykka.ActorRegistry.get_by_urn(urn) for urn in urns] == refs

    for ref in refs:
        ref.stop()
    assert [pykka.ActorRegistry.get_by_urn(urn) for urn in urns] == [None] * 3
    assert pykka.ActorRegistry.get_by_urn("urn:uuid:unknown") is None


def test_a_urn_first_read_after_the_end_finds_nothing() -> None:
    ref = Dog.start()
    ref.stop()

    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_a_ref_may_be_registered_again() -> None:
    ref, other = Dog.start(), Dog.start()
    pykka.ActorRegistry.unregister(ref)

    assert pykka.ActorRegistry.get_all() == [other]
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None

    pykka.ActorRegistry.register(ref)
    pykka.ActorRegistry.register(other)
    assert pykka.ActorRegistry.get_all() == [other, ref]
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref


def test_another_ref_of_an_actor_may_come_and_go() -> None:
    ref = Dog.start()
    other = pykka.ActorRef(ref.proxy()._actor)
    pykka.ActorRegistry.register(other)

    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    for each in (other, ref):
        assert each in pykka.ActorRegistry.get_all()
        pykka.ActorRegistry.unregister(each)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert pykka.ActorRegistry.get_all() == []


def test_a_registry_with_a_list_of_its_own_keeps_apart() -> None:
    class Office(pykka.ActorRegistry):
        """Who works here."""

        _actor_refs: ClassVar[list[pykka.ActorRef[pykka.Actor]]] = []

    postman, other = Postman.start(), Postman.start()
    Office.register(postman)

    assert Office.get_all() == Office.get_by_class(Postman) == [postman]
    assert Office.get_by_urn(other.actor_urn) is None
    Office.unregister(other)
    assert pykka.ActorRegistry.get_by_class(Postman) == [postman, other]
    Office.unregister(postman)
    assert Office.get_all() == []
    assert pykka.ActorRegistry.get_by_class(Postman) == [postman, other]


def test_a_list_that_is_put_back_is_indexed_again() -> None:
    dog = Dog.start()

    # As tests of others do, to start with an empty registry.
    indexes = pykka.ActorRegistry._actor_refs
    try:
        pykka.ActorRegistry._actor_refs = []
        cat = Cat.start()

        assert pykka.ActorRegistry.get_by_class(Animal) == [cat]
        assert cat.stop()
        assert pykka.ActorRegistry.get_all() == []
    finally:
        pykka.ActorRegistry._actor_refs = indexes
    assert pykka.ActorRegistry.get_all() == [dog]


def test_a_broadcast_leaves_out_who_has_stopped() -> None:
    postman, dog = Postman.start(), Dog.start()
    for ref in (postman, dog):
        ref.stop()
        pykka.ActorRegistry.register(ref)  # as if they were stopping just now
    probe = Probe.start()

    pykka.ActorRegistry.broadcast("hello")
    probe.ref.ask("any more?")

    pykka.ActorRegistry.unregister(postman)
    pykka.ActorRegistry.unregister(dog)
    assert probe.received == ("hello", "any more?")


async def test_a_broadcast_reaches_those_behind_a_full_mailbox() -> None:
    class Narrow(Animal):
        mailbox: ClassVar[Bounded | None] = Bounded(1)

    async with ActorSystem() as system:
        narrow, probe = Narrow.start(), Probe.start()
        narrow.tell("takes the room")

        with pytest.raises(MailboxFullError, match="Narrow"):
            pykka.ActorRegistry.broadcast("hello")
        await system.settled()

        assert probe.received == ("hello",)


def test_looking_up_and_logging_make_no_urns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pykka"):
        ref = Dog.start()
        pykka.ActorRegistry.get_by_urn("urn:uuid:unknown")
        pykka.ActorRegistry.get_by_class(Animal)
        ref.stop()

    assert ref.known_urn() is None


async def test_a_lookup_does_not_touch_the_other_actors() -> None:
    async with ActorSystem():
        refs = [Dog.start() for _ in range(2000)]
        cat = Cat.start()
        urn = cat.actor_urn

        assert _calls(lambda: pykka.ActorRegistry.get_by_urn(urn)) < 100
        assert _calls(lambda: pykka.ActorRegistry.get_by_class(Cat)) < 100
        assert _calls(lambda: pykka.ActorRegistry.get_by_class_name("Cat")) < 100
        assert _calls(lambda: pykka.ActorRegistry.unregister(refs[-1])) < 100


def _calls(act: object) -> int:
    """How many lines and calls an act takes, a measure without a clock."""
    count = 0

    def trace(*_: object) -> object:
        nonlocal count
        count += 1
        return trace

    assert callable(act)
    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type] # a recursive type has no name here
    try:
        act()
    finally:
        sys.settrace(before)
    return count


@given(st.lists(st.tuples(st.sampled_from(["dog", "cat", "stop"]), st.integers(0, 9))))
def test_any_history_of_starts_and_stops_leaves_what_a_list_would_hold(
    history: list[tuple[str, int]],
) -> None:
    async def play() -> None:
        kinds = {"dog": Dog, "cat": Cat}
        alive: list[pykka.ActorRef[Animal]] = []
        async with ActorSystem():
            for act, number in history:
                if act != "stop":
                    ref: pykka.ActorRef[Animal] = kinds[act].start()
                    alive.append(ref)
                    if number % 2:
                        assert ref.actor_urn
                elif alive:
                    await alive.pop(number % len(alive)).stop(block=False)
            found = pykka.ActorRegistry
            assert found.get_by_class(Animal) == alive
            for name, kind in (("Dog", Dog), ("Cat", Cat)):
                mine = [ref for ref in alive if ref.actor_class is kind]
                assert found.get_by_class(kind) == mine
                assert found.get_by_class_name(name) == mine
            assert [found.get_by_urn(ref.actor_urn) for ref in alive] == alive

    asyncio.run(play())


def test_urns_read_by_many_threads_at_once_are_all_found() -> None:
    refs = [Dog.start() for _ in range(50)]
    read: list[list[str]] = []
    together = threading.Barrier(4)

    def read_all() -> None:
        together.wait()
        read.append([ref.actor_urn for ref in refs])

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read == [read[0]] * 4
    assert [pykka.ActorRegistry.get_by_urn(urn) for urn in read[0]] == refs


async def test_stopping_everyone_on_the_loop_is_refused_before_anyone_is_told() -> None:
    async with ActorSystem():
        postman, dog = Postman.start(), Dog.start()

        with pytest.raises(BlockingCallError, match=r"stop_all\(block=False\)"):
            pykka.ActorRegistry.stop_all()

        assert dog.is_alive()
        assert postman.is_alive()
        gone = pykka.ActorRegistry.stop_all(block=False)
        await asyncio.to_thread(pykka.get_all, gone, timeout=30)
        assert not dog.is_alive()
        assert not postman.is_alive()
