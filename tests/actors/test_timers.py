"""Timers are messages that come later: in phase, one at a time, and only while wanted."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import weakref

import pykka
import pytest
from hypothesis import given, strategies as st
from pykka.messages import ProxyCall

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    Backoff,
    Restart,
    Resume,
    Strategy,
    Timer,
)
from duologue.actors.testing import VirtualClock, settled
from duologue.errors import OutsideTurnError, TimerSettingError


class Timed(AsyncActor):
    """Notes when each message comes; is told how to set timers."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[float, object]] = []
        self.busy = 0.0

    def after(self, delay: float, message: object) -> Timer:
        return self.send_after(delay, message)

    def every(
        self, period: float, message: object, first: float | None = None
    ) -> Timer:
        return self.send_every(period, message, first=first)

    def stall(self, seconds: float) -> None:
        """Take so long for the next message."""
        self.busy = seconds

    async def on_receive(self, message: object) -> None:
        self.seen.append((asyncio.get_running_loop().time(), message))
        if message == "fail":
            raise LookupError(message)
        if self.busy:
            busy, self.busy = self.busy, 0.0
            await asyncio.sleep(busy)


class RestartingTimed(Timed):
    supervision: Strategy = Restart(backoff=Backoff(0))


class ResumingTimed(Timed):
    supervision: Strategy = Resume()


def times(seen: list[tuple[float, object]]) -> list[float]:
    return [time for time, _ in seen]


async def test_a_message_is_sent_once_after_a_delay() -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        timer = await actor.after(5, "hello")
        assert timer.is_active

        await asyncio.sleep(20)

        assert await actor.seen == [(5, "hello")]
        assert not timer.is_active


async def test_a_delay_of_nothing_is_the_next_message() -> None:
    async with ActorSystem() as system:
        ref = system.start(Timed)
        actor = ref.proxy()
        await actor.after(0, "timer")

        await asyncio.sleep(0.001)

        assert [message for _, message in await actor.seen] == ["timer"]


async def test_a_periodic_message_comes_again_and_again() -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        await actor.every(10, "tick")
        await actor.every(10, "tock", first=5)

        await asyncio.sleep(31)

        assert await actor.seen == [
            (5, "tock"), (10, "tick"), (15, "tock"),
            (20, "tick"), (25, "tock"), (30, "tick"),
        ]  # fmt: skip


async def test_a_stall_makes_no_burst_and_keeps_the_phase() -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        await actor.every(10, "tick")
        await actor.stall(35.0)

        await asyncio.sleep(75)

        # The first takes from 10 to 45; one had come by then, the others are left out.
        assert times(await actor.seen) == [10, 45, 50, 60, 70]


async def test_a_stalled_loop_makes_no_burst_and_keeps_the_phase() -> None:
    class Jumpy(VirtualClock):
        """Is late, as a loop is that something blocks."""

        late = 0.0

        def time(self) -> float:
            return super().time() + self.late

    clock = Jumpy()
    async with ActorSystem(clock=clock) as system:
        actor = system.start(Timed).proxy()
        await actor.every(10, "tick")
        await asyncio.sleep(9)
        clock.late = 33.0

        await asyncio.sleep(22)

        # By the clock: at 43 in place of 10, then in phase at 50, 60.
        assert [time + 33 for time in times(await actor.seen)] == [43, 50, 60]


@given(
    period=st.floats(0.001, 1_000),
    waits=st.lists(st.floats(0, 20), max_size=10),
)
def test_however_long_handling_takes_every_message_comes_in_phase_or_at_once(
    period: float, waits: list[float]
) -> None:
    stalls = [wait * period for wait in waits]
    seen: list[tuple[float, float]] = []

    class Slow(AsyncActor):
        def on_start(self) -> None:
            self.send_every(period, "tick")

        async def on_receive(self, message: object) -> None:  # noqa: ARG002 - only one
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(stalls[len(seen)] if len(seen) < len(stalls) else 0)
            seen.append((began, asyncio.get_running_loop().time()))

    async def main() -> None:
        async with ActorSystem() as system:
            system.start(Slow)
            await asyncio.sleep(sum(stalls) + 3.5 * period)

    VirtualClock().run(main)

    assert len(seen) >= 3
    for (_, before), (began, _) in itertools.pairwise(seen):
        phase = math.remainder(began, period)
        assert began == before or abs(phase) < 1e-6 * max(1.0, began)


async def test_a_cancelled_timer_sends_nothing() -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        once, again = await actor.after(5, "once"), await actor.every(5, "again")
        await asyncio.sleep(1)

        for timer in (once, again, once):
            timer.cancel()
        await asyncio.sleep(100)

        assert await actor.seen == []
        assert not once.is_active
        assert not again.is_active


async def test_a_cancelled_timer_is_not_handled_even_if_its_message_waits_already() -> (
    None
):
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        timer = await actor.after(5, "late")
        await actor.stall(10.0)
        actor.actor_ref.tell("busy")
        await asyncio.sleep(7)

        timer.cancel()
        await asyncio.sleep(100)

        assert [message for _, message in await actor.seen] == ["busy"]


async def test_a_timer_can_cancel_itself_in_its_own_message() -> None:
    class Thrice(AsyncActor):
        count = 0

        def on_start(self) -> None:
            self.timer = self.send_every(1, "tick")

        def on_receive(self, message: object) -> None:  # noqa: ARG002 - only one
            self.count += 1
            if self.count == 3:
                self.timer.cancel()

    async with ActorSystem() as system:
        actor = system.start(Thrice).proxy()

        await asyncio.sleep(100)

        assert await actor.count == 3


@pytest.mark.real_time
async def test_any_thread_can_cancel_a_timer() -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        timer = await actor.after(0.001, "late")
        other = await actor.after(1_000, "never")

        await asyncio.to_thread(timer.cancel)
        await asyncio.to_thread(other.cancel)
        await settled(system)

        assert not timer.is_active
        assert not other.is_active


async def test_a_cancelled_timer_leaves_nothing_behind() -> None:
    class Message:
        pass

    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()
        traces = []
        for way in (actor.after, actor.every):
            message = Message()
            timer = await way(1_000, message)
            traces.append(weakref.ref(message))
            timer.cancel()
            del message, timer
        await settled(system)
        gc.collect()

        assert [trace() for trace in traces] == [None, None]


async def test_timers_end_with_their_actor() -> None:
    async with ActorSystem() as system:
        refs = [system.start(Timed) for _ in range(3)]
        timers = [await ref.proxy().every(1, "tick") for ref in refs]

        await refs[0].stop(block=False)
        await refs[1].kill(block=False)
        refs[2].tell("fail")
        await settled(system)

        assert [timer.is_active for timer in timers] == [False] * 3


async def test_timers_end_when_their_actor_begins_anew() -> None:
    async with ActorSystem() as system:
        ref = system.start(RestartingTimed)
        timer = await ref.proxy().every(1, "tick")

        ref.tell("fail")
        await asyncio.sleep(100)

        assert not timer.is_active
        assert await ref.proxy().seen == []


async def test_a_timer_of_on_start_is_set_anew_with_each_instance() -> None:
    class Ticking(RestartingTimed):
        def on_start(self) -> None:
            self.send_after(5, "tick")

    async with ActorSystem() as system:
        ref = system.start(Ticking)
        await asyncio.sleep(3)
        ref.tell("fail")

        await asyncio.sleep(100)

        assert await ref.proxy().seen == [(8, "tick")]


@pytest.mark.parametrize(
    ("kind", "is_alive"),
    [(Timed, False), (ResumingTimed, True), (RestartingTimed, True)],
)
async def test_a_timer_message_that_fails_is_the_failure_of_the_actor(
    kind: type[Timed], *, is_alive: bool
) -> None:
    async with ActorSystem() as system:
        ref = system.start(kind)
        await ref.proxy().after(1, "fail")

        await asyncio.sleep(10)

        assert ref.is_alive() == is_alive


async def test_a_timer_does_not_keep_an_idle_keyed_actor() -> None:
    async with ActorSystem() as system:
        system.directory.register(Timed, lambda _: Timed(), idle_after=10)
        keyed = system.directory.ref(Timed, "a")
        timer = await keyed.ask(ProxyCall(("every",), (3, "tick"), {}), block=False)

        await asyncio.sleep(25)

        assert not timer.is_active
        assert len(system.directory) == 0


async def test_timers_do_not_keep_the_system_open() -> None:
    async with ActorSystem() as system:
        ref = system.start(Timed)
        await ref.proxy().every(1, "tick")
        await ref.proxy().after(1_000, "late")
        await settled(system)

    assert asyncio.get_running_loop().time() == 0


async def test_timers_are_no_tasks() -> None:
    tasks = len(asyncio.all_tasks())
    async with ActorSystem() as system:

        class Many(AsyncActor):
            def on_start(self) -> None:
                self.timers = [self.send_every(1_000, "tick") for _ in range(10_000)]

            def on_receive(self, message: object) -> None:  # noqa: ARG002 - any will do
                for timer in self.timers:
                    timer.cancel()

        ref = system.start(Many)
        await settled(system)
        assert len(asyncio.all_tasks()) == tasks

        ref.tell("cancel")
        await settled(system)
        await asyncio.sleep(0)  # a loop sweeps at its next trip

        assert len(asyncio.get_running_loop()._scheduled) < 100  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "delay",
    [
        -1,
        -0.001,
        math.nan,
        math.inf,
        pytest.param(10**400, id="10**400"),
        "1",
        None,
        True,
    ],
)
async def test_a_delay_that_makes_no_sense_is_refused(delay: float) -> None:
    async with ActorSystem() as system:
        actor = system.start(Timed).proxy()

        with pytest.raises(TimerSettingError, match="delay"):
            await actor.after(delay, "hello")
        with pytest.raises(TimerSettingError, match="period"):
            await actor.every(delay, "hello")
        if delay is not None:
            with pytest.raises(TimerSettingError, match="first"):
                await actor.every(1, "hello", first=delay)


async def test_a_period_of_nothing_is_refused() -> None:
    async with ActorSystem() as system:
        with pytest.raises(TimerSettingError, match="above 0"):
            await system.start(Timed).proxy().every(0, "hello")


async def test_timers_belong_into_the_turns_of_their_actor() -> None:
    class Early(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self.send_after(1, "hello")

    class Late(AsyncActor):
        def on_stop(self) -> None:
            with pytest.raises(OutsideTurnError) as caught:
                self.send_after(1, "hello")
            errors.append(caught.value)

    errors: list[object] = []
    async with ActorSystem() as system:
        with pytest.raises(OutsideTurnError):
            system.start(Early)
        actor = system.start(Timed)._actor_weakref()
        assert actor is not None
        with pytest.raises(OutsideTurnError, match=r"send_after\(\)"):
            await asyncio.to_thread(actor.after, 1, "hello")
        await system.start(Late).stop(block=False)

    assert len(errors) == 1


def test_a_timer_needs_no_open_system() -> None:
    class Brief(AsyncActor):
        def __init__(self, heard: pykka.Future[object]) -> None:
            super().__init__()
            self.heard = heard

        def on_start(self) -> None:
            self.send_after(0.001, "hello")

        def on_receive(self, message: object) -> None:
            self.heard.set(message)

    heard: pykka.Future[object] = pykka.ThreadingFuture()

    ref = Brief.start(heard)

    assert heard.get(timeout=30) == "hello"
    ref.stop()


async def test_a_timer_is_a_message_like_any_other_to_those_who_are_sent_one() -> None:
    async with ActorSystem() as system:
        setter, other = system.start(Timed).proxy(), system.start(Timed)
        timer = await setter.after(5, "hello")

        other.tell(timer)
        await asyncio.sleep(10)

        assert await other.proxy().seen == [(0, timer)]
        assert await setter.seen == [(5, "hello")]


async def test_the_shortest_period_outlasts_a_stalled_loop() -> None:
    ticks: list[object] = []

    class Late(VirtualClock):
        """Shows a second more whenever it is read."""

        reads = 0

        def time(self) -> float:
            self.reads += 1
            return super().time() + self.reads

    class Hasty(AsyncActor):
        def on_start(self) -> None:
            self.timer = self.send_every(5e-324, "tick")

        def on_receive(self, message: object) -> None:
            ticks.append(message)
            if len(ticks) == 5:
                self.timer.cancel()

    async with ActorSystem(clock=Late()) as system:
        system.start(Hasty)
        await asyncio.sleep(1)

    assert ticks == ["tick"] * 5
