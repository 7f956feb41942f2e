"""What holds between the parts: order, priority, stop against kill, waiting, the end."""

from __future__ import annotations

import asyncio
from typing import ClassVar, cast

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Bounded,
    Restart,
    Resume,
    Stopped,
    Strategy,
    Terminated,
)
from duologue.actors.testing import settled
from duologue.errors import MailboxFullError


class Recorder(AsyncActor):
    """Records what it handles; sleeps as many seconds as a float says."""

    def __init__(self, log: list[object]) -> None:
        super().__init__()
        self.log = log

    def on_stop(self) -> None:
        self.log.append("on_stop")

    def note(self, message: object) -> None:
        self.log.append(message)

    async def on_receive(self, message: object) -> object:
        if isinstance(message, float):
            await asyncio.sleep(message)
        self.note(message)
        if isinstance(message, Exception):
            raise message
        return message


class Phoenix(Recorder):
    supervision: Strategy = Restart(backoff=Backoff(10))


class Tight(Recorder):
    mailbox: ClassVar[Bounded | None] = Bounded(1)


async def test_tells_asks_calls_and_the_stop_of_a_sender_keep_their_order() -> None:
    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Recorder, log)
        ref.tell(1.0)
        answer = ref.ask("asked", block=False)
        call = ref.proxy().note("called")
        gone = ref.stop(block=False)
        late = ref.ask("late", block=False)

        assert await answer == "asked"
        assert await call is None
        assert await gone is True
        with pytest.raises(pykka.ActorDeadError):
            await late

    assert log == [1.0, "asked", "called", "on_stop"]


async def test_what_an_actor_tells_itself_comes_behind_what_waits_already() -> None:
    class Selfish(Recorder):
        def note(self, message: object) -> None:
            super().note(message)
            if message == "first":
                self.actor_ref.tell("from itself")

    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Selfish, log)
        for message in ("first", "second"):
            ref.tell(message)
        await settled(system)

    assert log == ["first", "second", "from itself", "on_stop"]


async def test_a_timer_takes_its_place_behind_what_waits_already() -> None:
    class Alarmed(Recorder):
        def on_start(self) -> None:
            self.send_after(1, "timer")

    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Alarmed, log)
        for message in (5.0, "before"):
            ref.tell(message)
        await asyncio.sleep(2)
        ref.tell("after")

    assert log == [5.0, "before", "timer", "after", "on_stop"]


async def test_the_news_of_an_end_takes_its_place_behind_what_waits_already() -> None:
    class Watcher(Recorder):
        def __init__(self, log: list[object], other: object) -> None:
            super().__init__(log)
            self.other = other

        def on_start(self) -> None:
            self.watch(self.other)

    log: list[object] = []

    async with ActorSystem() as system:
        other = system.start(Recorder, [])
        watcher = system.start(Watcher, log, other)
        for message in (5.0, "before"):
            watcher.tell(message)
        await other.stop(block=False)
        watcher.tell("after")

    news = Terminated(cast("AsyncActorRef[pykka.Actor]", other), Stopped())
    assert log == [5.0, "before", news, "after", "on_stop"]


async def test_a_stop_comes_behind_what_waits_and_a_kill_before_it() -> None:
    stopped: list[object] = []
    killed: list[object] = []

    async with ActorSystem() as system:
        for log in (stopped, killed):
            ref = system.start(Recorder, log)
            for message in (5.0, "waits"):
                ref.tell(message)
            await asyncio.sleep(1)
            if log is stopped:
                await ref.stop(block=False)
            else:
                await ref.kill(block=False)

    assert stopped == [5.0, "waits", "on_stop"]
    assert killed == []
    assert asyncio.get_running_loop().time() == pytest.approx(6)


async def test_a_second_stop_or_kill_says_that_the_actor_was_dead() -> None:
    async with ActorSystem() as system:
        ref = system.start(Recorder, [])

        ends = [
            await ref.stop(block=False),
            await ref.stop(block=False),
            await ref.kill(block=False),
        ]

        assert ends == [True, False, False]
        assert ref.stop_reason == Stopped()


async def test_a_stop_in_a_pause_waits_for_the_new_instance() -> None:
    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Phoenix, log)
        error = LookupError()
        for message in (error, "waits"):
            ref.tell(message)
        await asyncio.sleep(1)
        await ref.stop(block=False)

    assert log == [error, "waits", "on_stop"]
    assert asyncio.get_running_loop().time() == pytest.approx(10)


async def test_an_actor_in_a_pause_is_alive_and_takes_messages() -> None:
    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Phoenix, log)
        error = LookupError()
        ref.tell(error)
        await asyncio.sleep(1)

        assert ref.is_alive()
        assert ref.stop_reason is None
        assert await ref.ask("in the pause", block=False) == "in the pause"
    assert log == [error, "in the pause", "on_stop"]


async def test_a_full_mailbox_still_takes_a_stop_and_a_timer() -> None:
    class Alarmed(Tight):
        def on_start(self) -> None:
            self.send_after(1, "timer")

    log: list[object] = []

    async with ActorSystem() as system:
        ref = system.start(Alarmed, log)
        ref.tell(5.0)
        await asyncio.sleep(0.5)
        ref.tell("waits")
        await asyncio.sleep(2)
        gone = ref.stop(block=False)
        with pytest.raises(MailboxFullError):
            ref.tell("one too many")

        assert await gone is True
    assert log == [5.0, "waits", "timer", "on_stop"]


async def test_an_actor_that_resumes_takes_a_failed_child_as_its_own_failure() -> None:
    class Parent(AsyncActor):
        supervision: Strategy = Resume()

        def on_start(self) -> None:
            child = self.start_child(Recorder, [], supervision=Restart(max_restarts=0))
            child.tell(LookupError())

        def on_receive(self, message: object) -> object:
            return message, self.children

    async with ActorSystem() as system:
        parent = system.start(Parent)
        await settled(system)

        assert await parent.ask("alive", block=False) == ("alive", ())


async def test_a_handler_that_hangs_holds_up_nobody_else() -> None:
    async with ActorSystem() as system:
        hanging = system.start(Recorder, [])
        hanging.tell(1_000_000.0)
        other = system.start(Recorder, [])
        await asyncio.sleep(0)

        assert await other.ask("alive", block=False) == "alive"
        assert await hanging.kill(block=False) is True
    assert system.unfinished == ()
