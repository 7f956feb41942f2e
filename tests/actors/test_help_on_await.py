"""A task that awaits an answer may give turns to actors, if a system says so."""

from __future__ import annotations

import asyncio
import sys

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import ActorSystem, AsyncActor, AsyncActorRef
from duologue.actors.testing import VirtualClock
from tests.actors.conftest import Echo, Slow, TurnTime


class Relay(AsyncActor):
    """Asks the next one and adds 1 to the answer."""

    def __init__(self, following: AsyncActorRef[AsyncActor] | None) -> None:
        super().__init__()
        self.following = following

    async def on_receive(self, message: int) -> int:
        if self.following is None:
            return message
        answer: int = await self.following.ask(message, block=False)
        return answer + 1


async def _trips(system: ActorSystem, asks: int) -> int:
    """How many trips through the loop so many asks take."""
    trips = 0
    loop = asyncio.get_running_loop()
    going = True

    def count() -> None:
        nonlocal trips
        trips += 1
        if going:
            loop.call_soon(count)

    echo = system.start(Echo)
    loop.call_soon(count)
    for number in range(asks):
        assert await echo.ask(number, block=False) == number
    going = False
    return trips


async def test_asks_need_no_trip_through_the_loop() -> None:
    async with ActorSystem(help_on_await=True) as system:
        # On a slow machine the quantum may be over after a single turn.
        assert await _trips(system, 100) < 150


async def test_without_the_option_every_ask_makes_a_trip() -> None:
    async with ActorSystem() as system:
        assert await _trips(system, 100) >= 150


async def test_help_ends_in_time_for_the_others_on_the_loop() -> None:
    async with ActorSystem(help_on_await=True) as system:
        assert await _trips(system, 2_000) >= 7


async def test_help_ends_when_a_quantum_is_over() -> None:
    turn_time = TurnTime()

    async with ActorSystem(help_on_await=True) as system:
        others = [system.start(Slow, turn_time) for _ in range(100)]
        last = system.start(Echo)
        answers = [
            other.ask(number, block=False) for number, other in enumerate(others)
        ]
        asking = asyncio.ensure_future(_ask(last))  # noqa: TID251 - awaited below

        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert not asking.done()
        assert not answers[-1].is_ready()
        assert await asking == "hello"


async def test_all_the_help_of_a_tick_ends_when_one_quantum_is_over() -> None:
    turn_time = TurnTime()

    async with ActorSystem(help_on_await=True) as system:
        slow = system.start(Slow, turn_time)
        asked = [0]

        async def ask_on() -> None:
            for number in range(50):
                await slow.ask(number, block=False)
                asked[0] = number

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask_on())

            await asyncio.sleep(0)
            await asyncio.sleep(0)

            assert asked[0] < 10


async def _ask(ref: AsyncActorRef[Echo]) -> object:
    answer: object = await ref.ask("hello", block=False)
    return answer


async def test_an_actor_that_asks_is_not_entered_again() -> None:
    log: list[str] = []

    class Asker(AsyncActor):
        def __init__(self, other: AsyncActorRef[Echo]) -> None:
            super().__init__()
            self.other = other

        async def on_receive(self, message: str) -> None:
            log.append(f"begin {message}")
            await self.other.ask(message, block=False)
            log.append(f"end {message}")

    async with ActorSystem(help_on_await=True) as system:
        asker = system.start(Asker, system.start(Echo))
        for message in "abc":
            asker.tell(message)
        await system.settled()

    assert log == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]


@settings(max_examples=15)
@given(length=st.integers(1, 60), asks=st.integers(1, 20))
def test_a_chain_of_asks_of_any_length_has_its_answer(length: int, asks: int) -> None:
    async def main() -> list[int]:
        async with ActorSystem(help_on_await=True) as system:
            ref = system.start(Relay, None)
            for _ in range(length):
                ref = system.start(Relay, ref)
            answers = [ref.ask(number, block=False) for number in range(asks)]
            return [await answer for answer in answers]

    assert VirtualClock().run(main) == [number + length for number in range(asks)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin at once from 3.12")
async def test_a_plain_handler_is_not_entered_again_by_what_it_starts() -> None:
    log: list[str] = []

    class Starter(AsyncActor):
        def __init__(self, other: AsyncActorRef[Echo]) -> None:
            super().__init__()
            self.other = other
            self.task: asyncio.Task[object] | None = None

        def on_receive(self, message: str) -> None:
            log.append(f"begin {message}")
            self.other.tell(message)
            loop = asyncio.get_running_loop()
            self.task = asyncio.Task(_ask(self.other), loop=loop, eager_start=True)  # type: ignore[call-arg, unused-ignore] # from 3.12
            log.append(f"end {message}")

    class Listener(Echo):
        def on_receive(self, message: object) -> object:
            log.append(f"heard {message}")
            return message

    async with ActorSystem(help_on_await=True) as system:
        starter = system.start(Starter, system.start(Listener))
        starter.tell("a")
        await system.settled()

    assert log[:2] == ["begin a", "end a"]


async def test_two_systems_on_one_loop_help_each_for_itself() -> None:
    async with ActorSystem(help_on_await=True) as helped, ActorSystem() as plain:
        assert await _trips(helped, 50) < 75
        assert await _trips(plain, 50) >= 75


async def test_nobody_helps_after_the_system_has_closed() -> None:
    async with ActorSystem(help_on_await=True):
        pass

    async with ActorSystem() as system:
        assert await _trips(system, 50) >= 75


def test_a_loop_is_not_helped_by_another_one_of_its_thread() -> None:
    async def ask() -> object:
        first.tell("wait")
        async with ActorSystem() as system:
            answer: object = await system.start(Echo).ask("hello", block=False)
            return answer, log.copy()

    class Noting(Echo):
        def on_receive(self, message: object) -> object:
            log.append(message)
            return message

    log: list[object] = []
    loop = asyncio.new_event_loop()
    system = ActorSystem(help_on_await=True)
    loop.run_until_complete(system.__aenter__())
    first = system.start(Noting)

    seen = asyncio.run(ask())

    loop.run_until_complete(system.__aexit__(None, None, None))
    loop.close()
    assert seen == ("hello", [])
    assert log == ["wait"]


async def test_a_failing_actor_that_is_helped_harms_only_itself() -> None:
    class Broken(Echo):
        def on_receive(self, message: object) -> object:
            raise ValueError(message)

    async with ActorSystem(help_on_await=True) as system:
        broken, echo = system.start(Broken), system.start(Echo)
        broken.tell("now")

        assert await echo.ask("hello", block=False) == "hello"
        assert not broken.is_alive()
