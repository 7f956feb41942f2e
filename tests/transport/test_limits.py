from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, strategies as st

from duologue.actors import LoopClock
from duologue.actors.testing import VirtualClock
from duologue.transport._limits import Buckets, TokenBucket, take_both, try_take_both


def bucket(capacity: int = 2, period: float = 1.0) -> TokenBucket:
    return TokenBucket(capacity, period, clock=LoopClock())


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_full_bucket_gives_its_tokens_at_once() -> None:
    full = bucket(2)

    taken = [full.try_take() for _ in range(3)]

    assert taken == [True, True, False]


async def test_a_token_comes_back_a_little_more_than_a_period_after_it_was_taken() -> (
    None
):
    shared = bucket(1, period=10.0)
    await shared.take()

    await shared.take()

    assert now() == 10.5


@pytest.mark.parametrize(
    ("seconds_to_answer", "late_by"), [(0.15, 0.15), (30.0, 0.2)], ids=["slow", "held"]
)
async def test_a_token_counts_from_when_its_call_has_arrived_at_the_latest(
    seconds_to_answer: float, late_by: float
) -> None:
    shared = bucket(1, period=100.0)
    await shared.take()
    await asyncio.sleep(seconds_to_answer)
    shared.arrived()

    await shared.take()

    assert now() == pytest.approx(105.0 + late_by)


async def test_each_token_of_a_burst_counts_from_the_arrival_of_its_call() -> None:
    shared = bucket(2, period=10.0)
    await shared.take()
    await shared.take()
    await asyncio.sleep(0.1)
    shared.arrived()
    await asyncio.sleep(0.05)
    shared.arrived()
    returned: list[float] = []

    for _ in range(2):
        await shared.take()
        returned.append(now())

    assert returned == pytest.approx([10.6, 10.65])


async def test_a_call_that_is_answered_when_its_token_is_back_changes_nothing() -> None:
    shared = bucket(1, period=1.0)
    await shared.take()
    await shared.take()
    shared.arrived()
    shared.arrived()
    shared.arrived()

    await shared.take()

    assert now() == pytest.approx(2.1)


@pytest.mark.parametrize(
    ("ago", "waits"), [(0.0, 10.7), (2.0, 8.7), (60.0, 0.0)], ids=str
)
async def test_whoever_comes_after_another_waits_until_the_calls_of_that_one_are_over(
    ago: float, waits: float
) -> None:
    later = bucket(2, period=10.0)
    later.follow(ago)

    await later.take()
    await later.take()

    assert now() == pytest.approx(waits)


class _TooShort(LoopClock):
    """A clock that does not move in a wait of less than a nanosecond.

    Event loops take such a timer as due; a virtual one does not move for it while
    something else is ready.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    async def sleep(self, delay: float) -> None:
        assert delay >= 1e-9, "it would wait for ever"
        self.now += delay


async def test_a_wait_too_short_for_a_loop_is_none() -> None:
    clock = _TooShort()
    shared = TokenBucket(1, 10.0, clock=clock)
    await shared.take()
    clock.now = 10.5 - 5e-10

    await shared.take()

    assert shared.delay(clock.now) == pytest.approx(10.5)


async def test_whoever_waits_first_is_served_first() -> None:
    shared = bucket(1)
    served: list[int] = []

    async def wait(number: int) -> None:
        await shared.take()
        served.append(number)

    await asyncio.gather(*(wait(number) for number in range(5)))

    assert served == [0, 1, 2, 3, 4]


async def test_nobody_jumps_the_queue_without_waiting() -> None:
    shared = bucket(1)
    tried: list[bool] = []
    shared.try_take()
    asyncio.get_running_loop().call_at(1.05, lambda: tried.append(shared.try_take()))

    await shared.take()

    assert tried == [False]
    assert now() == 1.05


async def test_a_cancelled_wait_takes_nothing_and_holds_up_nobody() -> None:
    shared = bucket(1)
    await shared.take()
    async with asyncio.TaskGroup() as group:
        impatient = group.create_task(shared.take())
        patient = group.create_task(shared.take())
        await asyncio.sleep(0.5)
        impatient.cancel()
        await patient

    assert now() == 1.05


async def test_a_pause_holds_back_tokens_that_are_there() -> None:
    paused = bucket()
    paused.pause(5)

    free = paused.try_take()
    await paused.take()

    assert not free
    assert now() == 5


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    paused = bucket()
    paused.pause(9)
    paused.pause(1)

    await paused.take()

    assert now() == 9


async def test_a_pause_reaches_those_who_wait_already() -> None:
    shared = bucket(1)
    await shared.take()
    async with asyncio.TaskGroup() as group:
        group.create_task(shared.take())
        await asyncio.sleep(0.5)
        shared.pause(7)

    assert now() == 7.5


@given(
    waits=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=40),
    capacity=st.integers(1, 4),
)
def test_no_window_of_a_period_sees_more_than_the_capacity(
    waits: list[float], capacity: int
) -> None:
    async def scenario() -> list[float]:
        shared = bucket(capacity)
        times: list[float] = []

        async def call(after: float) -> None:
            await asyncio.sleep(after)
            await shared.take()
            times.append(now())

        await asyncio.gather(*(call(after) for after in waits))
        return times

    times = VirtualClock().run(scenario)

    assert len(times) == len(waits)
    for first, later in zip(times, times[capacity:], strict=False):
        assert later - first > 1.0


async def test_two_buckets_are_taken_from_at_one_moment() -> None:
    chat, bot = bucket(1), bucket(1)
    bot.pause(3)

    await take_both(chat, bot)
    await take_both(chat, bot)

    assert now() == 4.05


async def test_a_pause_of_the_first_bucket_is_seen_while_the_second_is_awaited() -> (
    None
):
    chat, bot = bucket(1), bucket(1)
    bot.pause(3)
    async with asyncio.TaskGroup() as group:
        group.create_task(take_both(chat, bot))
        await asyncio.sleep(1)
        chat.pause(5)

    assert now() == 6


async def test_of_two_buckets_none_is_touched_unless_both_are_free() -> None:
    chat, bot = bucket(1), bucket(1)
    bot.pause(3)

    taken = try_take_both(chat, bot)

    assert not taken
    assert chat.try_take()


async def test_buckets_that_nobody_uses_are_forgotten() -> None:
    chats: Buckets[int] = Buckets(2, 1.0, clock=LoopClock())
    for chat_id in range(100):
        chats.of(chat_id).try_take()
    await asyncio.sleep(2)

    for _ in range(60):
        chats.of(-1).try_take()

    assert len(chats) == 1


async def test_a_forgotten_bucket_never_gives_a_token_too_many() -> None:
    chats: Buckets[int] = Buckets(1, 1.0, clock=LoopClock())
    chats.of(7).pause(100)
    chats.of(8).try_take()

    for chat_id in range(1000, 1100):
        chats.of(chat_id)

    assert not chats.of(7).try_take()
    assert not chats.of(8).try_take()
    assert len(chats) < 10
