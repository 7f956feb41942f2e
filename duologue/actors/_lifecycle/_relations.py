"""What ties an actor to others and to time: children, watchers, timers.

Most actors have none of it, so it is an object of its own, made when it is needed.
Children and timers are touched on the loop of the actor only. Watchers may live on
other loops, so a lock guards them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, cast

from pykka import Actor, ActorDeadError

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._lifecycle._supervision import Strategy
from duologue.actors._lifecycle._timers import Timer
from duologue.actors._mailbox._envelope import Command
from duologue.actors._mailbox._mailbox import CLOSED, STOPPED, Mailbox, Scheduler
from duologue.actors._pykka._pykka import stop_message
from duologue.actors._pykka._stop_reason import (
    ParentStopped,
    Stopped,
    StopReason,
)
from duologue.actors._ref import AsyncActorRef
from duologue.actors._time._restart_delays import RestartDelay
from duologue.errors import (
    MessageCancelledError,
    OutsideTurnError,
    SystemClosedError,
    WatchError,
)

A = TypeVar("A", bound=Actor)

AnyRef: TypeAlias = AsyncActorRef[Actor]

_ASKED = Stopped()

_lock = threading.RLock()


class Terminated(NamedTuple):
    """The message that somebody who is watched has stopped.

    Attributes:
        ref: Who.
        reason: Why.
    """

    ref: AnyRef
    reason: StopReason


class Notice(NamedTuple):
    """A `Terminated` on its way; who has stopped to watch does not get it."""

    terminated: Terminated


class ChildFailed(NamedTuple):
    """A failure that a child has escalated.

    Attributes:
        child: Who.
        error: What it raised.
        parent: The instance that it failed. The next one has other children.
    """

    child: AnyRef
    error: BaseException
    parent: Actor | None


class Life:
    """The ties of one actor. Its instances come and go; this stays.

    Attributes:
        ref: The actor.
        parent: Who started it, if an actor did so with `start_child`.
        strategy: What its parent wants done when it fails; None leaves that to
            its class.
        factory: Makes a new instance; None if nobody knows how.
        failures: When it failed, as far as that still counts.
        children: Those it has started and that live, in the order of their start.
        timers: Those that are active.
        watchers: Who wants to know when it has stopped.
        watched: Whose end it wants to know of.
        restart_delay: Its restart_delay before it begins anew.
        is_ending: Whether its parent stops it.
        escalated: What its parent is to fail with once it has gone.
        when_gone: Is called when it has gone, however that came, in any thread.
    """

    __slots__ = (
        "children",
        "escalated",
        "factory",
        "failures",
        "is_ending",
        "parent",
        "ref",
        "restart_delay",
        "strategy",
        "timers",
        "watched",
        "watchers",
        "when_gone",
    )

    def __init__(self, ref: AnyRef) -> None:
        self.ref: AnyRef = ref
        self.parent: AnyRef | None = None
        self.strategy: Strategy | None = None
        self.factory: Callable[[], Actor] | None = None
        self.failures: list[float] = []
        self.children: dict[AnyRef, None] = {}
        self.timers: dict[Timer, None] = {}
        self.watchers: dict[AnyRef, None] = {}
        self.watched: dict[AnyRef, None] = {}
        self.restart_delay: RestartDelay | None = None
        self.is_ending: bool = False
        self.escalated: BaseException | None = None
        self.when_gone: Callable[[], object] | None = None

    def adopt(self, child: AnyRef, strategy: Strategy | None) -> Life:
        """Let an actor that has just been started be a child; returns its ties."""
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
        """Call off every timer."""
        for timer in list(self.timers):
            timer.cancel()

    def watch(self, ref: AnyRef) -> None:
        """Get a `Terminated` when an actor has stopped, or now if it has already."""
        self.watched[ref] = None
        if ref.actor_inbox.phase == CLOSED:
            _notify(self.ref, ref)
            return
        life = life_of(ref)
        with _lock:
            life.watchers[self.ref] = None
        # Whoever closes the mailbox looks for watchers afterwards.
        if ref.actor_inbox.phase == CLOSED and life.lose_watcher(self.ref):
            _notify(self.ref, ref)

    def unwatch(self, ref: AnyRef) -> None:
        """Get no `Terminated` of an actor any more."""
        self.watched.pop(ref, None)
        life = cast("Life | None", ref.actor_inbox.life)
        if life is not None:
            life.lose_watcher(self.ref)

    def unwatch_all(self) -> None:
        """Get no `Terminated` of anybody any more."""
        for ref in list(self.watched):
            self.unwatch(ref)

    def learn_of(self, terminated: Terminated) -> bool:
        """Whether the actor still wants to know of an end; from now on it knows."""
        return self.watched.pop(terminated.ref, self) is None

    def lose_watcher(self, watcher: AnyRef) -> bool:
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
            watchers, self.watchers = list(self.watchers), {}
        for watcher in watchers:
            _notify(watcher, self.ref)
        if self.parent is not None:
            self._leave(self.parent)
        if self.when_gone is not None:
            self.when_gone()

    def _leave(self, parent: AnyRef) -> None:
        life = cast("Life | None", parent.actor_inbox.life)
        if life is not None:
            life.children.pop(self.ref, None)
        if self.escalated is not None:
            instance = parent.actor_inbox.actor
            _inform(parent, ChildFailed(self.ref, self.escalated, instance))


class Tied(Protocol):
    """What the ties ask of an actor."""

    actor_inbox: Mailbox


def ref_of(actor: Tied) -> AnyRef:
    """The ref of an actor."""
    return cast("AnyRef", cast("Actor", actor).actor_ref)


def life_of(ref: AsyncActorRef[A]) -> Life:
    """The ties of an actor, made when there have been none."""
    mailbox = ref.actor_inbox
    # Read once: it may end between two looks.
    life = mailbox.life
    if life is None:
        with _lock:
            life = mailbox.life = mailbox.life or Life(cast("AnyRef", ref))
    return cast("Life", life)


def life_in_turn(actor: Tied, call: str) -> Life:
    """The ties of an actor that is in one of its turns.

    Args:
        actor: The actor.
        call: What is about to be done with them, for the error.

    Raises:
        OutsideTurnError: If the call comes from anywhere else.
    """
    host_in_turn(actor, call)
    return life_of(ref_of(actor))


def host_in_turn(actor: Tied, call: str) -> Scheduler:
    """The host of an actor that is in one of its turns.

    Raises:
        OutsideTurnError: If the call comes from anywhere else.
    """
    mailbox = actor.actor_inbox
    host = mailbox.host
    if host is None or mailbox.phase >= STOPPED or not host.is_here():
        raise OutsideTurnError(str(actor), call)
    return host


def reason_to_stop(life: Life | None) -> StopReason:
    """Why an actor stops that is asked to."""
    return ParentStopped() if life is not None and life.is_ending else _ASKED


def watchable(ref: object, by: AnyRef) -> AnyRef:
    """The ref of an actor that another one can watch.

    Raises:
        WatchError: If it is not a ref of an `AsyncActor`, or the watcher's own.
    """
    whom = "itself" if ref is by else repr(ref)
    if not isinstance(ref, AsyncActorRef) or ref is by:
        raise WatchError(str(by), whom)
    return cast("AnyRef", ref)


async def _stop_child(child: AnyRef) -> None:
    life = life_of(child)
    life.is_ending = True
    if life.restart_delay is not None:
        life.restart_delay.end()
    gone: AsyncFuture[object] = AsyncFuture()
    child.actor_inbox.command(Command(stop_message(), gone))
    # However it ended, it has ended.
    with suppress(ActorDeadError, MessageCancelledError):
        await gone


def _notify(watcher: AnyRef, watched: AnyRef) -> None:
    reason = watched.actor_inbox.reason or Stopped()
    _inform(watcher, Notice(Terminated(watched, reason)))


def _inform(ref: AnyRef, news: Notice | ChildFailed) -> None:
    # Whose loop is closed learns nothing any more.
    with suppress(SystemClosedError):
        ref.actor_inbox.command(Command(news))
