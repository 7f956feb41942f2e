"""Mailboxes with a bound: what becomes of one message too many."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable
from typing import ClassVar

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncActor, AsyncFuture, Bounded, coalesce
from duologue.errors import (
    MailboxFullError,
    MailboxSettingError,
    MessageDroppedError,
)
from tests.actors.conftest import Reader


class Counted(Reader):
    """Says how many it has read; something may happen whenever it reads one."""

    def __init__(self) -> None:
        super().__init__()
        self.when_read: Callable[[], object] = list

    def on_receive(self, message: object) -> object:
        answer = super().on_receive(message)
        self.when_read()
        return answer

    def count(self) -> int:
        return len(self.seen)


class Waiting(Counted):
    mailbox: ClassVar[Bounded | None] = Bounded(2)


class Impatient(Counted):
    mailbox: ClassVar[Bounded | None] = Bounded(1, timeout=5)


class Rejecting(Counted):
    mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="reject")


class Forgetful(Counted):
    mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="drop_oldest")


def first_word(message: object) -> str | None:
    return message.split()[0] if isinstance(message, str) and " " in message else None


class Newest(Counted):
    mailbox: ClassVar[Bounded | None] = Bounded(3, overflow=coalesce(first_word))


class Held:
    """An actor of a class with a full mailbox, in the middle of a message."""

    def __init__(self, reader: type[Counted], *messages: object) -> None:
        actors: list[Counted] = []

        class Seen(reader):  # type: ignore[misc, valid-type] # the class is an argument
            def __init__(self) -> None:
                super().__init__()
                actors.append(self)

        self.ref = Seen.start()
        self.actor = actors[0]
        self._messages = messages

    async def full(self) -> Held:
        self.ref.tell("hold")
        await self.actor.holds
        for message in self._messages:
            self.ref.tell(message)
        return self

    async def seen(self) -> list[object]:
        """Let go, and give what it has read when nothing is left to read."""
        if not self.actor.let_go.is_ready():
            self.actor.let_go.set()
        await self.ref.stop(block=False)
        return self.actor.seen


async def test_a_mailbox_without_a_bound_takes_any_number() -> None:
    async with ActorSystem():
        held = await Held(Counted, *range(10_000)).full()

        assert await held.seen() == list(range(10_000))


async def test_a_full_mailbox_refuses_with_its_capacity() -> None:
    async with ActorSystem():
        held = await Held(Rejecting, "a", "b").full()

        with pytest.raises(MailboxFullError, match="2 messages") as refusal:
            held.ref.tell("c")

        assert refusal.value.capacity == 2
        assert refusal.value.key == "Seen"
        assert await held.seen() == ["a", "b"]


async def test_a_full_mailbox_for_one_message_says_so() -> None:
    class Single(Rejecting):
        mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="reject")

    async with ActorSystem():
        held = await Held(Single, "a").full()

        with pytest.raises(MailboxFullError, match=r"is full \(1 message\)"):
            held.ref.tell("b")


async def test_the_message_being_handled_takes_no_room() -> None:
    async with ActorSystem():
        held = await Held(Rejecting).full()

        held.ref.tell("a")
        held.ref.tell("b")

        assert await held.seen() == ["a", "b"]


async def test_an_ask_of_a_full_mailbox_fails_through_its_future() -> None:
    async with ActorSystem():
        waiting = await Held(Waiting, "a", "b").full()
        rejecting = await Held(Rejecting, "a", "b").full()

        for held in (waiting, rejecting):
            answer = held.ref.ask("c", block=False)
            with pytest.raises(MailboxFullError):
                await answer
            assert await held.seen() == ["a", "b"]


async def test_a_call_through_a_proxy_counts_and_fails_at_a_full_mailbox() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a").full()
        proxy = held.ref.proxy()

        counted = proxy.count()
        refused = proxy.count()

        with pytest.raises(MailboxFullError):
            await refused
        held.actor.let_go.set()
        assert await counted == 1


async def test_on_a_thread_that_runs_actors_tell_raises_and_names_send() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        with pytest.raises(MailboxFullError, match=r"await ref\.send\(message\)"):
            held.ref.tell("c", timeout=60)

        assert await held.seen() == ["a", "b"]


async def test_send_waits_for_room() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        async with asyncio.TaskGroup() as group:
            sending = group.create_task(held.ref.send("c"))
            await asyncio.sleep(1)
            was_waiting = not sending.done()
            held.actor.let_go.set()

        assert was_waiting
        assert await held.seen() == ["a", "b", "c"]


async def test_send_to_a_mailbox_with_room_does_not_wait() -> None:
    async with ActorSystem():
        bounded, unbounded = Held(Waiting), Held(Counted)

        for held in (bounded, unbounded):
            sending = held.ref.send("a")
            with pytest.raises(StopIteration):
                sending.send(None)
            assert await held.seen() == ["a"]


async def test_send_gives_up_after_its_timeout() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()
        began = asyncio.get_running_loop().time()

        with pytest.raises(MailboxFullError):
            await held.ref.send("c", timeout=3)

        assert asyncio.get_running_loop().time() - began == 3
        assert await held.seen() == ["a", "b"]


async def test_the_timeout_of_the_mailbox_holds_for_those_who_name_none() -> None:
    async with ActorSystem():
        held = await Held(Impatient, "a").full()
        began = asyncio.get_running_loop().time()

        with pytest.raises(MailboxFullError):
            await held.ref.send("b")
        after_its_own = asyncio.get_running_loop().time()
        with pytest.raises(MailboxFullError):
            await held.ref.send("b", timeout=1)

        assert after_its_own - began == 5
        assert asyncio.get_running_loop().time() - after_its_own == 1
        assert await held.seen() == ["a"]


async def test_a_sender_that_is_cancelled_leaves_nothing_and_harms_nobody() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(held.ref.send(n)) for n in range(3)]
            await asyncio.sleep(1)
            sending[1].cancel()
            await asyncio.sleep(1)
            held.actor.let_go.set()

        assert await held.seen() == ["a", "b", 0, 2]


async def test_a_sender_cancelled_after_there_was_room_has_sent() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(held.ref.send("c"))
            await asyncio.sleep(1)
            held.actor.when_read = sending.cancel
            held.actor.let_go.set()

        # It had been let in when the first message left, before the actor read it.
        assert sending.cancelled()
        assert await held.seen() == ["a", "b", "c"]


async def test_a_thread_that_tells_waits_for_room() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        async with asyncio.TaskGroup() as group:
            telling = group.create_task(asyncio.to_thread(held.ref.tell, "c"))
            # Virtual time goes on only while every thread waits for an actor.
            await asyncio.sleep(60)
            was_waiting = not telling.done()
            held.actor.let_go.set()

        assert was_waiting
        assert await held.seen() == ["a", "b", "c"]


async def test_a_thread_that_tells_gives_up_after_its_timeout() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        with pytest.raises(MailboxFullError):
            await asyncio.to_thread(held.ref.tell, "c", timeout=0.001)

        assert await held.seen() == ["a", "b"]


async def test_a_thread_that_asks_waits_for_room_and_for_the_answer() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        async with asyncio.TaskGroup() as group:
            asking = group.create_task(asyncio.to_thread(held.ref.ask, "c"))
            await asyncio.sleep(60)
            held.actor.let_go.set()

        assert asking.result() == "c"
        assert await held.seen() == ["a", "b", "c"]


async def test_a_thread_that_asks_gives_up_when_there_is_no_room_in_time() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        with pytest.raises(MailboxFullError):
            await asyncio.to_thread(held.ref.ask, "c", timeout=0.001)

        assert await held.seen() == ["a", "b"]


async def test_waiting_for_room_leaves_less_time_for_the_answer() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "hold").full()
        held.actor.holds = AsyncFuture()

        async with asyncio.TaskGroup() as group:
            asking = group.create_task(
                asyncio.to_thread(_outcome, lambda: held.ref.ask("c", timeout=0.2))
            )
            await asyncio.sleep(60)
            first, held.actor.let_go = held.actor.let_go, AsyncFuture()
            # Now the question is in, and the actor holds again.
            first.set()

        assert isinstance(asking.result(), pykka.Timeout)
        assert await held.seen() == ["a", "c"]


async def test_room_goes_to_those_who_wait_in_the_order_they_came() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(held.ref.send(number))
                await asyncio.sleep(1)
            held.actor.let_go.set()

        assert await held.seen() == ["a", "b", *range(10)]


async def test_nobody_takes_the_room_of_one_who_waits() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "a", "b").full()
        refusals: list[object] = []

        def tell_once() -> None:
            if not refusals:
                refusals.append(_outcome(lambda: held.ref.tell("me first")))

        held.actor.when_read = tell_once
        async with asyncio.TaskGroup() as group:
            group.create_task(held.ref.send("c"))
            await asyncio.sleep(1)
            held.actor.let_go.set()
            await asyncio.sleep(1)

        # When the first was read, the one outside had taken its room already.
        assert isinstance(refusals[0], MailboxFullError)
        assert held.actor.seen[:3] == ["a", "b", "c"]


async def test_one_who_waits_for_room_when_the_actor_stops_is_told() -> None:
    async with ActorSystem():
        held = await Held(Waiting, "fail", "b").full()

        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_later(held.ref.send("c")))
            telling = group.create_task(
                asyncio.to_thread(_outcome, lambda: held.ref.tell("d"))
            )
            asking = group.create_task(
                asyncio.to_thread(_outcome, lambda: held.ref.ask("e"))
            )
            await asyncio.sleep(60)
            # The first message fails it, and so makes room for one of them.
            held.actor.let_go.set()

        outcomes = [task.result() for task in (sending, telling, asking)]
        assert [type(outcome) for outcome in outcomes] == [
            type(None),
            pykka.ActorDeadError,
            pykka.ActorDeadError,
        ]


async def test_a_thread_that_waits_for_room_when_the_system_closes_is_told() -> None:
    system = ActorSystem(drain=1)
    async with asyncio.TaskGroup() as group, system:
        held = await Held(Waiting, "a", "b").full()
        telling = group.create_task(
            asyncio.to_thread(_outcome, lambda: held.ref.tell("c"))
        )
        await asyncio.sleep(60)

    assert isinstance(telling.result(), pykka.ActorDeadError)
    assert held.actor.seen == []


async def test_a_request_to_stop_gets_into_a_full_mailbox_and_takes_no_room() -> None:
    async with ActorSystem():
        held = await Held(Rejecting, "a").full()

        gone = held.ref.stop(block=False)
        held.ref.tell("b")
        with pytest.raises(MailboxFullError):
            held.ref.tell("c")
        held.actor.let_go.set()

        assert await gone
        assert held.actor.seen == ["a"]


async def test_a_request_to_go_gets_into_a_full_mailbox() -> None:
    async with ActorSystem():
        held = await Held(Rejecting, "a", "b").full()

        held.actor.passivate()
        held.actor.let_go.set()
        await held.ref.stop(block=False)

        assert held.actor.seen == ["a", "b"]


async def test_an_overflow_drops_the_message_that_has_waited_longest() -> None:
    async with ActorSystem():
        held = await Held(Forgetful, "a", "b").full()

        held.ref.tell("c")
        held.ref.tell("d")

        assert await held.seen() == ["c", "d"]


async def test_an_overflow_never_drops_a_request_to_stop() -> None:
    async with ActorSystem():
        held = await Held(Forgetful).full()

        gone = held.ref.stop(block=False)
        for number in range(5):
            held.ref.tell(number)
        held.actor.let_go.set()
        await gone

        assert not held.ref.is_alive()
        assert held.actor.seen == []


async def test_who_asked_what_was_dropped_is_told() -> None:
    async with ActorSystem():
        held = await Held(Forgetful).full()

        answers = [held.ref.ask(n, block=False) for n in range(3)]
        held.actor.let_go.set()

        with pytest.raises(MessageDroppedError, match="dropped") as dropped:
            await answers[0]
        assert [await answers[1], await answers[2]] == [1, 2]
        assert dropped.value.message == "int"


async def test_a_message_takes_the_place_of_a_waiting_one_with_its_key() -> None:
    async with ActorSystem():
        held = await Held(Newest, "price 1", "volume 1", "price 2").full()

        held.ref.tell("price 3")

        assert await held.seen() == ["price 3", "volume 1"]


async def test_a_message_without_a_key_takes_no_place() -> None:
    async with ActorSystem():
        held = await Held(Newest, "same", "same").full()

        held.ref.tell("same")

        assert await held.seen() == ["same", "same", "same"]


async def test_a_key_that_has_been_handled_is_free_again() -> None:
    async with ActorSystem():
        held = await Held(Newest, "price 1").full()

        held.actor.let_go.set()
        await held.ref.ask("done", block=False)
        held.ref.tell("price 2")

        assert await held.seen() == ["price 1", "done", "price 2"]


async def test_who_asked_what_was_superseded_is_told() -> None:
    async with ActorSystem():
        held = await Held(Newest).full()

        old = held.ref.ask("price 1", block=False)
        new = held.ref.ask("price 2", block=False)
        held.actor.let_go.set()

        with pytest.raises(MessageDroppedError, match="superseded"):
            await old
        assert await new == "price 2"


async def test_a_full_mailbox_refuses_what_has_no_place_to_take() -> None:
    async with ActorSystem():
        held = await Held(Newest, "a 1", "b 1", "c 1").full()

        held.ref.tell("a 2")
        with pytest.raises(MailboxFullError):
            held.ref.tell("d 1")
        with pytest.raises(MailboxFullError):
            await held.ref.send("d 1")

        assert await held.seen() == ["a 2", "b 1", "c 1"]


async def test_a_stop_keeps_its_place_among_messages_with_keys() -> None:
    async with ActorSystem():
        held = await Held(Newest, "a 1").full()

        gone = held.ref.stop(block=False)
        held.ref.tell("b 1")
        held.actor.let_go.set()

        assert await gone
        assert held.actor.seen == ["a 1"]


@pytest.mark.parametrize("key", [[], ([],)])
async def test_a_key_that_cannot_be_hashed_is_an_error_of_the_sender(
    key: Hashable,
) -> None:
    class Unkeyed(Counted):
        mailbox: ClassVar[Bounded | None] = Bounded(3, overflow=coalesce(lambda _: key))

    async with ActorSystem():
        ref = Unkeyed.start()

        with pytest.raises(MailboxSettingError, match=r"coalesce\(key\)"):
            ref.tell("a")


async def test_what_an_actor_tells_itself_before_it_starts_counts() -> None:
    class Eager(Rejecting):
        def __init__(self) -> None:
            super().__init__()
            self.actor_ref.tell("a")
            self.actor_ref.tell("b")
            with pytest.raises(MailboxFullError):
                self.actor_ref.tell("c")

    async with ActorSystem() as system:
        ref = Eager.start()
        await system.settled()

        assert await ref.proxy().seen == ["a", "b"]


def test_a_thread_fills_and_waits_beside_the_default_host() -> None:
    ref = Waiting.start()

    for number in range(1000):
        ref.tell(number)

    assert ref.ask("last") == "last"
    assert ref.proxy().count().get() == 1001
    ref.stop()


def test_messages_between_plain_pykka_actors_and_a_bounded_one() -> None:
    class Plain(pykka.ThreadingActor):
        def on_receive(self, message: object) -> object:
            for number in range(100):
                reader.tell(number)
            return reader.ask(message)

    reader = Waiting.start()
    plain = Plain.start()

    assert plain.ask("hello", timeout=30) == "hello"
    plain.stop()
    reader.stop()


@pytest.mark.parametrize("capacity", [0, -1, 1.5, "many", True, None])
def test_a_capacity_that_is_none_is_refused(capacity: int) -> None:
    with pytest.raises(MailboxSettingError, match="capacity"):
        Bounded(capacity)


@pytest.mark.parametrize("overflow", ["explode", None, 3, coalesce(None)])  # type: ignore[arg-type] # on purpose
def test_an_overflow_that_is_none_is_refused(overflow: str) -> None:
    with pytest.raises(MailboxSettingError, match="drop_oldest"):
        Bounded(1, overflow=overflow)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("timeout", [-1, math.nan, math.inf, "soon", True])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(MailboxSettingError, match="timeout"):
        Bounded(1, timeout=timeout)


def test_a_timeout_is_for_those_who_wait() -> None:
    with pytest.raises(MailboxSettingError, match="overflow="):
        Bounded(1, overflow="reject", timeout=1)


def test_a_class_with_a_mailbox_that_is_none_is_refused() -> None:
    with pytest.raises(MailboxSettingError, match=r"Broken\.mailbox"):

        class Broken(AsyncActor):
            mailbox: ClassVar[Bounded | None] = 5  # type: ignore[assignment] # on purpose


def test_a_mailbox_that_is_none_is_refused_from_a_mixin_too() -> None:
    class Mixin:
        mailbox = "large"

    with pytest.raises(MailboxSettingError, match=r"Broken\.mailbox"):

        class Broken(Mixin, AsyncActor):  # type: ignore[misc] # on purpose
            pass


async def test_a_subclass_inherits_the_mailbox_and_may_have_none() -> None:
    class Heir(Rejecting):
        pass

    class Free(Rejecting):
        mailbox: ClassVar[Bounded | None] = None

    async with ActorSystem():
        heir = await Held(Heir, "a", "b").full()
        free = await Held(Free, "a", "b").full()

        with pytest.raises(MailboxFullError):
            heir.ref.tell("c")
        free.ref.tell("c")

        assert await free.seen() == ["a", "b", "c"]
        assert await heir.seen() == ["a", "b"]


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except (pykka.ActorDeadError, pykka.Timeout, MailboxFullError) as error:
        return error


async def _later(sending: object) -> object:
    try:
        await sending  # type: ignore[misc] # the coroutine of a test
    except pykka.ActorDeadError as error:
        return error
    return None
