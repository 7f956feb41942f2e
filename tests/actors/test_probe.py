"""A probe records what it receives, gives it out by kind and answers."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pykka
import pytest
from hypothesis import given, strategies as st

from duologue.actors import ActorSystem, AsyncActor, Terminated
from duologue.actors.testing import Probe, VirtualClock
from duologue.errors import NotReceivedError, WatchError

pytestmark = pytest.mark.usefixtures("everyone_stops")


@dataclass(frozen=True, slots=True)
class Ping:
    """One kind of message."""

    number: int = 0


@dataclass(frozen=True, slots=True)
class Pong:
    """Another kind."""

    number: int = 0


async def test_a_probe_gives_out_messages_by_kind_in_their_order() -> None:
    async with ActorSystem():
        probe = Probe.start()
        for message in (Ping(1), Pong(2), Ping(3)):
            probe.ref.tell(message)

        assert await probe.next(Pong) == Pong(2)
        assert await probe.next(Ping) == Ping(1)
        assert await probe.next(object) == Ping(3)
        assert probe.received == (Ping(1), Pong(2), Ping(3))


async def test_a_probe_waits_for_what_comes_later() -> None:
    class Postman(AsyncActor):
        async def on_receive(
            self, message: tuple[pykka.ActorRef[AsyncActor], Ping]
        ) -> None:
            ref, ping = message
            await asyncio.sleep(3)
            ref.tell(ping)

    async with ActorSystem():
        probe = Probe.start()
        Postman.start().tell((probe.ref, Ping(7)))

        assert await probe.next(Ping, timeout=4) == Ping(7)


async def test_a_probe_that_waits_in_vain_says_what_came_instead() -> None:
    async with ActorSystem():
        probe = Probe.start()
        probe.ref.tell(Pong())
        probe.ref.tell(Pong())

        with pytest.raises(NotReceivedError) as missing:
            await probe.next(Ping, timeout=2)

        assert missing.value.expected == "Ping"
        assert missing.value.seconds == 2
        assert missing.value.received == ("Pong", "Pong")
        assert asyncio.get_running_loop().time() == pytest.approx(2)


async def test_a_wait_that_ended_takes_no_message() -> None:
    async with ActorSystem():
        probe = Probe.start()
        waiting = asyncio.get_running_loop().create_task(probe.next(Ping))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait([waiting])

        probe.ref.tell(Ping(1))

        assert await probe.next(Ping) == Ping(1)


@pytest.mark.real_time
async def test_a_wait_cancelled_as_its_message_comes_leaves_it_in_its_place() -> None:
    probe = Probe.start()
    waiting = asyncio.get_running_loop().create_task(probe.next(Ping))
    await asyncio.sleep(0)

    # This loop stands still while the actor, in its thread, gives out the message.
    tell_and_wait = threading.Thread(
        target=lambda: [probe.ref.ask(message) for message in (Pong(1), Ping(2))]
    )
    tell_and_wait.start()
    tell_and_wait.join()
    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert await probe.next(object) == Pong(1)
    assert await probe.next(object) == Ping(2)


async def test_a_probe_answers_as_it_is_told() -> None:
    async def answer(message: object) -> object:
        await asyncio.sleep(1)
        if isinstance(message, Pong):
            raise LookupError("no pongs")  # noqa: TRY004 - as a handler may
        return message

    async with ActorSystem() as system:
        silent, talking = Probe.start(), Probe.start(system=system, answer=answer)

        assert await silent.ref.ask(Ping(), block=False) is None
        assert await talking.ref.ask(Ping(5), block=False) == Ping(5)
        with pytest.raises(LookupError, match="no pongs"):
            await talking.ref.ask(Pong(), block=False)
        assert talking.received == (Ping(5), Pong())


async def test_a_probe_watches_others() -> None:
    async with ActorSystem():
        probe, other = Probe.start(), Probe.start()

        probe.watch(other.ref)
        assert await other.ref.stop(block=False)
        terminated = await probe.next(Terminated)

        assert terminated.ref is other.ref
        assert probe.received == (terminated,)


@pytest.mark.parametrize("whom", ["nobody", None])
async def test_a_probe_that_can_watch_nobody_says_so_and_lives(whom: object) -> None:
    async with ActorSystem() as system:
        probe = Probe.start()

        with pytest.raises(WatchError):
            probe.watch(whom)
        with pytest.raises(WatchError, match="itself"):
            probe.watch(probe.ref)
        await system.settled()

        assert probe.ref.is_alive()


def test_a_wait_on_a_loop_that_was_closed_takes_no_message() -> None:
    probe = Probe.start()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(probe.next(Ping))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    abandoned = waiting.get_coro()
    assert abandoned is not None
    abandoned.close()

    probe.ref.ask(Ping(1))

    assert asyncio.run(probe.next(Ping)) == Ping(1)


@pytest.mark.real_time
async def test_a_probe_without_a_system_serves_threads_and_loops() -> None:
    probe = Probe.start()
    told = threading.Thread(target=probe.ref.ask, args=(Ping(1),))

    told.start()
    message = await probe.next(Ping)
    await asyncio.to_thread(told.join)

    assert message == Ping(1)
    assert probe.received == (Ping(1),)


@given(st.lists(st.sampled_from([Ping, Pong]), max_size=12), st.data())
def test_every_message_is_given_out_once_whoever_waits_first(
    kinds: list[type[Ping | Pong]], data: st.DataObject
) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        waits: list[asyncio.Task[Ping | Pong]] = []
        async with ActorSystem():
            probe = Probe.start()
            for number, kind in enumerate(kinds):
                if data.draw(st.booleans()):
                    probe.ref.tell(kind(number))
                    waits.append(loop.create_task(probe.next(kind)))
                else:
                    waits.append(loop.create_task(probe.next(kind)))
                    await asyncio.sleep(0)
                    probe.ref.tell(kind(number))
            found = await asyncio.gather(*waits)
        assert sorted(message.number for message in found) == list(range(len(kinds)))
        assert [type(message) for message in found] == kinds

    VirtualClock().run(play)
