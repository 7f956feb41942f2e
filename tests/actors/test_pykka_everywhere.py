"""What Pykka says holds in a thread, in an actor and on the loop that runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import TypeAlias

import pykka
import pytest
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from duologue.actors import ActorSystem, AsyncActor

Statement: TypeAlias = Callable[[], Coroutine[object, object, None]]
Place: TypeAlias = Callable[[Statement], None]


class Radio:
    """An object inside of an actor that its proxy may enter."""

    def __init__(self) -> None:
        self.station = "one"

    def tune(self, station: str) -> str:
        self.station = station
        return station

    async def scan(self) -> str:
        await asyncio.sleep(0)
        return self.station


class Car(AsyncActor):
    """A field, a property, methods of both kinds, a traversable object."""

    wheels = 4

    def __init__(self) -> None:
        super().__init__()
        self.speed = 0
        self.radio = pykka.traversable(Radio())
        self.stops: list[str] = []

    @property
    def is_moving(self) -> bool:
        return self.speed > 0

    def on_receive(self, message: object) -> object:
        if isinstance(message, Exception):
            raise message
        return message

    def go(self, speed: int) -> int:
        self.speed = speed
        return speed

    async def brake(self) -> int:
        await asyncio.sleep(0)
        self.speed = 0
        return self.speed

    def crash(self) -> None:
        raise LookupError("crash")


class Stage(AsyncActor):
    """An actor in whose turn a statement is made."""

    async def on_receive(self, message: Statement) -> None:
        await message()


def in_a_thread(statement: Statement) -> None:
    asyncio.run(statement())


def in_an_actor(statement: Statement) -> None:
    Stage.start().ask(statement, timeout=10)


def on_the_loop(statement: Statement) -> None:
    async def main() -> None:
        async with ActorSystem():
            await statement()

    asyncio.run(main())


@pytest.fixture(params=[in_a_thread, in_an_actor, on_the_loop])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    chosen: Place = request.param
    yield chosen
    pykka.ActorRegistry.stop_all(timeout=30)


def test_tell_and_ask_are_handled_in_their_order(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        answers = [ref.ask(number, block=False) for number in range(100)]

        assert await answers[-1] == 99
        assert [await answer for answer in answers] == list(range(100))
        assert ref.tell("hello") is None  # type: ignore[func-returns-value] # as Pykka says

    place(statement)


def test_an_error_of_an_ask_is_the_answer(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()

        with pytest.raises(LookupError, match="lost"):
            await ref.ask(LookupError("lost"), block=False)

        assert await ref.ask("hello", block=False) == "hello"

    place(statement)


def test_an_actor_stops_after_what_it_has_and_then_refuses(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        before = ref.ask("before", block=False)
        stopping = ref.stop(block=False)
        after = ref.ask("after", block=False)

        assert await stopping
        assert await before == "before"
        with pytest.raises(pykka.ActorDeadError):
            await after
        assert not ref.is_alive()
        assert not await ref.stop(block=False)
        with pytest.raises(pykka.ActorDeadError, match="not found"):
            ref.tell("late")
        with pytest.raises(pykka.ActorDeadError, match="not found"):
            await ref.ask("late", block=False)

    place(statement)


def test_a_proxy_reads_fields_and_properties(place: Place) -> None:
    async def statement() -> None:
        proxy = Car.start().proxy()

        assert await proxy.wheels == 4
        assert await proxy.speed == 0
        assert await proxy.is_moving is False

    place(statement)


def test_a_proxy_calls_methods_of_both_kinds(place: Place) -> None:
    async def statement() -> None:
        proxy = Car.start().proxy()

        assert await proxy.go(speed=5) == 5
        assert await proxy.is_moving is True
        assert await proxy.brake() == 0
        proxy.go.defer(7)
        assert await proxy.speed == 7

    place(statement)


def test_an_error_of_a_method_is_raised_by_its_future(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()

        with pytest.raises(LookupError, match="crash"):
            await ref.proxy().crash()

        assert ref.is_alive()

    place(statement)


def test_an_error_of_a_deferred_method_stops_the_actor(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        proxy = ref.proxy()

        proxy.crash.defer()

        with pytest.raises(pykka.ActorDeadError):
            await proxy.go(1)
        assert not ref.is_alive()

    place(statement)


def test_a_proxy_enters_traversable_objects(place: Place) -> None:
    async def statement() -> None:
        proxy = Car.start().proxy()

        assert await proxy.radio.tune("two") == "two"
        assert await proxy.radio.scan() == "two"
        assert await proxy.radio.station == "two"

    place(statement)


def test_what_is_private_or_missing_is_an_attribute_error(place: Place) -> None:
    async def statement() -> None:
        proxy = Car.start().proxy()

        for name in ("_actor_ref", "nonsense"):
            with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
                getattr(proxy, name)
        with pytest.raises(AttributeError, match="has no attribute 'volume'"):
            _ = proxy.radio.volume

    place(statement)


def test_the_messages_of_a_proxy_need_no_proxy(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        call = ProxyCall(attr_path=("go",), args=(3,), kwargs={})
        write = ProxySetAttr(attr_path=("radio", "station"), value="three")
        read = ProxyGetAttr(attr_path=("radio", "station"))

        assert await ref.ask(call, block=False) == 3
        assert await ref.ask(write, block=False) is None
        assert await ref.ask(read, block=False) == "three"

    place(statement)


def test_the_registry_finds_live_actors_only(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        registry = pykka.ActorRegistry

        assert registry.get_by_urn(ref.actor_urn) is ref
        assert registry.get_by_class(Car) == [ref]
        assert registry.get_by_class_name("Car") == [ref]
        assert ref in registry.get_all()

        await ref.stop(block=False)
        assert registry.get_by_urn(ref.actor_urn) is None
        assert registry.get_by_class(Car) == []
        assert registry.get_by_class_name("Car") == []
        assert ref not in registry.get_all()

    place(statement)


def test_a_broadcast_reaches_a_class_a_name_or_everyone(place: Place) -> None:
    class Listener(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self.heard: list[object] = []

        def on_receive(self, message: object) -> None:
            self.heard.append(message)

    async def statement() -> None:
        proxies = [Listener.start().proxy() for _ in range(3)]

        pykka.ActorRegistry.broadcast("class", Listener)
        pykka.ActorRegistry.broadcast("name", "Listener")
        pykka.ActorRegistry.broadcast("nobody", "Nobody")

        for proxy in proxies:
            assert await proxy.heard == ["class", "name"]

    place(statement)


def test_futures_are_combined_and_awaited(place: Place) -> None:
    async def statement() -> None:
        ref = Car.start()
        one, two = ref.ask(1, block=False), ref.ask(2, block=False)

        assert await one.map(str) == "1"
        assert await one.join(two) == [1, 2]
        assert await one.join(two).filter(lambda value: value > 1) == [2]
        assert await one.join(two).reduce(lambda left, right: left + right) == 3

    place(statement)


def test_an_actor_may_talk_to_itself_later(place: Place) -> None:
    class Counter(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self._in_future = self.actor_ref.proxy()
            self.steps: list[int] = []

        def count(self, down: int) -> None:
            self.steps.append(down)
            if down:
                self._in_future.count(down - 1)

    async def statement() -> None:
        ref = Counter.start()
        proxy = ref.proxy()
        steps = await proxy.steps

        await proxy.count(3)
        while len(steps) < 4:
            await ref.proxy().steps

        assert steps == [3, 2, 1, 0]

    place(statement)


def test_an_actor_stops_itself(place: Place) -> None:
    class Mayfly(AsyncActor):
        def on_receive(self, message: object) -> object:
            self.stop()
            return message

    async def statement() -> None:
        ref = Mayfly.start()

        assert await ref.ask("hello", block=False) == "hello"
        assert await ref.stop(block=False) in {True, False}
        assert not ref.is_alive()

    place(statement)
