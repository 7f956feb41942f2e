"""The directory: classes of actors that are found by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar, cast

from duologue.actors._actor import AsyncActor
from duologue.actors._directory._context import DirectoryContext
from duologue.actors._directory._exposed import ExposedActors
from duologue.actors._directory._keyed_actors import KeyedActors
from duologue.actors._directory._keyed_ref import KeyedRef
from duologue.actors._hosts._host import Host
from duologue.actors._hosts._hosts import Hosts
from duologue.actors._lifecycle._relations import check_actor_class
from duologue.actors._time._clock import Clock, TimerHandle
from duologue.actors._time._observe import Observer
from duologue.actors._time._seconds import is_positive_seconds
from duologue.errors import (
    ActorClassTakenError,
    ActorKeyError,
    IdleTimeError,
    UnknownActorClassError,
)
from duologue.messages import Messages

A = TypeVar("A", bound=AsyncActor)


class KeyedGroup(Protocol):
    """Actors that are found by key, as a directory counts them."""

    @property
    def actor_name(self) -> str:
        """The name of their class."""
        ...

    def __len__(self) -> int: ...


class GuestGroup(KeyedGroup, Protocol):
    """Actors that somebody else finds by key; a directory counts and lets them go."""

    async def let_all_go(self) -> None:
        """Let every actor go; return when they have gone."""


class Directory:
    """Finds actors by class and key, makes them when needed, lets them go when idle.

    Its length is the number of keys that have an actor now. One timer watches all
    of them, and an idle one costs no task.

    Args:
        observer: Is told of actors that come and go.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._context = DirectoryContext(self._wait_for_idle, observer)
        self._by_class: dict[type[AsyncActor], KeyedActors[AsyncActor]] = {}
        self._guests: list[GuestGroup] = []
        self._exposed: dict[str, ExposedActors] = {}
        self._timer: TimerHandle | None = None
        self._due = 0.0

    def __len__(self) -> int:
        return sum(len(group) for group in self._all())

    def by_class(self) -> dict[str, int]:
        """How many keys have an actor now, by the name of its class."""
        return {group.actor_name: len(group) for group in self._all()}

    def include(self, group: GuestGroup) -> None:
        """Count actors that somebody else finds by key, and let them go at the end."""
        self._guests.append(group)

    def _all(self) -> list[KeyedGroup]:
        return [*self._by_class.values(), *self._guests]

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
        if actor_class in self._by_class:
            raise ActorClassTakenError(actor_class.__name__)
        keyed_actors = KeyedActors(
            actor_class, factory, idle_after=idle_after, context=self._context
        )
        self._by_class[actor_class] = cast("KeyedActors[AsyncActor]", keyed_actors)

    def expose(
        self,
        actor_class: type[AsyncActor],
        *,
        told: Iterable[type[object]] = (),
        asked: Iterable[type[object]] = (),
    ) -> None:
        """Let other programs reach the actors of a class, under its name and their keys.

        `directory.expose(Resizer, told=[Resize], asked=[GetSize])` has them send these
        messages to `Resizer/7`, through a door that is given the directory; the actor
        receives them as values of their classes. All else is refused there.

        Args:
            actor_class: A class that is registered.
            told: The classes of messages that its actors are told.
            asked: Those that they answer.

        Raises:
            UnknownActorClassError: If the class has not been registered.
            MessageClassError: If something is no class of messages.
        """
        if actor_class not in self._by_class:
            raise UnknownActorClassError(actor_class.__name__)
        self._exposed[actor_class.__name__] = ExposedActors(
            lambda key: self.ref(actor_class, key), Messages(told), Messages(asked)
        )

    @property
    def exposed(self) -> Mapping[str, ExposedActors]:
        """The actors that other programs reach, by the names of their classes."""
        return self._exposed

    def ref(self, actor_class: type[A], key: str) -> KeyedRef[A]:
        """The ref of the actor for a key, which need not exist.

        Raises:
            ActorKeyError: If the key is no string.
            UnknownActorClassError: If the class has not been registered.
        """
        if not _is_key(key):
            raise ActorKeyError(actor_class.__name__, repr(key))
        keyed_actors = self._by_class.get(actor_class)
        if keyed_actors is None:
            raise UnknownActorClassError(actor_class.__name__)
        return KeyedRef(cast("KeyedActors[A]", keyed_actors), key)

    def open(self, hosts: Hosts, clock: Clock) -> None:
        """Make actors from now on; the system calls this."""
        self._context.open(hosts, clock)

    async def let_all_go(self) -> None:
        """Let every actor go; from now on only actors may send."""
        self._context.is_closing = True
        while len(self):
            for keyed_actors in list(self._by_class.values()):
                going = [keyed_actors.passivate(key) for key in keyed_actors.active()]
                for gone in going:
                    await gone
            for group in self._guests:
                await group.let_all_go()

    def close(self) -> None:
        """Take no messages any more and answer those that wait for an actor."""
        self._context.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for keyed_actors in list(self._by_class.values()):
            keyed_actors.refuse_all()

    def refuse(self, host: Host) -> None:
        """Answer what waits for actors that a host, now lost, was about to make."""
        for keyed_actors in list(self._by_class.values()):
            keyed_actors.refuse(host)

    def _wait_for_idle(self, delay: float) -> None:
        """See to it that somebody looks for idle actors by then; on the loop."""
        clock = self._context.clock
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
        clock = self._context.clock
        if clock is None:
            return
        now = clock.time()
        dues = [
            keyed_actors.sweep(now) for keyed_actors in list(self._by_class.values())
        ]
        later = [due for due in dues if due is not None]
        if later:
            self._wait_for_idle(max(min(later) - now, 0.0))


def _is_key(key: object) -> bool:
    return isinstance(key, str)
