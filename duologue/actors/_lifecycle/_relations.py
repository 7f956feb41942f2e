"""The relations of an actor: children, watchers and timers.

Most actors have none, so they are an object of their own, made when it is needed. It
stays while the instances of its actor come and go, and ends when the mailbox closes.
Children and timers are touched on the loop of the actor only, and a child lives on the
host of its parent. Watchers may live on other loops, so a lock guards them. Whoever
begins to watch looks at the mailbox afterwards, and whoever closes that looks for
watchers afterwards: so one of the two sees the other, and exactly one `Terminated` comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol, TypeVar, cast

from pykka import Actor, ActorDeadError

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._hosts._current_host import placed_on
from duologue.actors._lifecycle._supervision import Restart, Strategy, check_strategy
from duologue.actors._lifecycle._ties import AnyAsyncRef, Ties
from duologue.actors._lifecycle._timers import Timer, check_delay, check_period
from duologue.actors._mailbox._envelope import RuntimeEnvelope
from duologue.actors._mailbox._mailbox import CLOSED, STOPPED, Mailbox, Scheduler
from duologue.actors._pykka._pykka import stop_message
from duologue.actors._pykka._stop_reason import Stopped, StopReason
from duologue.actors._ref import AsyncActorRef
from duologue.actors._time._restart_delays import RestartDelay
from duologue.errors import (
    MessageCancelledError,
    NoActorClassError,
    OutsideTurnError,
    SystemClosedError,
    WatchError,
)

A = TypeVar("A", bound=Actor)

_lock = threading.RLock()


class Terminated(NamedTuple):
    """The message that somebody who is watched has stopped.

    Attributes:
        ref: Who.
        reason: Why.
    """

    ref: AnyAsyncRef
    reason: StopReason


class Notice(NamedTuple):
    """A `Terminated` on its way; who has stopped to watch does not get it."""

    terminated: Terminated


class ChildFailed(NamedTuple):
    """A failure that a child has escalated."""

    child: AnyAsyncRef
    error: BaseException
    # The instance that it failed: the next one has other children.
    parent: Actor | None


class Life(Ties):
    """The relations of one actor, and how it begins anew."""

    __slots__ = (
        "escalated",
        "factory",
        "is_ending",
        "parent",
        "ref",
        "restart_delay",
        "strategy",
    )

    def __init__(self, ref: AnyAsyncRef) -> None:
        super().__init__()
        self.ref: AnyAsyncRef = ref
        self.parent: AnyAsyncRef | None = None
        # What the parent wants done when it fails; None leaves that to its class.
        self.strategy: Strategy | None = None
        # Makes a new instance; None if nobody knows how.
        self.factory: Callable[[], Actor] | None = None
        self.restart_delay: RestartDelay | None = None
        # Whether its parent stops it.
        self.is_ending: bool = False
        # What its parent is to fail with once it has gone.
        self.escalated: BaseException | None = None

    def adopt(self, child: AnyAsyncRef, strategy: Strategy | None) -> Life:
        """Let an actor that has just been started be a child; returns its relations."""
        life = life_of(child)
        life.parent = self.ref
        life.strategy = strategy
        self.children[child] = None
        return life

    async def stop_children(self) -> None:
        """Stop every child, the last one first, one after the other."""
        while self.children:
            child = next(reversed(self.children))
            await _stop_child(child)
            self.children.pop(child, None)

    def cancel_timers(self) -> None:
        for timer in list(self.timers):
            timer.cancel()

    def watch(self, ref: AnyAsyncRef) -> None:
        """Get a `Terminated` when an actor has stopped, or now if it has already."""
        self.watched[ref] = None
        if ref.actor_inbox.phase == CLOSED:
            _notify(self.ref, ref)
            return
        life = life_of(ref)
        with _lock:
            life.watchers[self.ref] = None
        # Whoever closes the mailbox looks for watchers afterwards.
        if ref.actor_inbox.phase == CLOSED and life.drop_watcher(self.ref):
            _notify(self.ref, ref)

    def unwatch(self, ref: AnyAsyncRef) -> None:
        self.watched.pop(ref, None)
        life = cast("Life | None", ref.actor_inbox.life)
        if life is not None:
            life.drop_watcher(self.ref)

    def unwatch_all(self) -> None:
        for ref in list(self.watched):
            self.unwatch(ref)

    def learn_of(self, terminated: Terminated) -> bool:
        """Whether the actor still wants to know of an end; from now on it knows."""
        return self.watched.pop(terminated.ref, self) is None

    def drop_watcher(self, watcher: AnyAsyncRef) -> bool:
        """Whether somebody watched who does not any more."""
        with _lock:
            return self.watchers.pop(watcher, self) is None

    def end(self) -> None:
        """Tell everybody that the actor has gone, and keep nothing of it."""
        self.cancel_timers()
        for child in list(reversed(self.children)):
            _ = child.kill(block=False)
        self.unwatch_all()
        with _lock:
            watchers = self.take_watchers()
        for watcher in watchers:
            _notify(watcher, self.ref)
        if self.parent is not None:
            self._leave(self.parent)

    def _leave(self, parent: AnyAsyncRef) -> None:
        life = cast("Life | None", parent.actor_inbox.life)
        if life is not None:
            life.children.pop(self.ref, None)
        if self.escalated is not None:
            instance = parent.actor_inbox.actor
            _inform(parent, ChildFailed(self.ref, self.escalated, instance))


class Tied(Protocol):
    actor_inbox: Mailbox


def ref_of(actor: Tied) -> AnyAsyncRef:
    return cast("AnyAsyncRef", cast("Actor", actor).actor_ref)


def life_of(ref: AsyncActorRef[A]) -> Life:
    """The relations of an actor, made when there have been none."""
    mailbox = ref.actor_inbox
    # It may end between two looks.
    life = mailbox.life
    if life is None:
        with _lock:
            life = mailbox.life = mailbox.life or Life(cast("AnyAsyncRef", ref))
    return cast("Life", life)


def check_actor_class(actor_class: object, base: type, call: str) -> None:
    """Refuse what is no class derived from `base` and was given to a call."""
    if not (isinstance(actor_class, type) and issubclass(actor_class, base)):
        raise NoActorClassError(repr(actor_class), call)


class TiedActor(Actor):
    """An actor with children, with others that it watches, and with timers.

    Its methods are for its own turns.
    """

    actor_inbox: Mailbox  # type: ignore[mutable-override] # Pykka never sets it

    def _after_end(self) -> None:
        """Learn that it has gone, however that came; in any thread."""

    @property
    def parent(self) -> AnyAsyncRef | None:
        """Who started the actor with `start_child`, if an actor did."""
        life = cast("Life | None", self.actor_inbox.life)
        return None if life is None else life.parent

    @property
    def children(self) -> tuple[AnyAsyncRef, ...]:
        """Whom the actor has started with `start_child` and who lives."""
        life = cast("Life | None", self.actor_inbox.life)
        return () if life is None else tuple(life.children)

    def start_child(
        self,
        actor_class: type[A],
        /,
        *args: object,
        supervision: Strategy | None = None,
        **kwargs: object,
    ) -> AsyncActorRef[A]:
        """Start an actor that stops before this one does and before it begins anew.

        It lives on the host of this one. Children are stopped one after the other, the
        last one first.

        Args:
            actor_class: Its class.
            args: For its `__init__`.
            supervision: What happens when it fails; its class says so when left out.
            kwargs: For its `__init__`.

        Returns:
            Its ref.

        Raises:
            NoActorClassError: If it is no class of `AsyncActor`s.
            OutsideTurnError: If the actor is not in one of its turns.
            SupervisionSettingError: If the supervision is no strategy.
        """
        check_actor_class(actor_class, TiedActor, "start_child()")
        host = _host_in_turn(self, "start_child()")
        if supervision is not None:
            check_strategy(supervision)
        # Beside its parent even in a block that places actors elsewhere: they share
        # what is not for several threads.
        with placed_on(host):
            ref = cast("AsyncActorRef[A]", actor_class.start(*args, **kwargs))
        child = life_of(ref_of(self)).adopt(cast("AnyAsyncRef", ref), supervision)
        if type(supervision) is Restart:
            child.factory = partial(actor_class, *args, **kwargs)
        return ref

    def watch(self, ref: object) -> None:
        """Get a `Terminated` message when another actor has stopped.

        It comes once, after everything that the other one told before, and at once
        if that has stopped already. A new instance after a restart watches nobody.

        Args:
            ref: The ref of the other actor; it may live on another host.

        Raises:
            WatchError: If it is no ref of another `AsyncActor`.
            OutsideTurnError: If the actor is not in one of its turns.
        """
        other = watchable(ref, ref_of(self))
        _host_in_turn(self, "watch()")
        life_of(ref_of(self)).watch(other)

    def unwatch(self, ref: object) -> None:
        """Get no `Terminated` of another actor any more, not even a waiting one.

        Args:
            ref: Its ref.

        Raises:
            WatchError: If it is no ref of another `AsyncActor`.
            OutsideTurnError: If the actor is not in one of its turns.
        """
        other = watchable(ref, ref_of(self))
        _host_in_turn(self, "unwatch()")
        life_of(ref_of(self)).unwatch(other)

    def send_after(self, delay: float, message: object) -> Timer:
        """Get a message later.

        Args:
            delay: Seconds from now by the clock of the system.
            message: The message, for `on_receive`.

        Returns:
            The timer. It ends with the actor, and when that begins anew.

        Raises:
            TimerSettingError: If the delay is no finite number of 0 or more.
            OutsideTurnError: If the actor is not in one of its turns.
        """
        check_delay("delay", delay)
        return self._timer("send_after()", message, first=delay)

    def send_every(
        self, period: float, message: object, *, first: float | None = None
    ) -> Timer:
        """Get a message again and again.

        One that has not been handled yet is not sent again: after a stall the missed
        ones are left out, and the next comes when it would have come anyway.

        Args:
            period: Seconds between two messages by the clock of the system.
            message: The message, for `on_receive`.
            first: Seconds until the first one; the period when left out.

        Returns:
            The timer. It ends with the actor, and when that begins anew.

        Raises:
            TimerSettingError: If a time is no finite number above 0; `first` may
                be 0.
            OutsideTurnError: If the actor is not in one of its turns.
        """
        check_period(period)
        first = period if first is None else first
        check_delay("first", first)
        return self._timer("send_every()", message, first=first, period=period)

    def _timer(
        self, call: str, message: object, *, first: float, period: float | None = None
    ) -> Timer:
        return Timer(
            self.actor_inbox,
            _host_in_turn(self, call),
            life_of(ref_of(self)).timers,
            message,
            first=first,
            period=period,
        )


def _host_in_turn(actor: Tied, call: str) -> Scheduler:
    """The host of an actor that is in one of its turns, else `OutsideTurnError`."""
    mailbox = actor.actor_inbox
    host = mailbox.host
    if host is None or mailbox.phase >= STOPPED or not host.is_here():
        raise OutsideTurnError(str(actor), call)
    return host


def watchable(ref: object, by: AnyAsyncRef) -> AnyAsyncRef:
    """The ref of another `AsyncActor`, else `WatchError`."""
    whom = "itself" if ref is by else repr(ref)
    if not isinstance(ref, AsyncActorRef) or ref is by:
        raise WatchError(str(by), whom)
    return cast("AnyAsyncRef", ref)


async def _stop_child(child: AnyAsyncRef) -> None:
    life = life_of(child)
    life.is_ending = True
    if life.restart_delay is not None:
        life.restart_delay.end()
    gone: AsyncFuture[object] = AsyncFuture()
    child.actor_inbox.put_from_runtime(RuntimeEnvelope(stop_message(), gone))
    # A stop that fails or is cancelled has stopped it too.
    with suppress(ActorDeadError, MessageCancelledError):
        await gone


def _notify(watcher: AnyAsyncRef, watched: AnyAsyncRef) -> None:
    reason = watched.actor_inbox.reason or Stopped()
    _inform(watcher, Notice(Terminated(watched, reason)))


def _inform(ref: AnyAsyncRef, news: Notice | ChildFailed) -> None:
    # Whose loop is closed learns nothing any more.
    with suppress(SystemClosedError):
        ref.actor_inbox.put_from_runtime(RuntimeEnvelope(news))
