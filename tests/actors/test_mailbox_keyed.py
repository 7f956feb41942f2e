"""Keyed actors whose mailbox has a bound: what waits for an actor counts as well."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import ClassVar

import pykka
import pytest
from pykka._envelope import Envelope

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncFuture,
    Bounded,
    DeadLetter,
    KeyedRef,
    coalesce,
)
from duologue.errors import (
    ActivationError,
    MailboxFullError,
    MessageDroppedError,
    SystemClosedError,
)


class Log:
    """What the actors of one test have read, and what they wait for."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.activations = 0
        self.open: AsyncFuture[None] = AsyncFuture()


class Desk(AsyncActor):
    """Begins to read when the log is open."""

    mailbox: ClassVar[Bounded | None] = Bounded(2)

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    async def on_activate(self) -> None:
        self.log.activations += 1
        await self.log.open

    def on_receive(self, message: object) -> object:
        if message == "go":
            self.passivate()
        if message == "fail":
            raise LookupError(message)
        self.log.seen.append(message)
        return message


class Rejecting(Desk):
    mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="reject")


class Forgetful(Desk):
    mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="drop_oldest")


class Newest(Desk):
    mailbox: ClassVar[Bounded | None] = Bounded(
        2, overflow=coalesce(lambda message: str(message)[0])
    )


def desk(
    system: ActorSystem, kind: type[Desk], *, idle_after: float | None = 60
) -> tuple[KeyedRef[Desk], Log]:
    log = Log()
    system.directory.register(kind, lambda _key: kind(log), idle_after=idle_after)
    return system.directory.ref(kind, "a"), log


async def test_what_waits_for_the_actor_to_be_made_counts() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Rejecting)

        ref.tell(1)
        ref.tell(2)
        with pytest.raises(MailboxFullError, match="Rejecting with key 'a'"):
            ref.tell(3)
        log.open.set()
        await system.settled()

        assert log.seen == [1, 2]


async def test_what_waits_for_the_hooks_of_a_new_actor_counts() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Rejecting)
        ref.tell(1)
        await asyncio.sleep(1)

        ref.tell(2)
        refused = ref.ask(3, block=False)
        with pytest.raises(MailboxFullError):
            await refused
        log.open.set()
        await system.settled()

        assert log.activations == 1
        assert log.seen == [1, 2]


async def test_send_to_a_key_waits_until_its_actor_has_made_room() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)

        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(ref.send(number)) for number in range(6)]
            await asyncio.sleep(1)
            waited = [task.done() for task in sending]
            log.open.set()
        await system.settled()

        assert waited == [True, True, False, False, False, False]
        assert log.seen == [0, 1, 2, 3, 4, 5]


async def test_a_thread_that_tells_a_key_waits_for_room() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)

        def tell_all() -> object:
            for number in range(5):
                ref.tell(number)
            return ref.ask(5)

        async with asyncio.TaskGroup() as group:
            telling = group.create_task(asyncio.to_thread(tell_all))
            await asyncio.sleep(60)
            was_waiting = not telling.done()
            log.open.set()

        assert was_waiting
        assert telling.result() == 5
        assert log.seen == [0, 1, 2, 3, 4, 5]


async def test_on_a_thread_that_runs_actors_tell_to_a_key_raises() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)
        ref.tell(1)
        ref.tell(2)

        with pytest.raises(MailboxFullError, match=r"await ref\.send"):
            ref.tell(3)
        log.open.set()


async def test_senders_keep_their_place_while_the_actor_goes_and_comes_back() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)

        async with asyncio.TaskGroup() as group:
            group.create_task(ref.send("go"))
            for number in range(6):
                group.create_task(ref.send(number))
            await asyncio.sleep(1)
            log.open.set()
        await system.settled()

        assert log.seen == ["go", 0, 1, 2, 3, 4, 5]
        assert log.activations == 2


async def test_room_is_not_made_twice_while_an_actor_goes() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Rejecting)
        log.open.set()
        await ref.ask("wake up", block=False)

        gone = ref.passivate()
        ref.tell(1)
        ref.tell(2)
        with pytest.raises(MailboxFullError):
            ref.tell(3)
        await system.settled()

        assert await gone
        assert log.seen == ["wake up", 1, 2]
        assert log.activations == 2


async def test_an_idle_actor_with_a_bound_is_let_go() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk, idle_after=10)
        log.open.set()
        await ref.ask(1, block=False)

        await asyncio.sleep(30)

        assert len(system.directory) == 0
        assert await ref.ask(2, block=False) == 2


async def test_messages_to_an_actor_that_fails_go_to_the_next_one() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)

        async with asyncio.TaskGroup() as group:
            for message in ("fail", 1, 2, 3):
                group.create_task(ref.send(message))
            await asyncio.sleep(1)
            log.open.set()
        await system.settled()

        assert log.seen == [1, 2, 3]


async def test_those_who_wait_for_an_actor_that_never_comes_are_told() -> None:
    class Shy(Desk):
        async def on_activate(self) -> None:
            await self.log.open
            raise LookupError("not today")

    async with ActorSystem() as system:
        ref, log = desk(system, Shy)
        ref.tell(1)
        answer = ref.ask(2, block=False)

        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_outcome(ref))
            await asyncio.sleep(1)
            log.open.set()

        assert isinstance(sending.result(), ActivationError)
        with pytest.raises(ActivationError, match="not today"):
            await answer
        assert system.dead_letters == 3
        assert len(system.directory) == 0


async def test_those_who_wait_when_the_system_closes_are_told() -> None:
    letters: list[DeadLetter] = []
    system = ActorSystem(drain=1, on_dead_letter=letters.append)
    async with asyncio.TaskGroup() as group, system:
        ref, _ = desk(system, Desk)
        ref.tell(1)
        answer = ref.ask(2, block=False)
        sending = group.create_task(_outcome(ref))
        asking = group.create_task(asyncio.to_thread(_asked, ref))
        await asyncio.sleep(60)

    assert isinstance(sending.result(), (SystemClosedError, ActivationError))
    assert isinstance(asking.result(), (SystemClosedError, ActivationError))
    with pytest.raises((SystemClosedError, ActivationError)):
        await answer
    assert sorted(str(letter.message) for letter in letters) == ["1", "2", "3", "4"]


async def test_a_key_drops_its_oldest_message_before_there_is_an_actor() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Forgetful)

        dropped = ref.ask(1, block=False)
        ref.tell(2)
        ref.tell(3)
        with pytest.raises(MessageDroppedError):
            await dropped
        log.open.set()
        await system.settled()

        assert log.seen == [2, 3]


async def test_a_key_keeps_the_newest_message_before_there_is_an_actor() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Newest)

        for message in ("a1", "b1", "a2"):
            ref.tell(message)
        log.open.set()
        await system.settled()

        assert log.seen == ["a2", "b1"]


async def test_a_key_function_that_raises_leaves_no_trace() -> None:
    class Broken(Desk):
        mailbox: ClassVar[Bounded | None] = Bounded(2, overflow=coalesce(len))

    async with ActorSystem() as system:
        ref, _ = desk(system, Broken)

        with pytest.raises(TypeError):
            ref.tell(5)

        assert len(system.directory) == 0


async def test_a_key_function_may_use_the_directory() -> None:
    async with ActorSystem() as system:

        def key(message: object) -> object:
            audit.tell(message)
            return message

        class Audited(Desk):
            mailbox: ClassVar[Bounded | None] = Bounded(5, overflow=coalesce(key))

        audit, audit_log = desk(system, Desk)
        ref, log = desk(system, Audited)
        audit_log.open.set()
        log.open.set()

        answer = await ref.ask("x", block=False)
        await system.settled()

        assert answer == "x"
        assert audit_log.seen == ["x"]


async def test_what_a_keyed_actor_tells_itself_at_first_comes_first() -> None:
    class Eager(Desk):
        mailbox: ClassVar[Bounded | None] = Bounded(2, overflow="reject")

        def __init__(self, log: Log) -> None:
            super().__init__(log)
            self.actor_ref.tell("first")

    async with ActorSystem() as system:
        ref, log = desk(system, Eager)
        ref.tell(1)
        ref.tell(2)
        log.open.set()
        await system.settled()

        assert log.seen == ["first", 1, 2]


async def test_a_keyed_actor_that_goes_at_once_leaves_its_messages_to_the_next() -> (
    None
):
    class Shy(Desk):
        def __init__(self, log: Log) -> None:
            super().__init__(log)
            if log.activations == 0:
                self.passivate()

    async with ActorSystem() as system:
        ref, log = desk(system, Shy)
        log.open.set()

        ref.tell(1)
        ref.tell(2)
        await system.settled()

        assert log.seen == [1, 2]
        assert log.activations == 2
        assert system.dead_letters == 0


async def test_what_a_keyed_actor_tells_itself_is_superseded_as_well() -> None:
    class Eager(Desk):
        mailbox: ClassVar[Bounded | None] = Bounded(
            3, overflow=coalesce(lambda message: str(message)[0])
        )

        def __init__(self, log: Log) -> None:
            super().__init__(log)
            self.actor_ref.tell("a0")

    async with ActorSystem() as system:
        ref, log = desk(system, Eager)
        ref.tell("a1")
        ref.tell("b1")
        log.open.set()
        await system.settled()

        assert log.seen == ["a1", "b1"]
        assert system.dead_letters == 1


async def test_the_own_ref_of_an_actor_that_has_gone_says_so() -> None:
    class Known(Desk):
        def __init__(self, log: Log) -> None:
            super().__init__(log)
            log.refs = [*getattr(log, "refs", []), self.actor_ref]  # type: ignore[attr-defined] # a note of this test

    async with ActorSystem() as system:
        ref, log = desk(system, Known)
        log.open.set()
        await ref.ask(1, block=False)
        own = log.refs[0]  # type: ignore[attr-defined] # as above
        await ref.passivate()

        with pytest.raises(pykka.ActorDeadError):
            own.tell(2)
        with pytest.raises(pykka.ActorDeadError):
            await own.ask(2, block=False)


async def test_a_message_too_late_for_an_actor_wakes_the_next_one() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)
        log.open.set()
        await ref.ask(1, block=False)
        [first] = pykka.ActorRegistry.get_by_class(Desk)
        ref.tell("fail")
        await ref.ask(2, block=False)
        late: AsyncFuture[object] = AsyncFuture()

        # As from a thread that met the end of the first actor in the middle of ask().
        first.actor_inbox.put(Envelope(3, reply_to=late))

        assert await late == 3
    assert (log.seen, log.activations) == ([1, 2, 3], 2)


class Desks(logging.Handler):
    """Has a thread send what is logged to an actor, and waits until it has."""

    def __init__(self, ref: KeyedRef[Desk]) -> None:
        super().__init__()
        self.ref = ref

    def emit(self, record: logging.LogRecord) -> None:
        thread = threading.Thread(
            target=self.ref.tell, args=(record.levelname,), daemon=True
        )
        thread.start()
        thread.join(timeout=30)
        assert not thread.is_alive()


async def test_a_log_handler_may_tell_an_actor_of_a_message_that_was_dropped() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Forgetful)
        shown, shown_log = desk(system, Desk)
        handler = Desks(shown)
        logger = logging.getLogger("duologue.actors")
        logger.addHandler(handler)
        try:
            for message in (1, 2, 3):
                ref.tell(message)
        finally:
            logger.removeHandler(handler)
        log.open.set()
        shown_log.open.set()
        await system.settled()

        assert log.seen == [2, 3]
        assert shown_log.seen == ["WARNING"]


async def test_a_factory_that_changes_the_bound_is_an_error() -> None:
    async with ActorSystem() as system:
        log = Log()
        system.directory.register(Desk, lambda _key: Rejecting(log))

        with pytest.raises(ActivationError, match=r"Rejecting\.mailbox"):
            await system.directory.ref(Desk, "a").ask(1, block=False)


async def test_send_to_a_key_of_a_closed_system_raises() -> None:
    async with ActorSystem() as system:
        ref, _ = desk(system, Desk)

    with pytest.raises(SystemClosedError):
        await ref.send(1)


async def test_a_sender_to_a_key_gives_up_after_its_timeout() -> None:
    async with ActorSystem() as system:
        ref, log = desk(system, Desk)
        ref.tell(1)
        ref.tell(2)

        with pytest.raises(MailboxFullError):
            await ref.send(3, timeout=5)
        log.open.set()
        await system.settled()

        assert log.seen == [1, 2]


async def _outcome(ref: KeyedRef[Desk]) -> object:
    try:
        await ref.send(3)
    except (ActivationError, SystemClosedError) as error:
        return error
    return None


def _asked(ref: KeyedRef[Desk]) -> object:
    try:
        return ref.ask(4)
    except (ActivationError, SystemClosedError) as error:
        return error
