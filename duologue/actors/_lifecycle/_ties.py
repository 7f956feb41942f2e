"""What an actor can do about others and about time."""

from __future__ import annotations

from functools import partial
from typing import TypeVar, cast

from pykka import Actor

from duologue.actors._hosts._host import Host
from duologue.actors._hosts._placement import placed_on
from duologue.actors._lifecycle._relations import (
    AnyRef,
    Life,
    host_in_turn,
    life_in_turn,
    life_of,
    ref_of,
    watchable,
)
from duologue.actors._lifecycle._supervision import Restart, Strategy, check_strategy
from duologue.actors._lifecycle._timers import Timer, check_delay, check_period
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.actors._ref import AsyncActorRef
from duologue.errors import NoActorClassError

A = TypeVar("A", bound="TiedActor")


def check_actor_class(actor_class: object, base: type, call: str) -> None:
    """Look at what was given for a class of actors, before anything comes of it.

    Args:
        actor_class: What was given.
        base: What it must derive from.
        call: The call that it was given to.

    Raises:
        NoActorClassError: If it is no such class.
    """
    if not (isinstance(actor_class, type) and issubclass(actor_class, base)):
        raise NoActorClassError(repr(actor_class), call)


class TiedActor(Actor):
    """An actor with children, with others that it watches, and with timers.

    Its methods are for its own turns.
    """

    actor_inbox: Mailbox  # type: ignore[mutable-override] # Pykka never sets it

    @property
    def parent(self) -> AnyRef | None:
        """Who started the actor with `start_child`, if an actor did."""
        life = cast("Life | None", self.actor_inbox.life)
        return None if life is None else life.parent

    @property
    def children(self) -> tuple[AnyRef, ...]:
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
        life = life_in_turn(self, "start_child()")
        if supervision is not None:
            check_strategy(supervision)
        # Beside its parent even in a block that places actors elsewhere: they share
        # what is not for several threads.
        with placed_on(cast("Host", self.actor_inbox.host)):
            ref = cast("AsyncActorRef[A]", actor_class.start(*args, **kwargs))
        child = life.adopt(cast("AnyRef", ref), supervision)
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
        life_in_turn(self, "watch()").watch(other)

    def unwatch(self, ref: object) -> None:
        """Get no `Terminated` of another actor any more, not even a waiting one.

        Args:
            ref: Its ref.

        Raises:
            WatchError: If it is no ref of another `AsyncActor`.
            OutsideTurnError: If the actor is not in one of its turns.
        """
        other = watchable(ref, ref_of(self))
        life_in_turn(self, "unwatch()").unwatch(other)

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
            host_in_turn(self, call),
            life_of(ref_of(self)).timers,
            message,
            first=first,
            period=period,
        )
