"""Dead letters: every message that no actor handles is counted and shown."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActorRef,
    AsyncFuture,
    Bounded,
    Counts,
    DeadLetter,
    DeadLetterReason,
    coalesce,
)
from duologue.errors import MailboxFullError, SystemClosedError
from tests.actors.conftest import Reader


class Rejecting(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="reject")


class Waiting(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1)


class Forgetful(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="drop_oldest")


class Newest(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow=coalesce(str))


class Box:
    """A hook that keeps its letters."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.on_loop: list[bool] = []

    def __call__(self, letter: DeadLetter) -> None:
        self.letters.append(letter)
        self.on_loop.append(_has_loop())


async def test_what_an_actor_leaves_when_it_stops_is_a_dead_letter() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Reader.start()
        gone = ref.stop(block=False)
        ref.tell("late")
        answer = ref.ask("later", block=False)
        await gone
        with pytest.raises(pykka.ActorDeadError):
            await answer
        await system.settled()

        assert box.letters == [
            DeadLetter("late", "Reader", DeadLetterReason.STOPPED),
            DeadLetter("later", "Reader", DeadLetterReason.STOPPED),
        ]
        assert system.dead_letters == 2


async def test_what_is_sent_to_a_dead_actor_is_a_dead_letter_and_an_error() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Reader.start()
        await ref.stop(block=False)

        with pytest.raises(pykka.ActorDeadError, match="not found"):
            ref.tell("told")
        with pytest.raises(pykka.ActorDeadError, match="not found"):
            await ref.ask("asked", block=False)
        with pytest.raises(pykka.ActorDeadError, match="not found"):
            await ref.send("sent")
        await system.settled()

        assert [letter.message for letter in box.letters] == ["told", "asked", "sent"]
        assert {letter.actor for letter in box.letters} == {"Reader"}
        assert system.dead_letters == 3


async def test_requests_to_stop_and_to_go_are_no_dead_letters() -> None:
    async with ActorSystem() as system:
        ref = Reader.start()
        first = ref.stop(block=False)
        second = ref.stop(block=False)

        assert [await first, await second] == [True, True]
        assert not await ref.stop(block=False)
        assert system.dead_letters == 0


async def test_a_message_that_is_handled_is_no_dead_letter() -> None:
    async with ActorSystem() as system:
        ref = Rejecting.start()

        assert await ref.ask("hello", block=False) == "hello"
        await system.settled()

        assert system.dead_letters == 0


@pytest.mark.parametrize(
    ("kind", "lost", "reason"),
    [
        (Rejecting, "b", DeadLetterReason.REJECTED),
        (Waiting, "b", DeadLetterReason.REJECTED),
        (Forgetful, "a", DeadLetterReason.DROPPED),
    ],
)
async def test_an_overflow_is_a_dead_letter(
    kind: type[Reader], lost: str, reason: DeadLetterReason
) -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = kind.start()

        ref.tell("a")
        try:
            ref.tell("b")
        except MailboxFullError:
            assert reason is DeadLetterReason.REJECTED
        await system.settled()

        assert box.letters == [DeadLetter(lost, kind.__name__, reason)]
        assert system.dead_letters == 1


async def test_a_message_that_gave_its_place_to_another_is_a_dead_letter() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Newest.start()

        old = ref.ask(1, block=False)
        new = ref.ask(1, block=False)
        await asyncio.wait_for(_settled(old), 1)

        assert await new == 1
        assert box.letters == [DeadLetter(1, "Newest", DeadLetterReason.SUPERSEDED)]
        assert system.dead_letters == 1


async def test_a_sender_that_gave_up_leaves_a_dead_letter_and_one_cancelled_none() -> (
    None
):
    async with ActorSystem() as system:
        ref = Waiting.start()
        ref.tell("hold")
        await asyncio.sleep(1)
        ref.tell("fills it")

        with pytest.raises(MailboxFullError):
            await ref.send("patience", timeout=1)
        after_one = system.dead_letters
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ref.send("cancelled"), 1)

        assert (after_one, system.dead_letters) == (1, 1)
        await ref.kill(block=False)


async def test_one_who_waits_when_the_actor_stops_leaves_a_dead_letter() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Waiting.start()
        ref.tell("hold")
        await asyncio.sleep(1)
        ref.tell("in")
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(ref, "outside"))
            await asyncio.sleep(1)
            await ref.kill(block=False)
        await system.settled()

        assert isinstance(sending.result(), pykka.ActorDeadError)
        assert [letter.message for letter in box.letters] == ["in", "outside"]


async def test_the_hook_is_called_on_the_loop_for_letters_of_threads_too() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Reader.start()
        await ref.stop(block=False)

        def tell() -> None:
            with pytest.raises(pykka.ActorDeadError):
                ref.tell("from a thread")

        await asyncio.to_thread(tell)
        await system.settled()

        assert [letter.message for letter in box.letters] == ["from a thread"]
        assert box.on_loop == [True]


async def test_a_hook_that_raises_is_logged_and_does_no_harm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[object] = []

    def hook(letter: DeadLetter) -> None:
        seen.append(letter.message)
        raise LookupError("no box")

    async with ActorSystem(on_dead_letter=hook) as system:
        ref = Reader.start()
        await ref.stop(block=False)
        for message in ("a", "b"):
            with pytest.raises(pykka.ActorDeadError):
                ref.tell(message)
        await system.settled()

        assert seen == ["a", "b"]
        assert await Reader.start().ask("alive", block=False) == "alive"
    assert "on_dead_letter failed for Reader" in caplog.text
    assert "no box" in caplog.text


async def test_a_hook_is_not_shown_the_letters_that_it_causes() -> None:
    seen: list[object] = []

    def answer(letter: DeadLetter) -> None:
        seen.append(letter.message)
        with pytest.raises(pykka.ActorDeadError):
            ref.tell("from the hook")

    async with ActorSystem(on_dead_letter=answer) as system:
        ref = Reader.start()
        await ref.stop(block=False)
        with pytest.raises(pykka.ActorDeadError):
            ref.tell("a")
        await system.settled()

        assert seen == ["a"]
        assert system.dead_letters == 2


async def test_what_is_left_when_the_system_closes_is_shown() -> None:
    box = Box()
    async with ActorSystem(drain=1, on_dead_letter=box) as system:
        ref = Reader.start()
        ref.tell("hold")
        ref.tell("left")

    assert [letter.message for letter in box.letters] == ["left"]
    assert box.on_loop == [True]
    assert system.dead_letters == 1


def test_a_hook_is_called_again_when_a_closed_loop_is_followed_by_another() -> None:
    def answer(letter: DeadLetter) -> None:
        shown.append(letter.message)
        with pytest.raises((pykka.ActorDeadError, SystemClosedError)):
            dead[-1].tell("by the hook")

    def leave(message: str) -> None:
        with pytest.raises(pykka.ActorDeadError):
            dead[-1].tell(message)

    async def stop_one() -> None:
        dead.append(system.start(Reader))
        await dead[-1].stop(block=False)

    async def go_on() -> None:
        async with system:
            await stop_one()
            leave("second")
            await system.settled()
            assert shown == ["first", "second"]

    shown: list[object] = []
    dead: list[AsyncActorRef[Reader]] = []
    system = ActorSystem(on_dead_letter=answer)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(system.__aenter__())
    loop.run_until_complete(stop_one())
    leave("first")
    loop.close()

    asyncio.run(go_on())


async def test_a_late_message_after_the_system_has_closed_is_counted() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Reader.start()

    with pytest.raises(pykka.ActorDeadError):
        ref.tell("late")

    assert system.dead_letters == 1
    assert box.letters == []


async def test_an_observer_counts_dead_letters_by_class_and_reason() -> None:
    counts = Counts()
    async with ActorSystem(observer=counts) as system:
        ref = Rejecting.start()
        ref.tell(0)
        for _ in range(3):
            with pytest.raises(MailboxFullError):
                ref.tell(1)
        await system.settled()

        assert counts.of("actor_dead_letters", actor="Rejecting") == 3
        assert counts.of("actor_dead_letters", "rejected") == 3
        assert counts.of("actor_dead_letters", "stopped") == 0


async def test_the_first_letter_of_a_kind_is_a_warning_and_the_rest_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "duologue.actors")
    async with ActorSystem() as system:
        ref = Reader.start()
        await ref.stop(block=False)
        for message in ("secret", "secret", "secret"):
            with pytest.raises(pykka.ActorDeadError):
                ref.tell(message)
        await system.settled()

    levels = [
        record.levelname
        for record in caplog.records
        if "no actor handled" in record.getMessage()
    ]
    assert levels == ["WARNING", "DEBUG", "DEBUG"]
    assert "secret" not in caplog.text
    assert "a message of class str to Reader: stopped" in caplog.text


async def test_what_is_left_in_a_mailbox_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ActorSystem() as system:
        ref = Reader.start()
        ref.tell("hold")
        await asyncio.sleep(1)
        for secret in range(5_000):
            ref.tell(secret)
        answer = ref.ask("asked", block=False)
        await ref.kill(block=False)

        with pytest.raises(pykka.ActorDeadError):
            await answer
        assert system.dead_letters == 5_001
    lines = [line for line in caplog.messages if "no actor handled" in line]
    assert lines == [
        "no actor handled 5001 messages, the first of class int, to Reader: stopped"
    ]


async def test_a_hook_is_shown_as_much_of_a_long_mailbox_as_may_wait_for_it() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Reader.start()
        ref.tell("hold")
        await asyncio.sleep(1)
        for number in range(10_001):
            ref.tell(number)
        await ref.kill(block=False)
        await system.settled()

        assert [letter.message for letter in box.letters] == list(range(10_000))
        assert system.dead_letters == 10_001


async def test_a_slow_hook_bounds_what_waits_for_it_and_not_the_count() -> None:
    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        ref = Forgetful.start()

        for number in range(10_101):
            ref.tell(number)
        await system.settled()

        assert system.dead_letters == 10_100
        assert [letter.message for letter in box.letters] == list(range(10_000))


def test_actors_without_a_system_log_their_dead_letters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Alone(Reader):
        pass

    ref = Alone.start()
    ref.stop()

    with pytest.raises(pykka.ActorDeadError):
        ref.tell("late")

    assert "a message of class str to Alone: stopped" in caplog.text


async def test_messages_that_wait_for_an_actor_that_never_comes_are_dead_letters() -> (
    None
):
    def factory(key: str) -> Reader:
        raise LookupError(key)

    box = Box()
    async with ActorSystem(on_dead_letter=box) as system:
        system.directory.register(Reader, factory)
        system.directory.ref(Reader, "a").tell("lost")
        await system.settled()

        assert box.letters == [DeadLetter("lost", "Reader", DeadLetterReason.STOPPED)]


async def test_a_message_for_the_next_actor_of_its_key_is_no_dead_letter() -> None:
    async with ActorSystem() as system:
        system.directory.register(Reader, lambda _key: Reader())
        ref = system.directory.ref(Reader, "a")
        await ref.ask("first", block=False)

        gone = ref.passivate()
        answer = ref.ask("second", block=False)

        assert await gone
        assert await answer == "second"
        assert system.dead_letters == 0


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _settled(future: AsyncFuture[object]) -> None:
    with pytest.raises(Exception, match="superseded"):
        await future


async def _send(ref: AsyncActorRef[Waiting], message: object) -> object:
    try:
        await ref.send(message)
    except pykka.ActorDeadError as error:
        return error
    return None
