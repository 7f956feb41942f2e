"""An actor may stop, and a key may pass on, between any two steps of a sender."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import ClassVar, TypeAlias

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActorRef,
    AsyncFuture,
    Bounded,
    KeyedRef,
    coalesce,
)
from duologue.errors import MailboxFullError, SystemClosedError
from tests.actors.conftest import Reader

BetweenSteps = Callable[[Callable[[], object]], AbstractContextManager[None]]


class Waiting(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1)


AnyRef: TypeAlias = AsyncActorRef[Waiting] | KeyedRef[Waiting]


def tell(ref: AnyRef) -> None:
    ref.tell("new", timeout=0)


def ask(ref: AsyncActorRef[Waiting]) -> None:
    try:
        ref.ask("new", timeout=0)
    except pykka.Timeout:
        return  # it is in, and there was no time for the answer


def ask_for_a_future(ref: AnyRef) -> None:
    answer = ref.ask("new", block=False)
    if answer.is_ready():
        answer.get()


def send(ref: AnyRef) -> None:
    asyncio.run(ref.send("new", timeout=0))


@pytest.mark.parametrize("way", [tell, ask, ask_for_a_future, send])
def test_whenever_an_actor_stops_its_sender_knows_what_became_of_the_message(
    way: Callable[[AsyncActorRef[Waiting]], None], between_steps: BetweenSteps
) -> None:
    outcomes: set[type] = set()

    for step in itertools.count():
        seen: list[object] = []
        ref = Waiting.start(seen)
        ref.tell("hold")
        actor = _actor(ref)
        actor.holds.get(timeout=30)
        ref.tell("fills it")
        end = _AtStep(step, lambda ref=ref, actor=actor: _end(ref, actor))  # type: ignore[misc] # bound now
        with between_steps(end):
            outcome = _outcome(lambda ref=ref: way(ref))  # type: ignore[misc] # bound now
        if not end.has_come:
            _end(ref, actor)
        outcomes.add(outcome)
        assert seen[:1] == ["fills it"]
        assert ("new" in seen) <= (outcome is type(None))
        if not end.has_come:
            break

    assert outcomes >= {pykka.ActorDeadError, MailboxFullError}


@pytest.mark.parametrize("way", [tell, ask, send])
def test_an_actor_that_stops_while_a_key_is_worked_out_refuses(
    way: Callable[[AsyncActorRef[Waiting]], None], caplog: pytest.LogCaptureFixture
) -> None:
    class Fickle(Waiting):
        mailbox: ClassVar[Bounded | None] = Bounded(
            1, overflow=coalesce(lambda _message: ref.stop())
        )

    caplog.set_level(logging.DEBUG, "duologue.actors")
    kind: type[Waiting] = Fickle
    ref = kind.start([])

    with pytest.raises(pykka.ActorDeadError, match="not found"):
        way(ref)

    assert caplog.text.count("to Fickle: stopped") == 1


def test_what_an_actor_sends_itself_after_its_end_is_nobodys_business(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ref = Waiting.start([])
    actor = _actor(ref)
    ref.tell("message")
    ref.stop()

    actor.passivate()

    assert "no actor handled" not in caplog.text


@pytest.mark.real_time
async def test_what_is_told_to_the_old_ref_as_its_actor_goes_reaches_the_next() -> None:
    seen: list[object] = []
    own_tells: list[Callable[[object], None]] = []
    inside, gone = threading.Event(), threading.Event()

    def when_gone(message: object) -> None:
        # Not a key, only a way to be in the middle of a tell.
        if message == "late":
            inside.set()
            gone.wait(30)

    class Going(Waiting):
        mailbox: ClassVar[Bounded | None] = Bounded(5, overflow=coalesce(when_gone))

        def __init__(self) -> None:
            super().__init__(seen)
            own_tells.append(self.actor_ref.tell)

    async with ActorSystem() as system:
        system.directory.register(Going, lambda _key: Going())
        ref = system.directory.ref(Going, "a")
        await ref.ask("first", block=False)

        async with asyncio.TaskGroup() as group:
            late = group.create_task(asyncio.to_thread(own_tells[0], "late"))
            await asyncio.to_thread(inside.wait, 30)
            goodbye = ref.passivate()
            second = ref.ask("second", block=False)
            await goodbye
            gone.set()
            await second
        await system.settled()

    assert late.exception() is None
    assert sorted(map(str, seen)) == ["first", "late", "second"]


@pytest.mark.real_time
@pytest.mark.parametrize("way", [tell, send])
async def test_whenever_a_key_passes_on_its_sender_knows_what_became_of_the_message(
    way: Callable[[KeyedRef[Waiting]], None], between_steps: BetweenSteps
) -> None:
    async with ActorSystem() as system:
        desk = _Desk(system)

        for step in itertools.count():
            ref = system.directory.ref(Waiting, str(step))
            await desk.fill(ref)
            outcome, has_come = await asyncio.to_thread(
                desk.outcome_at, step, ref, way, between_steps
            )
            await desk.fill_again(ref)  # whoever was outside would be in now
            await desk.open(ref)
            assert desk.seen[ref.key].count("new") == (outcome is type(None))
            if not has_come:
                break

    assert step > 10


@pytest.mark.parametrize("way", [tell, send, ask_for_a_future])
def test_whenever_a_loop_closes_the_sender_to_a_key_gets_a_typed_error(
    way: Callable[[AnyRef], None], between_steps: BetweenSteps
) -> None:
    outcomes: set[type] = set()

    for step in itertools.count():
        seen: list[object] = []
        loop = asyncio.new_event_loop()
        system = ActorSystem()
        loop.run_until_complete(system.__aenter__())
        system.directory.register(Waiting, lambda _key, seen=seen: Waiting(seen))  # type: ignore[misc] # bound now
        ref = system.directory.ref(Waiting, "a")
        closes = _AtStep(
            step, loop.close, files=("/_keyed_actors.py", "/_keyed_ref.py")
        )
        with between_steps(closes):
            outcomes.add(_outcome(lambda ref=ref: way(ref)))  # type: ignore[misc] # bound now
        loop.close()
        assert system.dead_letters <= 1
        if not closes.has_come:
            break

    assert outcomes == {type(None), SystemClosedError}


@pytest.mark.real_time
async def test_what_a_thread_tells_an_actor_that_gets_the_queue_of_its_key_is_read() -> (
    None
):
    seen: list[object] = []
    answers: list[AsyncFuture[object]] = []
    inside, made = threading.Event(), threading.Event()

    def when_made(message: object) -> None:
        # Not a key, only a way to be in the middle of an ask.
        if message == "early":
            inside.set()
            made.wait(30)

    class Coming(Waiting):
        mailbox: ClassVar[Bounded | None] = Bounded(5, overflow=coalesce(when_made))

        def __init__(self) -> None:
            super().__init__(seen)
            self.actor_ref.tell("to itself")
            threads.submit(
                lambda: answers.append(self.actor_ref.ask("early", block=False))
            )
            inside.wait(30)

    with ThreadPoolExecutor(1) as threads:
        async with ActorSystem() as system:
            system.directory.register(Coming, lambda _key: Coming())
            await system.directory.ref(Coming, "a").ask("first", block=False)

            made.set()
            await asyncio.to_thread(threads.shutdown)
            answer = await asyncio.wait_for(answers[0], 30)

    assert answer == "early"
    assert seen == ["to itself", "first", "early"]


class _Desk:
    """Actors whose mailboxes are full, and that go and come as a test likes it."""

    def __init__(self, system: ActorSystem) -> None:
        self.seen: defaultdict[str, list[object]] = defaultdict(list)
        self._actors: dict[str, Waiting] = {}
        self._holds: dict[str, AsyncFuture[None]] = {}
        self._loop = asyncio.get_running_loop()
        system.directory.register(Waiting, self._make)

    def _make(self, key: str) -> Waiting:
        actor = self._actors[key] = Waiting(self.seen[key])
        actor.holds = self._holds[key]
        return actor

    async def fill(self, ref: KeyedRef[Waiting]) -> None:
        holds = self._holds[ref.key] = AsyncFuture()
        await ref.send("hold")
        await holds
        await ref.send("fills it")

    async def open(self, ref: KeyedRef[Waiting]) -> None:
        self._actors[ref.key].let_go.set()
        await ref.passivate()

    async def fill_again(self, ref: KeyedRef[Waiting]) -> None:
        await self.open(ref)
        await self.fill(ref)

    def outcome_at(
        self,
        step: int,
        ref: KeyedRef[Waiting],
        way: Callable[[KeyedRef[Waiting]], None],
        between_steps: BetweenSteps,
    ) -> tuple[type, bool]:
        """What a sender gets that another actor follows on at one of its steps."""

        def pass_on() -> None:
            work = self.fill_again(ref)
            asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

        passes_on = _AtStep(step, pass_on)
        with between_steps(passes_on):
            outcome = _outcome(lambda: way(ref))
        return outcome, passes_on.has_come


class _AtStep:
    """Does something once, at one step of the code of senders."""

    def __init__(
        self,
        step: int,
        act: Callable[[], object],
        files: tuple[str, ...] = ("/_ref.py", "/_room.py"),
    ) -> None:
        self._steps_left = step
        self._act = act
        self._files = files
        self.has_come = False

    def __call__(self) -> None:
        # Only where the sender holds no lock that the actor may want.
        frame = sys._getframe(1).f_locals["frame"]
        if self.has_come or not frame.f_code.co_filename.endswith(self._files):
            return
        shared = [each.f_locals.get("context") for each in (frame, frame.f_back)]
        if any(context is not None and context.lock._is_owned() for context in shared):
            return
        if self._steps_left == 0:
            self.has_come = True
            self._act()
        self._steps_left -= 1


def _end(ref: AsyncActorRef[Waiting], actor: Waiting) -> None:
    actor.let_go.set()
    ref.stop()


def _actor(ref: AsyncActorRef[Waiting]) -> Waiting:
    actor = ref._actor_weakref()
    assert actor is not None
    return actor


def _outcome(call: Callable[[], object]) -> type:
    try:
        call()
    except (pykka.ActorDeadError, MailboxFullError, SystemClosedError) as error:
        return type(error)
    return type(None)
