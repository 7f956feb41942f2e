"""A system hosts actors fairly, keeps them apart, and ends what it started."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import Counter

import pykka
import pytest
from hypothesis import given, settings, strategies as st
from pykka._envelope import Envelope

from duologue.actors import ActorSystem, AsyncActor
from duologue.actors.testing import VirtualClock, settled
from duologue.errors import (
    AmbiguousSystemError,
    MessageCancelledError,
    SystemClosedError,
)
from tests.actors.conftest import Recorder, Slow, TurnTime

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")
keepsake: contextvars.ContextVar[object] = contextvars.ContextVar("keepsake")


class Sleeper(AsyncActor):
    """Sleeps for as many seconds as the message says."""

    def __init__(self, log: list[object] | None = None) -> None:
        super().__init__()
        self.log: list[object] = [] if log is None else log

    async def on_receive(self, message: float) -> float:
        self.log.append(("begin", message))
        await asyncio.sleep(message)
        self.log.append(("end", message))
        return message


async def test_an_actor_begins_no_message_while_one_is_suspended() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        sleeper = system.start(Sleeper, log)

        sleeper.tell(2)
        sleeper.tell(1)
        await system.settled()

    assert log == [("begin", 2), ("end", 2), ("begin", 1), ("end", 1)]


async def test_suspended_actors_do_not_hold_up_each_other() -> None:
    async with ActorSystem() as system:
        sleepers = [system.start(Sleeper) for _ in range(100)]

        for sleeper in sleepers:
            sleeper.tell(5)
        await settled(system)

        assert asyncio.get_running_loop().time() == pytest.approx(5)


async def test_a_cycle_of_asks_is_broken_by_a_timeout() -> None:
    class Narcissus(AsyncActor):
        async def on_receive(self, message: object) -> object:
            async with asyncio.timeout(3):
                return await self.actor_ref.ask(message, block=False)

    async with ActorSystem() as system:
        ref = system.start(Narcissus)

        with pytest.raises(TimeoutError):
            await ref.ask("who?", block=False)
        ref.tell("again")


async def test_a_cancelled_coroutine_fails_its_message_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Suicidal(Recorder):
        async def on_receive(self, message: object) -> object:
            if message == "cancel":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            await asyncio.sleep(0)
            return message

    async with ActorSystem() as system:
        ref = system.start(Suicidal)

        with pytest.raises(MessageCancelledError, match="Suicidal"):
            await ref.ask("cancel", block=False)
        ref.tell("cancel")

        assert await ref.ask("hello", block=False) == "hello"
    assert "message of class str" in caplog.text


async def test_context_variables_of_senders_and_handlers_do_not_leak() -> None:
    class Gossip(AsyncActor):
        def on_receive(self, message: str) -> str:
            before = caller.get()
            caller.set(message)
            return before

    async with ActorSystem() as system:
        one, two = system.start(Gossip), system.start(Gossip)
        caller.set("sender")

        heard = [await ref.ask("secret", block=False) for ref in (one, one, two, two)]

    assert heard == ["nobody"] * 4


class Touchy:
    """A value that is not to be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError(other)

    __hash__ = None  # type: ignore[assignment] # as Python does for such a class


@pytest.mark.parametrize("value", ["secret", Touchy()], ids=["plain", "touchy"])
@pytest.mark.parametrize("when", ["on_start", "on_receive"])
async def test_context_variables_do_not_leak_among_the_turns_of_one_tick(
    when: str, value: object
) -> None:
    class Gossip(AsyncActor):
        def on_start(self) -> None:
            if when == "on_start":
                keepsake.set(value)

        def on_receive(self, message: str) -> object:  # noqa: ARG002 - any will do
            before = keepsake.get()
            keepsake.set(value)
            return before

    token = keepsake.set(Touchy())
    known = keepsake.get()
    async with ActorSystem() as system:
        actors = [system.start(Gossip) for _ in range(3)]
        answers = [ref.ask("go", block=False) for ref in actors * 3]

        heard = [await answer for answer in answers]

    keepsake.reset(token)
    assert all(one is known for one in heard)


async def test_a_message_that_looks_like_an_envelope_arrives_as_it_is() -> None:
    async with ActorSystem() as system:
        log: list[object] = []

        class Listener(AsyncActor):
            def on_receive(self, message: object) -> None:
                log.append(message)

        ref = system.start(Listener)
        strange: Envelope[str] = Envelope("inside")
        for message in (1, strange):
            ref.tell(message)
        await settled(system)

    assert log == [1, strange]


async def test_a_backlog_does_not_starve_another_actor() -> None:
    handled_before_the_answer: list[int] = []

    class Busy(AsyncActor):
        count = 0

        def on_receive(self, message: object) -> None:  # noqa: ARG002 - any will do
            self.count += 1

        def read(self) -> int:
            return self.count

    async with ActorSystem() as system:
        busy, probe = system.start(Busy), system.start(Recorder)
        counter = busy._actor_weakref()
        assert counter is not None
        for number in range(10_000):
            busy.tell(number)

        await probe.ask("there?", block=False)
        handled_before_the_answer.append(counter.count)
        await system.settled()

        assert counter.count == 10_000
    assert handled_before_the_answer[0] < 5_000


async def test_an_actor_gets_a_batch_and_then_the_next_has_its_turn() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        busy, patient = system.start(Recorder, log), system.start(Recorder, log)

        for number in range(200):
            busy.tell(number)
        patient.tell("me too")
        await system.settled()

    assert log.index("me too") <= 32


async def test_a_slow_actor_lets_the_loop_breathe() -> None:
    turn_time = TurnTime()

    async with ActorSystem() as system:
        slow = system.start(Slow, turn_time)
        answers = [slow.ask(number, block=False) for number in range(500)]

        await asyncio.sleep(0)
        await asyncio.sleep(0)

        # One in each trip through the loop.
        assert sum(answer.is_ready() for answer in answers) == 2


async def test_ten_thousand_idle_actors_are_no_tasks_and_no_timers() -> None:
    tasks = len(asyncio.all_tasks())
    async with ActorSystem() as system:
        refs = [system.start(Recorder) for _ in range(10_000)]
        for ref in refs:
            ref.tell("hello")
        await system.settled()

        assert len(asyncio.all_tasks()) == tasks
        assert len(refs) == len(pykka.ActorRegistry.get_by_class(Recorder))


@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_messages_of_a_thread_keep_their_order(counts: list[int]) -> None:
    log: list[object] = []

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.start(Recorder, log)

            def send(sender: int) -> None:
                for number in range(counts[sender]):
                    ref.tell((sender, number))

            await asyncio.gather(
                *(asyncio.to_thread(send, sender) for sender in range(len(counts)))
            )

    VirtualClock().run(main)

    for sender, count in enumerate(counts):
        assert [m for m in log if isinstance(m, tuple) and m[0] == sender] == [
            (sender, number) for number in range(count)
        ]


@settings(max_examples=15, deadline=None)
@given(senders=st.integers(1, 4), before=st.integers(0, 50))
def test_at_a_stop_every_ask_is_answered_once(senders: int, before: int) -> None:
    log: list[object] = []
    outcomes: Counter[str] = Counter()

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.start(Recorder, log)

            def send(sender: int) -> None:
                for number in range(100):
                    if sender == 0 and number == before:
                        ref.stop()
                    try:
                        ref.ask((sender, number), timeout=30)
                    except pykka.ActorDeadError:
                        outcomes["dead"] += 1
                    else:
                        outcomes["answered"] += 1

            for sender in range(1, senders):
                await asyncio.to_thread(send, sender)
            await asyncio.gather(
                *(asyncio.to_thread(send, sender) for sender in range(senders))
            )

    VirtualClock().run(main)

    assert outcomes["answered"] == len(log)


async def test_leaving_stops_the_last_started_first() -> None:
    class Last(AsyncActor):
        def __init__(self, name: str, log: list[str]) -> None:
            super().__init__()
            self.name = name
            self.record = log

        async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1)
            self.record.append(self.name)

    log: list[str] = []

    async with ActorSystem() as system:
        for name in ("first", "second", "third"):
            system.start(Last, name, log)

    assert log == ["third", "second", "first"]


async def test_leaving_waits_for_messages_that_are_under_way() -> None:
    log: list[object] = []

    async with ActorSystem() as system:
        system.start(Sleeper, log).tell(9)

    assert log == [("begin", 9), ("end", 9)]


async def test_leaving_cuts_off_what_does_not_end_in_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[object] = []

    async with ActorSystem(drain=3) as system:
        stuck = system.start(Sleeper, log)
        answer = stuck.ask(1_000, block=False)
        behind = stuck.ask(1, block=False)

    assert log == [("begin", 1_000)]
    assert "Sleeper" in caplog.text
    assert asyncio.get_running_loop().time() == pytest.approx(3)
    assert not stuck.is_alive()
    with pytest.raises(MessageCancelledError):
        await answer
    with pytest.raises(pykka.ActorDeadError):
        await behind


async def test_an_actor_that_ignores_its_cancellation_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Deaf(AsyncActor):
        async def on_receive(self, message: object) -> None:
            while True:
                try:
                    await asyncio.sleep(100)
                except asyncio.CancelledError:
                    if message == "twice":
                        message = "once"
                        continue
                    raise

    caplog.set_level(logging.WARNING)
    async with ActorSystem(drain=1) as system:
        deaf = system.start(Deaf)
        deaf.tell("twice")

    assert not deaf.is_alive()
    assert "Deaf" in caplog.text


async def test_a_bare_start_chooses_the_only_open_system() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = Recorder.start(log)
        ref.tell("hello")

        await system.settled()

        assert log == ["hello"]
    assert not ref.is_alive()


async def test_a_bare_start_does_not_guess_among_systems() -> None:
    async with ActorSystem(), ActorSystem() as system:
        with pytest.raises(AmbiguousSystemError, match=r"system\.start\(Recorder"):
            Recorder.start()

        ref = system.start(Recorder)

        assert pykka.ActorRegistry.get_by_class(Recorder) == [ref]


async def test_actors_started_by_an_actor_live_in_its_system() -> None:
    class Parent(AsyncActor):
        async def on_receive(self, message: object) -> pykka.ActorRef[Recorder]:
            return Recorder.start([message])

    async with ActorSystem():
        async with ActorSystem() as inner:
            child = await inner.start(Parent).ask("hello", block=False)
        alive = child.is_alive()

    assert not alive


async def test_a_closed_system_starts_nothing() -> None:
    system = ActorSystem()

    with pytest.raises(SystemClosedError, match="Recorder"):
        system.start(Recorder)
    async with system:
        pass
    with pytest.raises(SystemClosedError, match="Recorder"):
        system.start(Recorder)


async def test_actors_started_while_leaving_are_stopped_too() -> None:
    class Heir(Recorder):
        async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            self.log.append("stopped")

    class Testator(AsyncActor):
        def __init__(self, log: list[object]) -> None:
            super().__init__()
            self.estate = log

        def on_stop(self) -> None:
            Heir.start(self.estate)

    log: list[object] = []

    async with ActorSystem() as system:
        system.start(Testator, log)

    assert log == ["stopped"]


@pytest.mark.real_time
async def test_a_thread_asks_an_actor_of_a_real_loop() -> None:
    async with ActorSystem() as system:
        ref = system.start(Recorder)

        answers = await asyncio.to_thread(
            lambda: [ref.ask(number) for number in range(100)]
        )

    assert answers == list(range(100))


@pytest.mark.real_time
async def test_two_threads_wake_one_actor_without_losing_a_message() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Recorder, log)

        def send() -> None:
            for number in range(2_000):
                ref.tell(number)

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)

    assert len(log) == 4_000
