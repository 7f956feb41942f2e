"""Mailboxes with a bound under any schedule: exact, in order, nothing twice."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import ClassVar, Protocol

import pykka
from hypothesis import given, settings, strategies as st

from duologue.actors import (
    ActorSystem,
    AsyncFuture,
    Bounded,
    DeadLetter,
    KeyedRef,
    Restart,
    Strategy,
    coalesce,
)
from duologue.actors.testing import virtual_loop_factory
from duologue.errors import ActivationError, MailboxFullError
from tests.actors.conftest import Reader

FEW = settings(max_examples=25)
SENDERS = st.lists(st.integers(0, 12), min_size=1, max_size=5)


class Sends(Protocol):
    """A ref of any class of actors."""

    async def send(
        self,
        message: object,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as refs have it
    ) -> None: ...


def reader(bounds: Bounded) -> type[Reader]:
    class Bound(Reader):
        mailbox: ClassVar[Bounded | None] = bounds

    return Bound


def virtually(work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=virtual_loop_factory) as runner:
        runner.run(work)


def in_threads(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def of_sender(seen: list[object], sender: int) -> list[object]:
    return [one[1] for one in seen if isinstance(one, tuple) and one[0] == sender]


@FEW
@given(capacity=st.integers(1, 20), senders=st.integers(2, 6))
def test_exactly_as_many_get_in_as_there_is_room_whoever_sends(
    capacity: int, senders: int
) -> None:
    seen: list[object] = []
    let_go: AsyncFuture[None] = AsyncFuture()
    holds: AsyncFuture[None] = AsyncFuture()
    ref = reader(Bounded(capacity, overflow="reject")).start(seen, let_go, holds)
    taken: list[object] = []

    def send(sender: int) -> None:
        for number in range(10):
            try:
                ref.tell((sender, number))
            except MailboxFullError:
                continue
            taken.append((sender, number))

    ref.tell("hold")
    holds.get(timeout=30)
    in_threads([lambda sender=sender: send(sender) for sender in range(senders)])  # type: ignore[misc] # bound now
    let_go.set()
    ref.stop()

    assert len(taken) == min(capacity, senders * 10)
    assert Counter(seen) == Counter(taken)
    assert all(
        of_sender(seen, n) == sorted(of_sender(seen, n), key=str)
        for n in range(senders)
    )


@FEW
@given(capacity=st.integers(1, 5), senders=SENDERS)
def test_threads_that_wait_for_room_keep_their_order_and_lose_nothing(
    capacity: int, senders: list[int]
) -> None:
    seen: list[object] = []
    ref = reader(Bounded(capacity)).start(seen, AsyncFuture())

    def send(sender: int, amount: int) -> None:
        for number in range(amount):
            if number % 3 == 2:
                assert ref.ask((sender, number)) == (sender, number)
            else:
                ref.tell((sender, number))

    in_threads(
        [lambda s=s, n=n: send(s, n) for s, n in enumerate(senders)]  # type: ignore[misc] # bound now
    )
    ref.stop()

    assert len(seen) == sum(senders)
    for sender, amount in enumerate(senders):
        assert of_sender(seen, sender) == list(range(amount))


class Schedule:
    """What senders do, one after the other, and what became of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
        self.sent: list[object] = []
        self.unsent: list[object] = []
        self.unsure: list[object] = []

    async def run(self, ref: Sends, sender: int, amount: int) -> None:
        for number in range(amount):
            await asyncio.sleep(self.random.choice([0, 0, 0.5]))
            await self._send(ref, (sender, number))

    async def _send(self, ref: Sends, message: object) -> None:
        timeout = self.random.choice([None, None, 0, 0.25, 1])
        patience = self.random.choice([None, None, 0.25, 1])
        try:
            async with asyncio.timeout(patience):
                await ref.send(message, timeout=timeout)
        except MailboxFullError:
            self.unsent.append(message)
        except TimeoutError:
            self.unsure.append(message)
        else:
            self.sent.append(message)


@given(
    capacity=st.integers(1, 4),
    senders=SENDERS,
    seed=st.integers(0, 10_000),
)
def test_a_send_says_exactly_whether_the_message_is_in(
    capacity: int, senders: list[int], seed: int
) -> None:
    seen: list[object] = []
    schedule = Schedule(seed)

    class Slow(Reader):
        mailbox: ClassVar[Bounded | None] = Bounded(capacity)

        async def on_receive(self, message: object) -> None:
            await asyncio.sleep(schedule.random.choice([0, 0.25, 0.5]))
            self.seen.append(message)

    async def play() -> None:
        async with ActorSystem() as system, asyncio.TaskGroup() as group:
            ref = system.start(Slow, seen, AsyncFuture())
            for sender, amount in enumerate(senders):
                group.create_task(schedule.run(ref, sender, amount))

    virtually(play())

    assert len(set(seen)) == len(seen)
    assert set(schedule.sent) <= set(seen)
    assert not set(schedule.unsent) & set(seen)
    assert set(seen) <= {*schedule.sent, *schedule.unsure}
    for sender in range(len(senders)):
        mine = of_sender(seen, sender)
        assert mine == sorted(mine, key=lambda n: int(str(n)))


@given(capacity=st.integers(1, 5), messages=st.lists(st.integers(), max_size=30))
def test_an_overflow_keeps_the_newest_and_counts_the_others(
    capacity: int, messages: list[int]
) -> None:
    seen, letters = _held(Bounded(capacity, overflow="drop_oldest"), messages)

    kept = messages[-capacity:]
    assert seen == kept
    assert [letter.message for letter in letters] == messages[:-capacity]


@given(
    capacity=st.integers(1, 4),
    messages=st.lists(st.tuples(st.sampled_from("abc-"), st.integers())),
)
def test_a_newer_message_stands_where_the_older_stood(
    capacity: int, messages: list[tuple[str, int]]
) -> None:
    def key(message: object) -> Hashable:
        assert isinstance(message, tuple)
        return None if message[0] == "-" else message[0]

    expected: list[tuple[str, int]] = []
    lost = 0
    for message in messages:
        place = next(
            (n for n, one in enumerate(expected) if key(message) == key(one) != None),  # noqa: E711 - a chain
            None,
        )
        if place is not None:
            expected[place] = message
            lost += 1
        elif len(expected) < capacity:
            expected.append(message)
        else:
            lost += 1

    seen, letters = _held(Bounded(capacity, overflow=coalesce(key)), messages)

    assert seen == expected
    assert len(letters) == lost


@given(
    capacity=st.integers(1, 4),
    senders=SENDERS,
    pauses=st.lists(st.sampled_from([0.0, 0.1, 1.0, 3.0]), max_size=8),
)
def test_nothing_is_lost_or_doubled_while_bounded_actors_go_and_come(
    capacity: int, senders: list[int], pauses: list[float]
) -> None:
    seen: list[object] = []
    goodbyes: list[AsyncFuture[bool]] = []

    class Sleepy(Reader):
        mailbox: ClassVar[Bounded | None] = Bounded(capacity)

        async def on_activate(self) -> None:
            await asyncio.sleep(1)

        async def on_passivate(self) -> None:
            await asyncio.sleep(1)

    async def send(ref: KeyedRef[Sleepy], sender: int, amount: int) -> None:
        for number in range(amount):
            await ref.send((sender, number))

    async def play() -> None:
        async with ActorSystem(drain=1000) as system:
            system.directory.register(
                Sleepy, lambda _key: Sleepy(seen, AsyncFuture()), idle_after=2
            )
            ref = system.directory.ref(Sleepy, "a")
            async with asyncio.TaskGroup() as group:
                for sender, amount in enumerate(senders):
                    group.create_task(send(ref, sender, amount))
                for pause in pauses:
                    await asyncio.sleep(pause)
                    goodbyes.append(ref.passivate())
            await asyncio.gather(*(_done(goodbye) for goodbye in goodbyes))
            assert system.dead_letters == 0

    virtually(play())

    assert len(seen) == sum(senders)
    for sender, amount in enumerate(senders):
        assert of_sender(seen, sender) == list(range(amount))


@FEW
@given(capacity=st.integers(1, 3), senders=SENDERS, rounds=st.integers(0, 20))
def test_threads_lose_nothing_while_bounded_actors_go_and_come(
    capacity: int, senders: list[int], rounds: int
) -> None:
    seen: list[object] = []

    class Restless(Reader):
        mailbox: ClassVar[Bounded | None] = Bounded(capacity)

    async def play() -> None:
        async with ActorSystem() as system:
            system.directory.register(
                Restless, lambda _key: Restless(seen, AsyncFuture())
            )
            ref = system.directory.ref(Restless, "a")

            def send(sender: int, amount: int) -> None:
                for number in range(amount):
                    ref.tell((sender, number))

            async with asyncio.TaskGroup() as group:
                for sender, amount in enumerate(senders):
                    group.create_task(asyncio.to_thread(send, sender, amount))
                for _ in range(rounds):
                    await ref.passivate()
                    await asyncio.sleep(0)

    asyncio.run(play())

    assert len(seen) == sum(senders)
    for sender, amount in enumerate(senders):
        assert of_sender(seen, sender) == list(range(amount))


@given(
    capacity=st.integers(1, 4),
    messages=st.lists(st.booleans(), max_size=15),
)
def test_those_who_wait_for_room_outlast_restarts(
    capacity: int, messages: list[bool]
) -> None:
    seen: list[object] = []

    class Fragile(Reader):
        mailbox: ClassVar[Bounded | None] = Bounded(capacity)
        supervision: Strategy = Restart(max_restarts=100)

    async def play() -> None:
        async with ActorSystem() as system, asyncio.TaskGroup() as group:
            ref = system.start(Fragile, seen, AsyncFuture())
            for number, fails in enumerate(messages):
                group.create_task(ref.send("fail" if fails else number))
            # A system that closes begins nothing anew.
            await asyncio.sleep(10_000)

    virtually(play())

    assert seen == [number for number, fails in enumerate(messages) if not fails]


@given(capacity=st.integers(1, 3), before=st.integers(0, 6), after=st.integers(0, 6))
def test_a_stop_answers_everybody_and_every_message_is_read_or_a_dead_letter(
    capacity: int, before: int, after: int
) -> None:
    seen: list[object] = []
    letters: list[DeadLetter] = []
    outcomes: list[object] = []

    async def send(ref: Sends, message: object) -> None:
        try:
            await ref.send(message)
            outcomes.append("sent")
        except (pykka.ActorDeadError, ActivationError) as error:
            outcomes.append(type(error))

    async def play() -> None:
        async with ActorSystem(on_dead_letter=letters.append) as system:
            let_go: AsyncFuture[None] = AsyncFuture()
            ref = system.start(reader(Bounded(capacity)), seen, let_go)
            ref.tell("hold")
            await asyncio.sleep(1)
            async with asyncio.TaskGroup() as group:
                for number in range(before):
                    group.create_task(send(ref, number))
                await asyncio.sleep(1)
                gone = ref.stop(block=False)
                for number in range(before, before + after):
                    group.create_task(send(ref, number))
                await asyncio.sleep(1)
                let_go.set()
            await gone

    virtually(play())

    assert len(outcomes) == before + after
    messages = [*seen, *(letter.message for letter in letters)]
    assert sorted(messages, key=str) == sorted(range(before + after), key=str)
    assert seen == list(range(min(before, capacity)))


def _held(
    bounds: Bounded, messages: list[int] | list[tuple[str, int]]
) -> tuple[list[object], list[DeadLetter]]:
    """What an actor reads of messages that all come before it reads any."""
    seen: list[object] = []
    letters: list[DeadLetter] = []

    async def play() -> None:
        async with ActorSystem(on_dead_letter=letters.append) as system:
            ref = system.start(reader(bounds), seen, AsyncFuture())
            for message in messages:
                try:
                    ref.tell(message)
                except MailboxFullError:
                    continue

    virtually(play())
    return seen, letters


async def _done(goodbye: AsyncFuture[bool]) -> bool:
    return await goodbye
