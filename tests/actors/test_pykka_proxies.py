"""Proxies: what they show, what they hide, and what they do when things change."""

from __future__ import annotations

import copy
import logging
import sys

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncActor, Backoff, Restart, Strategy
from duologue.errors import BlockingCallError

pytestmark = pytest.mark.usefixtures("everyone_stops")


@pykka.traversable
class Engine:
    """A class whose instances are traversable."""

    def __init__(self) -> None:
        self.oil = Oil()

    def start(self) -> str:
        return "started"


class Oil:
    """An object that is traversable the old way."""

    pykka_traversable = True

    def __init__(self) -> None:
        self.level = 3


class Boat(AsyncActor):
    """Attributes of every kind."""

    sails = 2
    engine = Engine()

    def __init__(self) -> None:
        super().__init__()
        self.course = 90
        self.cargo = {"salt": 1}

    @property
    def wind(self) -> str:
        raise LookupError("no wind")

    @property
    def course_in_words(self) -> str:
        return f"{self.course} degrees"

    @course_in_words.setter
    def course_in_words(self, words: str) -> None:
        self.course = int(words.removesuffix(" degrees"))

    @staticmethod
    def horn() -> str:
        return "toot"

    def turn(self, by: int) -> int:
        self.course += by
        return self.course


def test_making_a_proxy_runs_no_property_and_looks_at_no_attribute() -> None:
    class Museum(AsyncActor):
        """Has a hundred methods."""

    for number in range(100):
        setattr(Museum, f"room_{number}", lambda _self, number=number: number)
    ref = Museum.start()
    lines = 0

    def trace(*_: object) -> object:
        nonlocal lines
        lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type] # a recursive type has no name here
    try:
        proxy = ref.proxy()
    finally:
        sys.settrace(before)

    assert lines < 100
    assert proxy.room_7().get() == 7


def test_a_property_runs_in_the_actor_only() -> None:
    proxy = Boat.start().proxy()

    future = proxy.wind

    with pytest.raises(LookupError, match="no wind"):
        future.get()


def test_a_proxy_sets_fields_properties_and_parts_of_parts() -> None:
    proxy = Boat.start().proxy()

    proxy.course_in_words = "45 degrees"
    proxy.engine.oil.level = 2

    assert proxy.course.get() == 45
    assert proxy.engine.oil.level.get() == 2


def test_setting_what_cannot_be_set_raises_here() -> None:
    proxy = Boat.start().proxy()

    with pytest.raises(AttributeError):
        proxy.wind = "strong"


def test_a_traversable_object_is_entered_however_it_is_marked() -> None:
    proxy = Boat.start().proxy()

    assert proxy.engine.start().get() == "started"
    assert isinstance(proxy.engine.oil, pykka.ActorProxy)
    assert "('engine', 'oil')" in repr(proxy.engine.oil)
    assert proxy.cargo.get() == {"salt": 1}


def test_a_method_replaced_at_run_time_is_the_one_that_is_called() -> None:
    ref = Boat.start()
    proxy = ref.proxy()

    assert proxy.turn(10).get() == 100
    proxy.turn = lambda by: -by

    assert proxy.turn(10).get() == -10
    assert ref.proxy().turn(10).get() == -10


def test_an_attribute_added_later_is_found() -> None:
    proxy = Boat.start().proxy()

    with pytest.raises(AttributeError, match="has no attribute 'anchor'"):
        _ = proxy.anchor
    proxy.anchor = "down"

    assert proxy.anchor.get() == "down"


def test_a_proxy_has_the_same_parts_each_time() -> None:
    proxy = Boat.start().proxy()

    assert proxy.turn is proxy.turn
    assert proxy.engine is proxy.engine
    assert isinstance(proxy.turn, pykka.CallableProxy)
    assert proxy.horn().get() == "toot"


def test_a_proxy_lists_what_it_offers() -> None:
    proxy = Boat.start().proxy()

    assert {"sails", "course", "turn", "wind", "stop", "actor_ref"} <= set(dir(proxy))
    assert {"oil", "start"} <= set(dir(proxy.engine))
    assert "_actor_ref" not in dir(proxy)


def test_proxies_of_one_actor_are_equal() -> None:
    ref, other = Boat.start(), Boat.start()

    assert ref.proxy() == ref.proxy() == pykka.ActorProxy(actor_ref=ref)
    assert pykka.ActorProxy(actor_ref=ref) == ref.proxy()
    assert len({ref.proxy(), ref.proxy()}) == 1
    assert ref.proxy() != other.proxy()
    assert ref.proxy() != ref.proxy().engine
    assert ref.proxy().engine == ref.proxy().engine


async def test_a_proxy_is_the_same_after_a_restart() -> None:
    class Raft(Boat):
        supervision: Strategy = Restart(backoff=Backoff(0))

    async with ActorSystem() as system:
        ref = Raft.start()
        proxy, parts = ref.proxy(), {ref.proxy().engine: "engine"}
        await proxy.turn(45)
        ref.tell(pykka.messages.ProxyCall(("sink",), (), {}))
        await system.settled()

        assert await proxy.course == 90
        assert proxy == ref.proxy()
        assert parts[ref.proxy().engine] == "engine"


def test_a_proxy_can_be_copied() -> None:
    proxy = Boat.start().proxy()

    copied = copy.copy(proxy)

    assert copied == proxy
    assert copied.turn(10).get() == 100


def test_a_proxy_outlives_its_actor_and_its_answers_say_so() -> None:
    ref = Boat.start()
    proxy = ref.proxy()
    ref.stop()

    for future in (proxy.course, proxy.turn(1)):
        with pytest.raises(pykka.ActorDeadError, match="not found"):
            future.get()
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        proxy.turn.defer(1)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.proxy()


def test_a_public_proxy_of_oneself_is_hidden_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Narcissus(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self.mirror = self.actor_ref.proxy()
            self.name = "Narcissus"

    with caplog.at_level(logging.WARNING, "pykka"):
        proxy = Narcissus.start().proxy()

    assert "'mirror' is a proxy to itself" in caplog.text
    assert "renaming it to '_mirror'" in caplog.text
    assert proxy.name.get() == "Narcissus"
    with pytest.raises(AttributeError, match="has no attribute 'mirror'"):
        _ = proxy.mirror


def test_a_proxy_of_another_actor_is_a_field_like_any_other() -> None:
    class Tug(AsyncActor):
        def __init__(self, boat: pykka.ActorProxy[Boat]) -> None:
            super().__init__()
            self.boat = boat

    boat = Boat.start().proxy()

    tug = Tug.start(boat).proxy()

    assert tug.boat.get() == boat
    assert tug.boat.get().turn(10).get() == 100


async def test_setting_on_the_loop_is_refused_and_names_the_message_to_send() -> None:
    async with ActorSystem():
        ref = Boat.start()
        proxy = ref.proxy()

        with pytest.raises(BlockingCallError) as refused:
            proxy.engine.oil.level = 1
        await ref.ask(pykka.messages.ProxySetAttr(("course",), value=10), block=False)

        assert "ProxySetAttr(('engine', 'oil', 'level'), value)" in str(refused.value)
        assert await proxy.engine.oil.level != 1
        assert await proxy.course == 10
