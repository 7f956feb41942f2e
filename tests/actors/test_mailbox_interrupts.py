"""A finaliser or a signal handler may use actors between any two steps of a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActorRef,
    AsyncFuture,
    Bounded,
    DeadLetter,
    KeyedRef,
    Terminated,
    coalesce,
)
from duologue.errors import MailboxFullError, MessageDroppedError, SystemClosedError
from tests.actors.conftest import Reader, Slow, TurnTime

BetweenSteps: TypeAlias = Callable[[Callable[[], object]], AbstractContextManager[None]]


class Unbounded(Reader):
    pass


class Waiting(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, timeout=0)


class Rejecting(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="reject")


class Forgetful(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="drop_oldest")


class Newest(Reader):
    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow=coalesce(lambda _: 1))


KINDS = (Unbounded, Waiting, Rejecting, Forgetful, Newest)

AnyRef: TypeAlias = AsyncActorRef[Reader] | KeyedRef[Reader]


@dataclass
class Desk:
    """Where messages are sent, and what becomes of them."""

    system: ActorSystem
    lost_before: int = field(init=False)
    seen: list[object] = field(default_factory=list)
    refusals: list[object] = field(default_factory=list)
    answers: list[AsyncFuture[object]] = field(default_factory=list)
    let_go: AsyncFuture[None] = field(default_factory=AsyncFuture)

    def __post_init__(self) -> None:
        self.lost_before = self.system.dead_letters

    def tell(self, ref: AnyRef, message: object) -> None:
        try:
            ref.tell(message)
        except (MailboxFullError, pykka.ActorDeadError):
            self.refusals.append(message)

    async def send(self, ref: AnyRef, message: object) -> None:
        try:
            await ref.send(message)
        except (MailboxFullError, pykka.ActorDeadError):
            self.refusals.append(message)

    def ask(self, ref: AnyRef, message: object) -> None:
        self.answers.append(ref.ask(message, block=False))

    def open(self) -> None:
        if not self.let_go.is_ready():
            self.let_go.set()

    async def accounts_for(self, sent: set[object]) -> bool:
        """Whether all that was sent was read once or is a dead letter, in the end."""
        self.open()
        await self.system.settled()
        for answer in self.answers:
            assert answer.is_ready()
            with suppress(MailboxFullError, MessageDroppedError, pykka.ActorDeadError):
                await answer
        lost = sent - set(self.seen)
        return (
            len(lost) == self.system.dead_letters - self.lost_before
            and len(self.seen) + len(lost) == len(sent)
            and lost.issuperset(self.refusals)
        )


async def _hold(
    system: ActorSystem, kind: type[Reader]
) -> tuple[Desk, AsyncActorRef[Reader]]:
    """A desk, and an actor that reads no further until the desk lets it go."""
    desk = Desk(system)
    ref = system.start(kind, desk.seen, desk.let_go)
    ref.tell("hold")
    await asyncio.sleep(0)
    return desk, ref


def _desk_for_a_key(
    system: ActorSystem, kind: type[Reader], step: int, desks: dict[str, Desk]
) -> tuple[Desk, KeyedRef[Reader]]:
    """A desk, and the ref of a key that has no actor yet."""
    if step == 0:
        system.directory.register(kind, lambda key: kind(desks[key].seen))
    desk = desks[str(step)] = Desk(system)
    return desk, system.directory.ref(kind, str(step))


async def tell_and_send(desk: Desk, ref: AnyRef) -> None:
    desk.tell(ref, "told")
    await desk.send(ref, "sent")


async def ask_and_kill(desk: Desk, ref: AsyncActorRef[Reader]) -> None:
    desk.ask(ref, "asked")
    await ref.kill(block=False)


async def tell_and_stop(desk: Desk, ref: AsyncActorRef[Reader]) -> None:
    desk.tell(ref, "told")
    gone = ref.stop(block=False)
    desk.open()
    await gone


@pytest.mark.parametrize(
    ("outer", "inner", "sent"),
    [
        (tell_and_send, Desk.tell, {"told", "sent"}),
        (tell_and_send, Desk.ask, {"told", "sent"}),
        (ask_and_kill, Desk.tell, {"asked"}),
        (tell_and_stop, Desk.ask, {"told"}),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_finaliser_sends_at_any_moment_is_read_or_a_dead_letter(
    kind: type[Reader],
    outer: Callable[[Desk, AsyncActorRef[Reader]], Awaitable[None]],
    inner: Callable[[Desk, AnyRef, object], None],
    sent: set[object],
    between_steps: BetweenSteps,
) -> None:
    async def at(step: int, system: ActorSystem) -> bool:
        desk, ref = await _hold(system, kind)
        interrupt = _AtStep(step, lambda: inner(desk, ref, "interrupts"))
        with between_steps(interrupt):
            await outer(desk, ref)
            desk.open()
            await system.settled()
        if interrupt.has_come:
            assert await desk.accounts_for({*sent, "interrupts"})
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_message_may_be_interrupted_by_another(
    kind: type[Reader], between_steps: BetweenSteps
) -> None:
    async def at(step: int, system: ActorSystem) -> bool:
        desk = Desk(system)
        ref = system.start(kind, desk.seen)
        interrupt = _AtStep(step, lambda: desk.tell(ref, "interrupts"))
        with between_steps(interrupt):
            desk.tell(ref, "told")
            await system.settled()
        if interrupt.has_come:
            assert await desk.accounts_for({"told", "interrupts"})
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


@pytest.mark.parametrize("kind", [Waiting, Rejecting, Forgetful, Newest])
def test_a_finaliser_that_sends_twice_fills_no_mailbox_beyond_its_bound(
    kind: type[Reader], between_steps: BetweenSteps
) -> None:
    async def at(step: int, system: ActorSystem) -> bool:
        desk, ref = await _hold(system, kind)

        def interrupts() -> None:
            desk.tell(ref, "interrupts")
            desk.tell(ref, "interrupts again")

        interrupt = _AtStep(step, interrupts)
        with between_steps(interrupt):
            desk.tell(ref, "told")
            desk.tell(ref, "told again")
        if interrupt.has_come:
            assert await desk.accounts_for(
                {"told", "told again", "interrupts", "interrupts again"}
            )
            assert len(desk.seen) == 1
        desk.open()
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


async def tell_a_key(desk: Desk, ref: KeyedRef[Reader]) -> None:
    desk.tell(ref, "told")


async def ask_and_let_go(desk: Desk, ref: KeyedRef[Reader]) -> None:
    desk.ask(ref, "asked")
    await ref.passivate()


@pytest.mark.parametrize(
    ("outer", "inner", "sent"),
    [(tell_a_key, Desk.tell, {"told"}), (ask_and_let_go, Desk.ask, {"asked"})],
)
@pytest.mark.parametrize("kind", [Unbounded, Waiting])
def test_what_a_finaliser_sends_to_a_key_at_any_moment_is_read_or_a_dead_letter(
    kind: type[Reader],
    outer: Callable[[Desk, KeyedRef[Reader]], Awaitable[None]],
    inner: Callable[[Desk, AnyRef, object], None],
    sent: set[object],
    between_steps: BetweenSteps,
) -> None:
    desks: dict[str, Desk] = {}

    async def at(step: int, system: ActorSystem) -> bool:
        desk, ref = _desk_for_a_key(system, kind, step, desks)
        interrupt = _AtStep(step, lambda: inner(desk, ref, "interrupts"))
        with between_steps(interrupt):
            await outer(desk, ref)
            await system.settled()
        if interrupt.has_come:
            assert await desk.accounts_for({*sent, "interrupts"})
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


@pytest.mark.parametrize("kind", KINDS)
def test_a_finaliser_and_a_thread_may_send_to_a_key_at_once(
    kind: type[Reader], between_steps: BetweenSteps
) -> None:
    desks: dict[str, Desk] = {}

    async def at(step: int, system: ActorSystem) -> bool:
        desk, ref = _desk_for_a_key(system, kind, step, desks)
        other = threading.Thread(target=lambda: desk.tell(ref, "from a thread"))

        def interrupts() -> None:
            other.start()
            other.join(0.001)  # it may have to wait for what is interrupted here
            desk.tell(ref, "interrupts")

        interrupt = _AtStep(step, interrupts)
        with between_steps(interrupt):
            desk.tell(ref, "told")
            await system.settled()
        if interrupt.has_come:
            other.join()
            assert await desk.accounts_for({"told", "from a thread", "interrupts"})
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


def test_a_key_is_worked_out_once_even_if_it_interrupts(
    between_steps: BetweenSteps,
) -> None:
    asked: list[object] = []

    def key_of(message: object) -> object:
        asked.append(message)
        return message

    class Counted(Reader):
        mailbox: ClassVar[Bounded | None] = Bounded(2, overflow=coalesce(key_of))

    async def at(step: int, system: ActorSystem) -> bool:
        if step == 0:
            system.directory.register(Counted, lambda _key: Counted())
        ref = system.directory.ref(Counted, str(step))
        asked.clear()
        interrupt = _AtStep(step, lambda: ref.tell("interrupts"))
        with between_steps(interrupt):
            ref.tell("told")
            await system.settled()
        assert sorted(map(str, asked)) == ["interrupts"] * interrupt.has_come + ["told"]
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


def test_who_asked_in_the_middle_of_a_step_is_answered_if_the_loop_is_closed(
    between_steps: BetweenSteps,
) -> None:
    async def interrupted_at(step: int, answers: list[AsyncFuture[object]]) -> bool:
        turn_time = TurnTime()
        system = ActorSystem()
        await system.__aenter__()
        system.directory.register(Slow, lambda _key: _slow(turn_time))
        # Each takes a quantum, so what is asked last is not done before the end.
        for busy in "abc":
            system.directory.ref(Slow, busy).tell(busy)
        ref = system.directory.ref(Slow, "d")
        interrupt = _AtStep(step, lambda: answers.append(ref.ask(2, block=False)))
        with between_steps(interrupt):
            answers.append(ref.ask(1, block=False))
        return interrupt.has_come

    step, has_come = 0, True
    while has_come:
        answers: list[AsyncFuture[object]] = []
        loop = asyncio.new_event_loop()
        has_come = loop.run_until_complete(interrupted_at(step, answers))
        loop.close()
        for answer in answers:
            with pytest.raises(SystemClosedError):
                answer.get(timeout=0)
        step += 1
    assert step > 20


@pytest.mark.parametrize(
    "way",
    [lambda ref: ref.stop(block=False), lambda ref: ref.kill(block=False)],
    ids=["stop", "kill"],
)
def test_a_signal_handler_may_end_an_actor_at_any_moment(
    way: Callable[[AsyncActorRef[Reader]], object], between_steps: BetweenSteps
) -> None:
    async def at(step: int, system: ActorSystem) -> bool:
        desk = Desk(system)
        ref = system.start(Reader, desk.seen, desk.let_go)
        interrupt = _AtStep(step, lambda: way(ref))
        with between_steps(interrupt):
            await tell_and_stop(desk, ref)
            await system.settled()
        assert not ref.is_alive()
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


def test_a_signal_handler_may_start_an_actor_at_any_moment(
    between_steps: BetweenSteps,
) -> None:
    class Rare(Unbounded):
        pass

    async def at(step: int, system: ActorSystem) -> bool:
        desk = Desk(system)
        interrupt = _AtStep(step, lambda: system.start(Rare, desk.seen))
        with between_steps(interrupt):
            ref = system.start(Rare)
            await ref.stop(block=False)
            await system.settled()
        found = pykka.ActorRegistry.get_by_class(Rare)
        for each in found:
            each.tell("it lives")
            await each.stop(block=False)
        assert desk.seen == ["it lives"] * interrupt.has_come, step
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


@pytest.mark.parametrize(
    "look",
    [
        pykka.ActorRegistry.get_all,
        lambda: pykka.ActorRegistry.get_by_class(Reader),
        lambda: pykka.ActorRegistry.get_by_class_name("Waiting"),
    ],
    ids=["all", "class", "name"],
)
def test_a_signal_handler_may_start_an_actor_while_others_are_looked_up(
    look: Callable[[], object], between_steps: BetweenSteps
) -> None:
    async def at(step: int, system: ActorSystem) -> bool:
        class Rare(Unbounded):
            pass

        refs = [system.start(kind) for kind in KINDS]

        def start() -> None:
            refs.extend([system.start(Rare), system.start(Rejecting)])

        interrupt = _AtStep(step, start)
        with between_steps(interrupt):
            look()
        for ref in refs:
            await ref.stop(block=False)
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at, least=5))


def test_the_hook_is_shown_at_once_what_a_finaliser_sends_to_the_dead(
    between_steps: BetweenSteps,
) -> None:
    now = 0
    late: list[object] = []

    def hook(letter: DeadLetter) -> None:
        if letter.message != now:
            late.append(letter.message)

    async def at(step: int, system: ActorSystem) -> bool:
        nonlocal now
        now = step
        desk = Desk(system)
        ref = system.start(Reader)
        await ref.stop(block=False)
        interrupt = _AtStep(step, lambda: desk.tell(ref, step))
        with between_steps(interrupt):
            desk.tell(ref, step)
            await system.settled()
        await system.settled()
        assert system.dead_letters - desk.lost_before == 1 + interrupt.has_come
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at, on_dead_letter=hook))

    assert late == []


def test_a_finaliser_may_watch_at_any_moment(between_steps: BetweenSteps) -> None:
    class Watcher(Reader):
        def on_receive(self, message: object) -> object:
            if isinstance(message, AsyncActorRef):
                self.watch(message)
            return super().on_receive(message)

    async def at(step: int, system: ActorSystem) -> bool:
        seen: list[object] = []
        watched = system.start(Unbounded)
        ref = system.start(Watcher, seen)
        other = system.start(Watcher, seen)._actor_weakref()
        assert other is not None
        await system.settled()
        interrupt = _AtStep(step, lambda: other.watch(watched))
        with between_steps(interrupt):
            await ref.ask(watched, block=False)
        await watched.stop(block=False)
        await system.settled()
        news = [each for each in seen if isinstance(each, Terminated)]
        assert len(news) == 1 + interrupt.has_come
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


def _slow(turn_time: TurnTime) -> Slow:
    turn_time.now += 0.001
    return Slow(turn_time)


async def _at_every_step(
    at: Callable[[int, ActorSystem], Awaitable[bool]],
    *,
    least: int = 20,
    on_dead_letter: Callable[[DeadLetter], object] | None = None,
) -> None:
    step = 0
    async with ActorSystem(on_dead_letter=on_dead_letter) as system:
        while await at(step, system):
            step += 1
    assert step > least


class _AtStep:
    """Does something once, at one step of others."""

    def __init__(self, step: int, act: Callable[[], object]) -> None:
        self._steps_left = step
        self._act = act
        self.has_come = False

    def __call__(self) -> None:
        if self._steps_left == 0 and not self.has_come:
            self.has_come = True
            self._act()
        self._steps_left -= 1


def _in_time(work: Callable[[], Awaitable[None]]) -> None:
    """Fail, instead of waiting for ever, when a thread waits for itself."""
    errors: list[BaseException] = []

    async def run() -> None:
        await work()

    def report() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive(), "it waits for a lock that it holds itself"
    if errors:
        raise errors[0]
