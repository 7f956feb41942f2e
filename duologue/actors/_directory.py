"""The directory: classes of actors that are found by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from duologue.actors._actor import AsyncActor
from duologue.actors._clock import Clock, TimerHandle
from duologue.actors._family import Family
from duologue.actors._home import Home
from duologue.actors._host import Host
from duologue.actors._hosts import Hosts
from duologue.actors._keyed_ref import KeyedRef
from duologue.actors._observe import Observer
from duologue.actors._seconds import is_positive_seconds
from duologue.actors._ties import check_actor_class
from duologue.errors import (
    ActorClassTakenError,
    ActorKeyError,
    IdleTimeError,
    UnknownActorClassError,
)

A = TypeVar("A", bound=AsyncActor)


class Directory:
    """Finds actors by class and key, makes them when needed, lets them go when idle.

    Its length is the number of keys that have an actor now. One timer watches all
    of them, and an idle one costs no task.

    Args:
        observer: Is told of actors that come and go.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._home = Home(self._wait_for_idle, observer)
        self._families: dict[type[AsyncActor], Family[AsyncActor]] = {}
        self._timer: TimerHandle | None = None
        self._due = 0.0

    def __len__(self) -> int:
        return sum(map(len, list(self._families.values())))

    def by_class(self) -> dict[str, int]:
        """How many keys have an actor now, by the name of its class."""
        families = list(self._families.items())
        return {kind.__name__: len(family) for kind, family in families}

    def register(
        self,
        actor_class: type[A],
        factory: Callable[[str], A],
        *,
        idle_after: float | None = 60.0,
    ) -> None:
        """Say how to make the actors of a class.

        Args:
            actor_class: The class.
            factory: Takes a key and returns a new actor that has not been started.
                It runs on the loop, so it must not block.
            idle_after: Seconds without a message after which an actor that has
                nothing to do is let go; None keeps it until it is asked to go.

        Raises:
            ActorClassTakenError: If the class is registered already.
            IdleTimeError: If nobody can be idle for that long.
            NoActorClassError: If it is no class of `AsyncActor`s.
        """
        check_actor_class(actor_class, AsyncActor, "directory.register()")
        if idle_after is not None and not is_positive_seconds(idle_after):
            raise IdleTimeError(actor_class.__name__, repr(idle_after))
        if actor_class in self._families:
            raise ActorClassTakenError(actor_class.__name__)
        family = Family(actor_class, factory, idle_after=idle_after, home=self._home)
        self._families[actor_class] = cast("Family[AsyncActor]", family)

    def ref(self, actor_class: type[A], key: str) -> KeyedRef[A]:
        """The ref of the actor for a key, which need not exist.

        Raises:
            ActorKeyError: If the key is no string.
            UnknownActorClassError: If the class has not been registered.
        """
        if not _is_key(key):
            raise ActorKeyError(actor_class.__name__, repr(key))
        family = self._families.get(actor_class)
        if family is None:
            raise UnknownActorClassError(actor_class.__name__)
        return KeyedRef(cast("Family[A]", family), key)

    def open(self, hosts: Hosts, clock: Clock) -> None:
        """Make actors from now on; the system calls this."""
        self._home.open(hosts, clock)

    async def let_all_go(self) -> None:
        """Let every actor go; from now on only actors may send."""
        self._home.is_closing = True
        while len(self):
            for family in list(self._families.values()):
                going = [family.passivate(key) for key in family.active()]
                for gone in going:
                    await gone

    def close(self) -> None:
        """Take no messages any more and answer those that wait for an actor."""
        self._home.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for family in list(self._families.values()):
            family.refuse_all()

    def refuse(self, host: Host) -> None:
        """Answer what waits for actors that a host, now lost, was about to make."""
        for family in list(self._families.values()):
            family.refuse(host)

    def _wait_for_idle(self, delay: float) -> None:
        """See to it that somebody looks for idle actors by then; on the loop."""
        clock = self._home.clock
        if clock is None:
            return
        due = clock.time() + delay
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = clock.call_later(delay, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        clock = self._home.clock
        if clock is None:
            return
        now = clock.time()
        dues = [family.sweep(now) for family in list(self._families.values())]
        later = [due for due in dues if due is not None]
        if later:
            self._wait_for_idle(max(min(later) - now, 0.0))


def _is_key(key: object) -> bool:
    return isinstance(key, str)
