"""Keyed actors: one at a time for a key, made when needed, let go when idle."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
from collections import Counter, defaultdict
from typing import cast

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import ActorSystem, AsyncActor, AsyncFuture, Counts, KeyedRef
from duologue.actors.testing import VirtualClock
from duologue.errors import (
    ActivationError,
    ActorClassTakenError,
    ActorKeyError,
    BlockingCallError,
    IdleTimeError,
    SystemClosedError,
    UnknownActorClassError,
)


class Ledger:
    """What the actors of one test have seen, by key."""

    def __init__(self) -> None:
        self.messages: defaultdict[str, list[object]] = defaultdict(list)
        self.alive: Counter[str] = Counter()
        self.most_alive: Counter[str] = Counter()
        self.activations: Counter[str] = Counter()


class Keyed(AsyncActor):
    """Takes a second to come and a second to go."""

    def __init__(self, key: str, ledger: Ledger) -> None:
        super().__init__()
        self.key = key
        self.ledger = ledger

    async def on_activate(self) -> None:
        self.ledger.activations[self.key] += 1
        self.ledger.alive[self.key] += 1
        self.ledger.most_alive[self.key] = max(
            self.ledger.alive[self.key], self.ledger.most_alive[self.key]
        )
        await asyncio.sleep(1)

    async def on_passivate(self) -> None:
        await asyncio.sleep(1)
        self.ledger.alive[self.key] -= 1

    async def on_receive(self, message: object) -> object:
        if message == "fail":
            self.ledger.alive[self.key] -= 1
            raise LookupError
        if message == "go":
            self.passivate()
        if message == "long":
            await asyncio.sleep(500)
        self.ledger.messages[self.key].append(message)
        return message


def with_directory(system: ActorSystem, *, idle_after: float | None = 60) -> Ledger:
    ledger = Ledger()
    system.directory.register(
        Keyed, lambda key: Keyed(key, ledger), idle_after=idle_after
    )
    return ledger


async def test_the_first_message_makes_the_actor() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system)
        ref = system.directory.ref(Keyed, "a")
        before = len(system.directory)

        answer = await ref.ask("hello", block=False)

        assert (before, len(system.directory)) == (0, 1)
        assert answer == "hello"
        assert ledger.activations == {"a": 1}


async def test_an_idle_actor_goes_and_comes_back() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system, idle_after=60)
        ref = system.directory.ref(Keyed, "a")
        ref.tell(1)

        await asyncio.sleep(65)
        gone = len(system.directory)
        await ref.ask(2, block=False)

    assert gone == 0
    assert ledger.messages == {"a": [1, 2]}
    assert ledger.activations == {"a": 2}


async def test_an_actor_in_use_or_at_work_stays() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system, idle_after=60)
        used, busy = (system.directory.ref(Keyed, key) for key in ("used", "busy"))
        busy.tell("long")

        for number in range(10):
            used.tell(number)
            await asyncio.sleep(45)

        assert len(system.directory) == 2
        assert ledger.activations == {"used": 1, "busy": 1}


async def test_classes_go_after_their_own_time() -> None:
    class Hasty(Keyed):
        pass

    async with ActorSystem() as system:
        ledger = with_directory(system, idle_after=1_000)
        system.directory.register(Hasty, lambda key: Hasty(key, ledger), idle_after=5)
        system.directory.ref(Keyed, "a").tell(1)
        await asyncio.sleep(2)
        system.directory.ref(Hasty, "b").tell(1)

        await asyncio.sleep(10)

        assert len(system.directory) == 1
        assert ledger.alive == {"a": 1, "b": 0}


async def test_an_actor_without_a_limit_stays() -> None:
    async with ActorSystem() as system:
        with_directory(system, idle_after=None)
        system.directory.ref(Keyed, "a").tell(1)

        await asyncio.sleep(1_000_000)

        assert len(system.directory) == 1


async def test_passivation_on_request_says_whether_there_was_an_actor() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system)
        ref = system.directory.ref(Keyed, "a")
        ref.tell(1)

        first = await ref.passivate()
        left = len(system.directory)
        second = await ref.passivate()

    assert (first, left, second) == (True, 0, False)
    assert ledger.messages == {"a": [1]}


async def test_messages_that_meet_a_passivation_reach_the_next_actor() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system)
        ref = system.directory.ref(Keyed, "a")
        ref.tell(1)
        ref.tell("go")
        ref.tell(2)
        await asyncio.sleep(1.5)  # on its way out

        answer = ref.ask(3, block=False)

        assert await answer == 3
        assert ledger.messages == {"a": [1, "go", 2, 3]}
        assert ledger.activations == {"a": 2}
        assert ledger.most_alive == {"a": 1}


async def test_messages_behind_a_failure_reach_the_next_actor() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system)
        ref = system.directory.ref(Keyed, "a")

        for message in (1, "fail", 2):
            ref.tell(message)
        await system.settled()

    assert ledger.messages == {"a": [1, 2]}
    assert ledger.most_alive == {"a": 1}


async def test_a_failed_activation_fails_its_messages_and_may_be_tried_again() -> None:
    attempts = itertools.count()

    class Shy(AsyncActor):
        async def on_activate(self) -> None:
            if next(attempts) == 0:
                raise LookupError("not today")

        def on_receive(self, message: object) -> object:
            return message

    async with ActorSystem() as system:
        system.directory.register(Shy, lambda _: Shy())
        ref = system.directory.ref(Shy, "a")

        with pytest.raises(ActivationError, match="not today") as caught:
            await ref.ask(1, block=False)

        assert isinstance(caught.value.__cause__, LookupError)
        assert len(system.directory) == 0
        assert await ref.ask(2, block=False) == 2


async def test_a_factory_that_fails_fails_its_messages() -> None:
    def factory(key: str) -> Keyed:
        raise LookupError(key)

    async with ActorSystem() as system:
        system.directory.register(Keyed, factory)
        ref = system.directory.ref(Keyed, "a")

        with pytest.raises(ActivationError, match="LookupError"):
            await ref.ask(1, block=False)

        assert len(system.directory) == 0


async def test_a_factory_that_is_cancelled_fails_its_messages() -> None:
    def factory(key: str) -> Keyed:
        raise asyncio.CancelledError(key)

    said: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: said.append(context["exception"]))
    async with ActorSystem() as system:
        system.directory.register(Keyed, factory)
        ref = system.directory.ref(Keyed, "a")

        with pytest.raises(ActivationError, match="CancelledError"):
            await ref.ask(1, block=False)

        assert len(system.directory) == 0
    assert list(map(type, said)) == [asyncio.CancelledError]


async def test_a_factory_must_not_give_an_actor_a_second_time() -> None:
    async with ActorSystem() as system:
        keyed = Keyed("a", Ledger())
        system.directory.register(Keyed, lambda _key: keyed)
        ref = system.directory.ref(Keyed, "a")
        answer = await ref.ask(1, block=False)
        await ref.passivate()

        with pytest.raises(ActivationError, match="has not been started"):
            await ref.ask(2, block=False)

        assert answer == 1
        assert len(system.directory) == 0


async def test_an_actor_that_was_never_initialised_fails_its_messages() -> None:
    class Forgetful(AsyncActor):
        def __init__(self) -> None:
            pass  # and no super().__init__()

    async with ActorSystem() as system:
        system.directory.register(Forgetful, lambda _key: Forgetful())
        ref = system.directory.ref(Forgetful, "a")

        with pytest.raises(ActivationError, match="ActorInitError"):
            await ref.ask(1, block=False)

        assert len(system.directory) == 0


async def test_messages_for_an_actor_killed_before_it_begins_go_to_the_next() -> None:
    class Killer(Counts):
        def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
            super().count(name, amount, **labels)
            if len(made) == 1:
                killed.append(made[0].actor_ref.kill(block=False))

    def factory(key: str) -> Keyed:
        made.append(Keyed(key, ledger))
        return made[-1]

    made: list[Keyed] = []
    killed: list[AsyncFuture[bool]] = []
    ledger = Ledger()
    async with ActorSystem(observer=Killer()) as system:
        system.directory.register(Keyed, factory)

        answer = await system.directory.ref(Keyed, "a").ask(1, block=False)

        assert answer == 1
        assert await killed[0]
        assert len(made) == 2
        assert ledger.messages["a"] == [1]


async def test_no_actor_is_made_once_the_system_has_closed() -> None:
    class Slow(AsyncActor):
        async def on_receive(self, message: object) -> None:
            await asyncio.sleep(5)
            last_words.append(
                system.directory.ref(Keyed, "a").ask(message, block=False)
            )
            await asyncio.sleep(1)

    last_words: list[AsyncFuture[object]] = []
    made: list[str] = []
    # Just behind the sleep, yet the same moment for a loop: the time is over before
    # the host gets to the actor that it was asked to make.
    async with ActorSystem(drain=5 + 5e-10) as system:
        system.directory.register(Keyed, made.append)  # type: ignore[arg-type] # never called
        system.start(Slow).tell("hello")
        await asyncio.sleep(0)

    with pytest.raises(SystemClosedError, match="key 'a'"):
        await last_words[0]
    assert made == []


async def test_a_system_that_is_entered_again_has_keyed_actors_again() -> None:
    system = ActorSystem()
    ledger = with_directory(system, idle_after=60)
    ref = system.directory.ref(Keyed, "a")
    async with system:
        ref.tell("first")
        await asyncio.sleep(10)

    async with system:
        second = await ref.ask("second", block=False)
        await asyncio.sleep(1_000)
        left = len(system.directory)

    assert second == "second"
    assert left == 0
    assert ledger.messages["a"] == ["first", "second"]


async def test_an_actor_that_goes_may_register_another_class() -> None:
    class Late(AsyncActor):
        pass

    class Last(AsyncActor):
        def on_passivate(self) -> None:
            system.directory.register(Late, lambda _key: Late())

    async with ActorSystem() as system:
        system.directory.register(Last, lambda _key: Last())
        system.directory.ref(Last, "a").tell("come")
        await system.settled()

    assert system.directory.by_class() == {"Last": 0, "Late": 0}


async def test_leaving_the_system_lets_every_actor_go_properly() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system)
        for number in range(20):
            system.directory.ref(Keyed, str(number)).tell(number)

    assert ledger.alive.total() == 0
    assert len(ledger.messages) == 20
    assert len(system.directory) == 0


async def test_a_closed_directory_refuses_messages() -> None:
    async with ActorSystem() as system:
        with_directory(system)
        ref = system.directory.ref(Keyed, "a")

    with pytest.raises(SystemClosedError, match="key 'a'"):
        ref.tell(1)
    with pytest.raises(SystemClosedError):
        await ref.ask(1, block=False)
    assert not await ref.passivate()


async def test_a_closing_directory_takes_no_message_from_outside() -> None:
    going: AsyncFuture[None] = AsyncFuture()

    class Going(Keyed):
        async def on_passivate(self) -> None:
            going.set()
            await super().on_passivate()

    async def tell_late(ref: KeyedRef[Going]) -> None:
        await going
        ref.tell("late")

    ledger = Ledger()
    with pytest.RaisesGroup(SystemClosedError):
        async with asyncio.TaskGroup() as group, ActorSystem() as system:
            system.directory.register(Going, lambda key: Going(key, ledger))
            await system.directory.ref(Going, "a").ask(1, block=False)
            group.create_task(tell_late(system.directory.ref(Going, "b")))

    assert ledger.messages == {"a": [1]}


async def test_last_words_to_a_keyed_actor_are_heard() -> None:
    class Plain(AsyncActor):
        def on_stop(self) -> None:
            system.directory.ref(Keyed, "a").tell("last words")

    async with ActorSystem() as system:
        ledger = with_directory(system)
        system.start(Plain)

    assert ledger.messages == {"a": ["last words"]}
    assert ledger.alive == {"a": 0}


async def test_refs_are_equal_if_they_mean_the_same_actor() -> None:
    async with ActorSystem() as system:
        with_directory(system)
        ref = system.directory.ref(Keyed, "a")

        assert {ref, system.directory.ref(Keyed, "a")} == {ref}
        assert ref != system.directory.ref(Keyed, "b")
        assert (ref.key, ref.actor_class) == ("a", Keyed)
        assert repr(ref) == "<KeyedRef for Keyed 'a'>"


async def test_classes_are_registered_once_and_before_use() -> None:
    async with ActorSystem() as system:
        with pytest.raises(UnknownActorClassError, match="register"):
            system.directory.ref(Keyed, "a")

        with_directory(system)

        with pytest.raises(ActorClassTakenError, match="Keyed"):
            with_directory(system)


@pytest.mark.parametrize("key", [5, None, b"a", ["a"]])
async def test_a_key_is_a_string(key: object) -> None:
    async with ActorSystem(hosts=2) as system:
        with_directory(system)

        with pytest.raises(ActorKeyError, match="no key for a Keyed"):
            system.directory.ref(Keyed, cast("str", key))


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, "60"])
async def test_nobody_is_idle_for_a_time_that_is_none(seconds: object) -> None:
    async with ActorSystem() as system:
        with pytest.raises(IdleTimeError, match="no Keyed can be idle for"):
            with_directory(system, idle_after=cast("float", seconds))

        assert system.directory.by_class() == {}


async def test_an_actor_may_be_idle_for_no_more_than_a_moment() -> None:
    async with ActorSystem() as system:
        ledger = with_directory(system, idle_after=1e-6)
        system.directory.ref(Keyed, "a").tell("message")

        await asyncio.sleep(60)

        assert len(system.directory) == 0
        assert ledger.messages["a"] == ["message"]


async def test_a_waiting_ask_is_refused_on_the_loop_and_served_in_a_thread() -> None:
    async with ActorSystem() as system:
        with_directory(system)
        ref = system.directory.ref(Keyed, "a")

        with pytest.raises(BlockingCallError):
            ref.ask(1)

        assert len(system.directory) == 0
        assert await asyncio.to_thread(ref.ask, 1) == 1


async def test_ten_thousand_idle_actors_share_one_timer() -> None:
    tasks = len(asyncio.all_tasks())
    async with ActorSystem() as system:

        class Quick(AsyncActor):
            def on_receive(self, message: object) -> object:
                return message

        system.directory.register(Quick, lambda _: Quick())
        for number in range(10_000):
            system.directory.ref(Quick, str(number)).tell(number)
        await system.settled()

        assert len(system.directory) == 10_000
        assert len(asyncio.all_tasks()) == tasks
        await asyncio.sleep(120)
        assert len(system.directory) == 0


class Fast(AsyncActor):
    """Comes and goes in one step of the loop."""

    def __init__(self, key: str, ledger: Ledger) -> None:
        super().__init__()
        self.key = key
        self.ledger = ledger

    def on_activate(self) -> None:
        self.ledger.alive[self.key] += 1
        self.ledger.most_alive[self.key] = max(
            self.ledger.alive[self.key], self.ledger.most_alive[self.key]
        )

    async def on_passivate(self) -> None:
        await asyncio.sleep(0)
        self.ledger.alive[self.key] -= 1

    def on_receive(self, message: object) -> None:
        self.ledger.messages[self.key].append(message)


def play(ref: KeyedRef[Fast], sender: int, script: list[str]) -> None:
    for number, step in enumerate(script):
        if step == "go":
            _ = ref.passivate()
        else:
            ref.tell((sender, number))


async def play_all(ledger: Ledger, scripts: list[list[str]]) -> None:
    """Let each script have a thread of its own, all at once."""
    start = threading.Barrier(len(scripts))

    def run(sender: int) -> None:
        start.wait()
        play(ref, sender, scripts[sender])

    async with ActorSystem() as system:
        system.directory.register(Fast, lambda key: Fast(key, ledger), idle_after=0.001)
        ref = system.directory.ref(Fast, "a")
        async with asyncio.TaskGroup() as group:
            for sender in range(len(scripts)):
                group.create_task(asyncio.to_thread(run, sender))


@settings(max_examples=15, deadline=None)
@given(
    scripts=st.lists(
        st.lists(st.sampled_from(["say", "go"]), max_size=40), min_size=1, max_size=4
    )
)
def test_nothing_is_lost_doubled_or_reordered_across_passivation(
    scripts: list[list[str]],
) -> None:
    ledger = Ledger()

    VirtualClock().run(play_all(ledger, scripts))

    for sender, script in enumerate(scripts):
        seen = [
            m for m in ledger.messages["a"] if isinstance(m, tuple) and m[0] == sender
        ]
        assert seen == [(sender, n) for n, step in enumerate(script) if step == "say"]
    assert ledger.alive.total() == 0
    assert ledger.most_alive["a"] <= 1


async def test_passivate_outside_of_a_directory_stops_the_actor() -> None:
    ledger = Ledger()
    ledger.alive["a"] = 1
    async with ActorSystem() as system:
        ref = system.start(Keyed, "a", ledger)

        await ref.ask("go", block=False)
        await system.settled()

        assert not ref.is_alive()
        assert ledger.alive == {"a": 0}
