"""Deadlines that all lie the same time ahead, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVarTuple

import pytest
from hypothesis import given, strategies as st

from duologue.actors import LoopClock, TimerHandle
from duologue.actors._time._deadlines import Deadlines
from duologue.actors.testing import VirtualClock

SECONDS = 10.0


Ts = TypeVarTuple("Ts")


class CountingClock(LoopClock):
    """A clock that tells how many timers are to come."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[asyncio.TimerHandle] = []

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts
    ) -> TimerHandle:
        timer = asyncio.get_running_loop().call_later(delay, callback, *args)
        self.timers.append(timer)
        return timer

    def to_come(self) -> int:
        now = self.time()
        return sum(
            timer.when() > now and not timer.cancelled() for timer in self.timers
        )


class Late:
    """Notes what expires, and when."""

    def __init__(self, clock: LoopClock) -> None:
        self.names: list[tuple[str, float]] = []
        self._clock = clock

    def __call__(self, name: str) -> None:
        self.names.append((name, self._clock.time()))


async def test_a_name_expires_when_its_time_is_over_and_not_again() -> None:
    clock = LoopClock()
    late = Late(clock)
    deadlines = Deadlines(clock, SECONDS, late)

    deadlines.add("a", LoopClock().time())
    await asyncio.sleep(4)
    deadlines.add("b", LoopClock().time())
    await asyncio.sleep(100)
    deadlines.add("c", LoopClock().time())
    await asyncio.sleep(100)

    assert late.names == [("a", 10), ("b", 14), ("c", 114)]
    assert not deadlines


async def test_a_name_that_is_discarded_in_time_does_not_expire() -> None:
    late = Late(LoopClock())
    deadlines = Deadlines(LoopClock(), SECONDS, late)
    for name in "ab":
        deadlines.add(name, LoopClock().time())

    was_in_time = [deadlines.discard(name) for name in ("a", "a", "never added")]
    left = ["a" in deadlines, "b" in deadlines, len(deadlines)]
    await asyncio.sleep(100)

    assert was_in_time == [True, False, False]
    assert left == [False, True, 1]
    assert late.names == [("b", 10)]
    assert not deadlines.discard("b")


async def test_what_is_cleared_does_not_expire_and_leaves_no_timer() -> None:
    clock = CountingClock()
    late = Late(clock)
    deadlines = Deadlines(clock, SECONDS, late)
    deadlines.add("a", LoopClock().time())

    deadlines.clear()
    deadlines.clear()
    timers = clock.to_come()
    deadlines.add("b", LoopClock().time())
    await asyncio.sleep(100)

    assert timers == 0
    assert late.names == [("b", 10)]


async def test_one_timer_is_for_all_of_them() -> None:
    clock = CountingClock()
    most = 0

    def again(name: str) -> None:
        if name.isdigit():
            deadlines.add(f"{name} again", LoopClock().time())

    deadlines = Deadlines(clock, SECONDS, again)
    for number in range(50):
        deadlines.add(str(number), LoopClock().time())
        await asyncio.sleep(1)
        most = max(most, clock.to_come())

    assert most == 1


async def test_what_fails_when_a_name_expires_does_not_hold_up_the_others() -> None:
    names: list[str] = []
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: failures.append(context["exception"])
    )

    def expire(name: str) -> None:
        names.append(name)
        if name == "a":
            raise LookupError(name)

    deadlines = Deadlines(LoopClock(), SECONDS, expire)
    for name in "abc":
        deadlines.add(name, LoopClock().time())
    await asyncio.sleep(11)

    assert names == ["a", "b", "c"]
    assert [type(failure) for failure in failures] == [LookupError]


@pytest.mark.parametrize("adds", [True, False])
async def test_they_may_be_cleared_when_one_expires(
    adds: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    late = Late(LoopClock())

    def expire(name: str) -> None:
        late(name)
        if name == "a":
            deadlines.clear()
            if adds:
                deadlines.add("c", LoopClock().time())

    deadlines = Deadlines(LoopClock(), SECONDS, expire)
    for name in "ab":
        deadlines.add(name, LoopClock().time())
    await asyncio.sleep(100)

    assert late.names == [("a", 10), ("c", 20)][: 1 + adds]


steps = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from("abc"), st.booleans()), max_size=20
)


@given(steps)
def test_a_name_expires_unless_it_is_discarded_in_time(
    steps: list[tuple[int, str, bool]],
) -> None:
    async def main() -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        late = Late(LoopClock())
        # Not at the time of a step.
        deadlines = Deadlines(LoopClock(), SECONDS + 0.5, late)
        due: dict[str, float] = {}
        expected: list[tuple[str, float]] = []
        for pause, name, adds in [*steps, (100, "a", False)]:
            await asyncio.sleep(pause)
            now = LoopClock().time()
            overdue = [name for name, when in due.items() if when < now]
            expected += [(name, due.pop(name)) for name in overdue]
            assert deadlines.discard(name) == (due.pop(name, None) is not None)
            if adds:
                deadlines.add(name, now)
                due[name] = now + SECONDS + 0.5
        return late.names, expected

    names, expected = VirtualClock().run(main())

    assert names == expected
