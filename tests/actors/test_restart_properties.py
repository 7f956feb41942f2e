"""Under threads a restart loses no message and handles none twice."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings, strategies as st

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Restart,
    Strategy,
)
from duologue.actors.testing import VirtualClock

MANY = Restart(max_restarts=1_000_000, within=1_000, backoff=Backoff(0))

# The errors of its messages go back to it and restart nobody.
ASKER = 9


class Log:
    """What all instances of an actor have done."""

    def __init__(self) -> None:
        self.handled: list[tuple[int, int]] = []
        self.failed: list[tuple[int, int]] = []
        self.made = 0
        self.busy = 0
        self.most_busy = 0


class Fragile(AsyncActor):
    """Fails at every message whose number can be divided by `every`."""

    supervision: Strategy = MANY

    def __init__(self, log: Log, every: int) -> None:
        super().__init__()
        self.log = log
        self.every = every
        log.made += 1

    def on_receive(self, message: tuple[int, int]) -> object:
        if message[1] % self.every == 0:
            self.log.failed.append(message)
            raise LookupError(message)
        self.log.handled.append(message)
        return message


class FragileLater(Fragile):
    """The same as a coroutine, with hooks that take a while."""

    async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await asyncio.sleep(0)

    async def on_receive(self, message: tuple[int, int]) -> object:
        self.log.busy += 1
        self.log.most_busy = max(self.log.most_busy, self.log.busy)
        try:
            await asyncio.sleep(0)
            return super().on_receive(message)
        finally:
            self.log.busy -= 1


def _expected(counts: list[int], every: int) -> tuple[Counter[object], Counter[object]]:
    sent = [(sender, n) for sender, count in enumerate(counts) for n in range(count)]
    good = Counter[object](m for m in sent if m[1] % every)
    return good, Counter[object](m for m in sent if m[1] % every == 0)


def _is_in_order(log: list[tuple[int, int]], sender: int) -> bool:
    numbers = [number for who, number in log if who == sender]
    return numbers == sorted(numbers)


@settings(max_examples=15)
@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    every=st.integers(1, 7),
    kind=st.sampled_from([Fragile, FragileLater]),
    is_keyed=st.booleans(),
)
def test_messages_pour_in_from_threads_while_the_actor_begins_anew(
    counts: list[int], every: int, kind: type[Fragile], *, is_keyed: bool
) -> None:
    log = Log()

    async def main() -> None:
        async with ActorSystem() as system:
            system.directory.register(kind, lambda _: kind(log, every))
            ref = (
                system.directory.ref(kind, "a")
                if is_keyed
                else system.start(kind, log, every)
            )

            def send(sender: int) -> None:
                for number in range(counts[sender]):
                    ref.tell((sender, number))

            await asyncio.gather(
                *(asyncio.to_thread(send, sender) for sender in range(len(counts)))
            )
            await system.settled()

    asyncio.run(main())

    good, bad = _expected(counts, every)
    assert Counter[object](log.handled) == good
    assert Counter[object](log.failed) == bad
    assert all(_is_in_order(log.handled, sender) for sender in range(len(counts)))
    assert log.most_busy <= 1
    if sum(counts):
        assert log.made == 1 + len(log.failed)


@settings(max_examples=15)
@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=3),
    every=st.integers(2, 7),
    most=st.integers(0, 10),
)
def test_whoever_stops_for_good_has_answered_everybody(
    counts: list[int], every: int, most: int
) -> None:
    log = Log()

    class Limited(Fragile):
        supervision: Strategy = Restart(
            max_restarts=most, within=1_000, backoff=Backoff(0)
        )

    outcomes: Counter[str] = Counter()

    async def ask(ref: AsyncActorRef[Limited], message: tuple[int, int]) -> None:
        try:
            await ref.ask(message, block=False)
        except Exception as error:  # noqa: BLE001 # any counts
            outcomes[type(error).__name__] += 1
        else:
            outcomes["answered"] += 1

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.start(Limited, log, every)

            def send(sender: int) -> None:
                for number in range(counts[sender]):
                    try:
                        ref.tell((sender, number * every))
                    except Exception as error:  # noqa: BLE001 # any counts
                        outcomes[f"tell {type(error).__name__}"] += 1

            asks = [ask(ref, (ASKER, number)) for number in range(30)]
            threads = [asyncio.to_thread(send, sender) for sender in range(len(counts))]
            await asyncio.gather(*asks, *threads)
            await system.settled()
            told = [message for message in log.failed if message[0] != ASKER]
            assert ref.is_alive() == (len(told) <= most)

    asyncio.run(main())

    assert (
        outcomes["answered"] + outcomes["LookupError"] + outcomes["ActorDeadError"]
        == 30
    )
    assert log.made <= most + 1


@settings(max_examples=30)
@given(
    max_restarts=st.integers(0, 6),
    within=st.floats(1, 100),
    gaps=st.lists(st.floats(0, 60), min_size=1, max_size=20),
)
def test_a_storm_of_failures_is_bounded_by_the_window(
    max_restarts: int, within: float, gaps: list[float]
) -> None:
    made: list[float] = []

    class Stormy(AsyncActor):
        supervision: Strategy = Restart(max_restarts, within=within, backoff=Backoff(0))

        def on_start(self) -> None:
            made.append(asyncio.get_running_loop().time())

        def on_receive(self, message: object) -> None:
            raise LookupError(message)

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.start(Stormy)
            for gap in gaps:
                await asyncio.sleep(gap)
                if ref.is_alive():
                    ref.tell("fail")
                    await system.settled()

    VirtualClock().run(main)

    again = made[1:]
    for first, beyond in zip(again, again[max_restarts:], strict=False):
        # Times are rounded, late ones more than a window.
        assert beyond - first >= within - 1e-9
