"""On loops of uvloop actors mean what they mean on loops of asyncio."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    AsyncFuture,
    Bounded,
)
from duologue.actors.testing import Probe
from duologue.errors import BlockingCallError, MailboxFullError, SystemClosedError

if sys.platform == "win32":
    pytest.skip("there is no uvloop for Windows", allow_module_level=True)

import uvloop


class Home(AsyncActor):
    """Tells where it lives, at once or after a trip through its loop."""

    def on_receive(self, message: object) -> object:
        return message

    def here(self) -> tuple[int, str]:
        return threading.get_ident(), type(asyncio.get_running_loop()).__module__

    async def later(self, message: object) -> object:
        await asyncio.sleep(0)
        return message


class Narrow(Home):
    """Lets senders wait for room."""

    mailbox: ClassVar[Bounded | None] = Bounded(1)


def run(work: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


@pytest.mark.parametrize("hosts", [1, 2])
def test_every_host_of_a_system_has_a_loop_of_the_same_kind(hosts: int) -> None:
    async def play() -> None:
        async with ActorSystem(hosts=hosts) as system:
            refs = [system.start(Home) for _ in range(4)]
            homes = [await ref.proxy().here() for ref in refs]

        assert len({thread for thread, _ in homes}) == hosts
        assert {kind for _, kind in homes} == {"uvloop"}

    run(play())


def test_actors_are_asked_and_told_from_the_loop_and_from_threads() -> None:
    async def play() -> None:
        async with ActorSystem(hosts=2) as system:
            ref, probe = system.start(Home), Probe.start(system=system)

            assert await ref.ask(1, block=False) == 1
            assert await ref.proxy().later(2) == 2
            assert await asyncio.to_thread(ref.ask, 3) == 3
            with pytest.raises(BlockingCallError, match="await"):
                ref.ask(4)
            probe.ref.tell("from the loop")
            await asyncio.to_thread(probe.ref.tell, "from a thread")
            await system.settled()
            assert probe.received == ("from the loop", "from a thread")

    run(play())


def test_a_sender_waits_for_room_on_the_loop() -> None:
    async def play() -> None:
        async with ActorSystem() as system:
            ref = system.start(Narrow)
            ref.tell("takes the room")

            with pytest.raises(MailboxFullError):
                ref.tell("no room")
            await ref.send("waits")
            await system.settled()

            assert await ref.ask("hello", block=False) == "hello"

    run(play())


def test_a_timer_goes_off_until_it_is_cancelled() -> None:
    class Clock(Home):
        def __init__(self, probe: AsyncActorRef[AsyncActor]) -> None:
            super().__init__()
            self.probe = probe

        def on_start(self) -> None:
            self.send_after(0.001, "once")
            self.ticks = self.send_every(0.001, "tick")

        def on_receive(self, message: object) -> object:
            self.probe.tell(message)
            return None

        def silence(self) -> bool:
            self.ticks.cancel()
            return self.ticks.is_active

    async def play() -> None:
        async with ActorSystem() as system:
            probe = Probe.start(system=system)
            clock = system.start(Clock, probe.ref)

            first = {await probe.next(str) for _ in range(3)}
            still_ticks = await clock.proxy().silence()

            assert first == {"once", "tick"}
            assert not still_ticks

    run(play())


def test_a_system_drains_before_it_ends() -> None:
    async def play() -> None:
        async with ActorSystem(hosts=2) as system:
            refs = [system.start(Home) for _ in range(10)]
            answers = [ref.proxy().later(number) for number, ref in enumerate(refs)]

        assert [answer.get(timeout=0) for answer in answers] == list(range(10))
        assert system.unfinished == ()
        assert not any(ref.is_alive() for ref in refs)

    run(play())


def test_a_future_serves_loops_of_both_kinds_and_threads() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    ready = threading.Barrier(4)

    async def wait() -> int:
        asyncio.get_running_loop().call_soon(ready.wait)
        return await future

    def on(factory: Callable[[], asyncio.AbstractEventLoop]) -> int:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(wait())

    def in_a_thread() -> int:
        ready.wait()
        return future.get(timeout=20)

    with ThreadPoolExecutor(3) as threads:
        values = [
            threads.submit(on, uvloop.new_event_loop),
            threads.submit(on, asyncio.new_event_loop),
            threads.submit(in_a_thread),
        ]
        ready.wait()
        future.set(5)

    assert [value.result() for value in values] == [5, 5, 5]


def test_a_loop_that_is_closed_under_its_actors_answers_everyone() -> None:
    loop = uvloop.new_event_loop()
    system = ActorSystem()
    loop.run_until_complete(system.__aenter__())
    ref = system.start(Home)
    answer: AsyncFuture[object] = ref.ask("too late", block=False)

    loop.close()

    with pytest.raises(SystemClosedError):
        answer.get(timeout=20)
    with pytest.raises(SystemClosedError, match="Home"):
        ref.tell("hello")
    assert not ref.is_alive()
    assert ref not in pykka.ActorRegistry.get_all()
