"""An actor with mail outside of its inbox: the inbox tells when, and carries the end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TypeVar

import pytest

from duologue.actors import ActorSystem, AsyncActor, AsyncActorRef
from duologue.actors._mailbox._mail_inbox import MailInbox
from duologue.errors import OutsideMailError
from tests.actors.conftest import Recorder, TurnTime


class Letterbox:
    """Mail that lies outside of any actor, and what became of it."""

    def __init__(self, *mail: str) -> None:
        self.mail = deque(mail)
        self.log: list[str] = []


class Clerk(AsyncActor):
    """Takes one piece of mail each time it is told that there is some."""

    def __init__(self, box: Letterbox, *, turn_time: TurnTime | None = None) -> None:
        super().__init__()
        self.box = box
        self.turn_time = turn_time
        self.inbox = MailInbox(self.actor_inbox)
        self.actor_inbox.queue = self.inbox

    def on_receive(self, message: object) -> object:
        del message
        if self.turn_time is not None:
            self.turn_time.now += 0.001  # more than a quantum
        self.inbox.has_mail = len(self.box.mail) > 1
        self.box.log.append(self.box.mail.popleft())
        return None

    def on_stop(self) -> None:
        self.box.log.append("end")


class Thinker(Clerk):
    """Takes its time over each piece of mail."""

    async def on_receive(self, message: object) -> None:
        await asyncio.sleep(1)
        super().on_receive(message)


C = TypeVar("C", bound=Clerk)


def inbox_of(ref: AsyncActorRef[C]) -> MailInbox:
    inbox = ref.actor_inbox.queue
    assert isinstance(inbox, MailInbox)
    return inbox


@pytest.mark.parametrize("kind", [Clerk, Thinker])
async def test_an_actor_reads_while_there_is_mail_and_rests_then(
    kind: type[Clerk],
) -> None:
    box = Letterbox("1", "2", "3")
    async with ActorSystem() as system:
        ref = system.start(kind, box)
        await system.settled()
        before = box.log.copy()

        inbox_of(ref).ring()
        await system.settled()
        after = box.log.copy()
        box.mail.append("4")
        inbox_of(ref).ring()
        await system.settled()

        assert inbox_of(ref).empty()
    assert (before, after) == ([], ["1", "2", "3"])
    assert box.log == ["1", "2", "3", "4", "end"]


@pytest.mark.parametrize("kind", [Clerk, Thinker])
async def test_any_number_of_rings_gives_one_turn(kind: type[Clerk]) -> None:
    box = Letterbox("1")
    async with ActorSystem() as system:
        ref = system.start(kind, box)

        for _ in range(10):
            inbox_of(ref).ring()
        await system.settled()

        assert box.log == ["1"]


async def test_a_ring_during_a_turn_gives_the_next_one() -> None:
    box = Letterbox("1")
    async with ActorSystem() as system:
        ref = system.start(Thinker, box)
        inbox_of(ref).ring()
        await asyncio.sleep(0.5)

        box.mail.append("2")
        inbox_of(ref).ring()
        await system.settled()

        assert box.log == ["1", "2"]


async def test_a_system_is_settled_when_the_mail_is_read() -> None:
    box = Letterbox(*map(str, range(100)))
    async with ActorSystem() as system:
        inbox_of(system.start(Thinker, box)).ring()

        await system.settled()

        assert not box.mail


@pytest.mark.parametrize("kind", [Clerk, Thinker])
@pytest.mark.parametrize("by", ["stop", "passivate"])
async def test_the_end_comes_before_the_mail_and_leaves_it(
    kind: type[Clerk], by: str
) -> None:
    box = Letterbox("1", "2")
    async with ActorSystem() as system:
        ref = system.start(kind, box)
        actor = ref.actor_inbox.actor
        assert isinstance(actor, Clerk)

        actor.inbox.ring()
        if by == "stop":
            await ref.stop(block=False)
        else:
            actor.passivate()
            await system.settled()

        assert not ref.is_alive()
        assert not system.dead_letters
    assert box.log == ["end"]
    assert [*box.mail] == ["1", "2"]
    assert actor.inbox.has_mail


async def test_a_stop_during_a_turn_lets_it_finish_and_leaves_the_rest() -> None:
    box = Letterbox("1", "2")
    async with ActorSystem() as system:
        ref = system.start(Thinker, box)
        inbox_of(ref).ring()
        await asyncio.sleep(0.5)

        await ref.stop(block=False)

    assert box.log == ["1", "end"]
    assert [*box.mail] == ["2"]


async def test_a_ring_after_the_end_does_nothing() -> None:
    box = Letterbox("1")
    async with ActorSystem() as system:
        ref = system.start(Clerk, box)
        inbox = inbox_of(ref)
        await ref.stop(block=False)

        inbox.ring()
        await system.settled()

    assert box.log == ["end"]


async def test_messages_to_the_ref_are_refused() -> None:
    box = Letterbox("1")
    async with ActorSystem() as system:
        ref = system.start(Clerk, box)

        with pytest.raises(OutsideMailError, match="a Clerk takes no messages") as told:
            ref.tell("hello")
        with pytest.raises(OutsideMailError):
            await ref.ask("hello", block=False)
        with pytest.raises(OutsideMailError):
            await ref.send("hello")
        inbox_of(ref).ring()
        await system.settled()

        assert told.value.actor == "Clerk"
        assert box.log == ["1"]


async def test_much_mail_does_not_hold_up_other_actors_or_the_loop() -> None:
    busy = Letterbox(*["busy"] * 100)
    quiet = Letterbox("quiet")
    turn_time = TurnTime()
    async with ActorSystem() as system:
        slow = system.start(Clerk, busy, turn_time=turn_time)
        inbox_of(slow).ring()
        inbox_of(system.start(Clerk, quiet)).ring()
        recorder = system.start(Recorder, quiet.log)
        recorder.tell("message")

        for _ in range(5):
            await asyncio.sleep(0)
        left, early = len(busy.mail), quiet.log.copy()
        await system.settled()

        assert early == ["quiet", "message"]
        assert left > 90
        assert not busy.mail
