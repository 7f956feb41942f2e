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
    KeyedRef,
    Terminated,
    coalesce,
)
from duologue.errors import MailboxFullError, MessageDroppedError
from tests.actors.conftest import Reader

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
        desk = Desk(system)
        ref = system.start(kind, desk.seen, desk.let_go)
        ref.tell("hold")
        await asyncio.sleep(0)
        interrupt = _AtStep(step, lambda: inner(desk, ref, "interrupts"))
        with between_steps(interrupt):
            await outer(desk, ref)
            desk.open()
            await system.settled()
        if interrupt.has_come:
            assert await desk.accounts_for({*sent, "interrupts"})
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
        if step == 0:
            system.directory.register(kind, lambda key: kind(desks[key].seen))
        desk = desks[str(step)] = Desk(system)
        ref = system.directory.ref(kind, str(step))
        interrupt = _AtStep(step, lambda: inner(desk, ref, "interrupts"))
        with between_steps(interrupt):
            await outer(desk, ref)
            await system.settled()
        if interrupt.has_come:
            assert await desk.accounts_for({*sent, "interrupts"})
        return interrupt.has_come

    _in_time(lambda: _at_every_step(at))


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


async def _at_every_step(at: Callable[[int, ActorSystem], Awaitable[bool]]) -> None:
    step = 0
    async with ActorSystem() as system:
        while await at(step, system):
            step += 1
    assert step > 20


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
