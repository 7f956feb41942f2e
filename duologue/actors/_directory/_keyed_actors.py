"""The actors of one class by key: made by their first message, let go when idle.

An entry joins a key to its actor. Every message for a key passes under one lock into
the entry or into the mailbox of its actor, and the entry leaves the index under the
same lock and only when no message is left. So there is at most one actor for a key, and
a message that meets one on its way out waits for the next.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from pykka import ActorRegistry

from duologue.actors._actor import AsyncActor, Passivate
from duologue.actors._directory._context import DirectoryContext
from duologue.actors._directory._factory import Factory
from duologue.actors._directory._key_entry import BoundedKeyEntry, KeyEntry
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._hosts._current_host import host_of_this_turn
from duologue.actors._hosts._host import Host
from duologue.actors._hosts._hosts import Hosts
from duologue.actors._lifecycle._relations import life_of
from duologue.actors._lifecycle._supervision import Restart
from duologue.actors._mailbox._bounded import bounds_of
from duologue.actors._mailbox._bounded_queue import Displaced, NoRoomError
from duologue.actors._mailbox._dead_letters import DeadLetterReason, bury
from duologue.actors._mailbox._envelope import AnyEnvelope, RuntimeEnvelope
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.errors import SystemClosedError

A = TypeVar("A", bound=AsyncActor)

SWEEP_BATCH = 1000
# A timer may fire this many seconds early by rounding.
_ROUNDING = 0.001

logger = logging.getLogger("duologue.actors")


class KeyedActors(Generic[A]):
    """The actors of one class in a directory.

    One that has nothing to do is let go `idle_after` seconds after its last message;
    None keeps it.
    """

    def __init__(
        self,
        actor_class: type[A],
        factory: Callable[[str], A],
        *,
        idle_after: float | None,
        context: DirectoryContext,
    ) -> None:
        self.actor_class = actor_class
        self.idle_after = idle_after
        self._factory = Factory(actor_class, factory)
        self._context = context
        self._bounds = bounds_of(actor_class)
        # In the order of their last use, so a sweep looks at the oldest only.
        self._entries: OrderedDict[str, KeyEntry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def actor_name(self) -> str:
        """The name of the class."""
        return self.actor_class.__name__

    def deliver(self, key: str, envelope: AnyEnvelope) -> None:
        """Give a message to the actor of a key, which it makes if there is none.

        Raises:
            SystemClosedError: If the system is not open.
            NoRoomError: If the mailbox has a bound and is full.
        """
        context = self._context
        if self._bounds is not None:
            # It may call what the user wrote, so not under the lock.
            envelope = self._bounds.addressed(envelope)
        with context.lock:
            hosts = context.hosts
            if (
                hosts is None
                or context.clock is None
                or (context.is_closing and host_of_this_turn() not in hosts)
            ):
                raise SystemClosedError(f"{self.actor_name} with key {key!r}")
            entry = self._entries.get(key)
            is_new = entry is None
            if entry is None:
                entry = self._entries[key] = self._new_entry(key)
            else:
                self._entries.move_to_end(key)
            entry.used = context.clock.time()
            mailbox = entry.mailbox
            lost: Displaced | None = None
            if mailbox is None or self._bounds is not None:
                lost = entry.take(envelope)
            else:
                mailbox.add(envelope)
        if lost is not None:
            entry.bury(*lost)
        if is_new:
            self._post_activation(hosts, entry)
        else:
            _ask_for_turn(mailbox)

    def passivate(self, key: str) -> AsyncFuture[bool]:
        """Ask the actor of a key to go, if there is one.

        Returns:
            Whether there was one, as soon as it has gone.
        """
        gone: AsyncFuture[bool] = AsyncFuture()
        self._ask_to_go(key, gone)
        return gone

    def bury(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message; callable from any thread."""
        letters, name = self._context.dead_letters, self.actor_name
        bury([envelope], actor=name, letters=letters, reason=reason, error=error)

    def active(self) -> list[str]:
        """The keys that have an actor, or are about to get one."""
        with self._context.lock:
            return list(self._entries)

    def sweep(self, now: float) -> float | None:
        """Let go of the actors that have been idle for long enough.

        Returns:
            When to look again; None if there is nobody to look at.
        """
        if self.idle_after is None:
            return None
        with self._context.lock:
            idle, due = self._let_go_of_idle(now, self.idle_after)
        for mailbox in idle:
            _ask_for_turn(mailbox)
        return due

    def _let_go_of_idle(
        self, now: float, idle_after: float
    ) -> tuple[list[Mailbox], float | None]:
        """Ask a batch of idle actors to go; under the lock.

        Returns:
            Those that need a turn for it, and when to look again.
        """
        idle: list[Mailbox] = []
        for _ in range(len(self._entries)):
            entry = next(iter(self._entries.values()))
            if entry.used + idle_after > now + _ROUNDING:
                return idle, entry.used + idle_after
            if len(idle) == SWEEP_BATCH:
                return idle, now
            entry.used = now
            self._entries.move_to_end(entry.key)
            mailbox = entry.mailbox
            if mailbox is not None and not mailbox.suspended and mailbox.empty():
                entry.take(RuntimeEnvelope(Passivate()))
                idle.append(mailbox)
        return idle, now + max(idle_after, _ROUNDING) if self._entries else None

    def refuse_all(self) -> None:
        """Drop every entry and answer what waits for an actor that will not come."""
        with self._context.lock:
            entries = list(self._entries.values())
            self._entries.clear()
            farewells = [gone for entry in entries for gone in _take_farewells(entry)]
        for gone in farewells:
            gone.set(value=True)
        for entry in entries:
            if entry.mailbox is None:
                self._give_up(entry, SystemClosedError(entry.name))

    def refuse(self, host: Host) -> None:
        """Answer what waits for actors that a host, now lost, was about to make."""
        with self._context.lock:
            lost = [
                entry
                for entry in self._entries.values()
                if entry.mailbox is None and entry.host is host
            ]
        for entry in lost:
            self._give_up(entry, SystemClosedError(entry.name))

    def take_back(self, entry: KeyEntry, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox whose actor has gone.

        It goes to the next actor for the key, unless this one never came to life.
        """
        failure = entry.failure()
        with self._context.lock:
            is_last = entry.mailbox is mailbox
            if is_last:
                hosts, left = self._pass_on(entry, mailbox, failure)
                farewells = _take_farewells(entry)
            else:
                hosts, left, farewells = None, entry.stragglers(mailbox), []
        if not is_last:
            self._send_on(entry, left)
            return
        if entry.is_open:
            self._count("passivations")
        for gone in farewells:
            gone.set(value=True)
        self._refuse(left, failure)
        if hosts is not None:
            self._post_activation(hosts, entry)

    def _pass_on(
        self, entry: KeyEntry, mailbox: Mailbox, failure: Exception
    ) -> tuple[Hosts | None, list[AnyEnvelope]]:
        """Keep what an actor has left for the next one; under the lock.

        Returns:
            Who runs the next one, if there is one, and what nobody will handle.
        """
        hosts = self._context.hosts
        if entry.take_over(mailbox) and entry.error is None and hosts is not None:
            return hosts, []
        self._entries.pop(entry.key, None)
        return None, entry.give_up(failure)

    def _send_on(self, entry: KeyEntry, stragglers: list[AnyEnvelope]) -> None:
        for envelope in stragglers:
            self._deliver_late(entry.key, envelope)
        _ask_for_turn(entry.mailbox)

    def _deliver_late(self, key: str, envelope: AnyEnvelope) -> None:
        try:
            self.deliver(key, envelope)
        except SystemClosedError as error:
            self._refuse([envelope], error)
        except NoRoomError as full:
            full.refuse()

    def _ask_to_go(self, key: str, gone: AsyncFuture[bool]) -> None:
        with self._context.lock:
            entry = self._entries.get(key)
            if entry is None:
                gone.set(value=False)
                return
            entry.farewells.append(gone)
            mailbox = entry.mailbox
            entry.take(RuntimeEnvelope(Passivate()))
        _ask_for_turn(mailbox)

    def _post_activation(self, hosts: Hosts, entry: KeyEntry) -> None:
        host = entry.host = hosts.for_key(entry.key)
        host.post(lambda: self._activate(host, entry))
        if host.is_lost:  # perhaps in the same moment
            self.refuse(host)

    def _activate(self, host: Host, entry: KeyEntry) -> None:
        """Make the actor of an entry; on the loop, so one at a time."""
        if not self._is_wanted(entry):
            return
        try:
            actor = host.context.copy().run(self._factory.make_anew, entry.key)
        except BaseException as error:  # the factory is the user's
            entry.error = error
            failure = entry.failure()
            logger.exception("%s", failure)
            self._give_up(entry, failure)
            if isinstance(error, Exception):
                return
            raise
        self._settle(host, entry, actor)

    def _is_wanted(self, entry: KeyEntry) -> bool:
        """Whether nobody has been told meanwhile that the actor will not come."""
        with self._context.lock:
            return self._entries.get(entry.key) is entry

    def _settle(self, host: Host, entry: KeyEntry, actor: A) -> None:
        """Let the actor of an entry live on a host."""
        mailbox = actor.actor_inbox
        with self._context.lock:
            is_wanted = self._entries.get(entry.key) is entry
            superseded = entry.hand_over(mailbox) if is_wanted else []
        if not is_wanted:
            mailbox.close(SystemClosedError(entry.name))
            return
        mailbox.keeper = entry
        if type(actor.supervision) is Restart:
            life_of(actor.actor_ref).factory = partial(self._factory.make, entry.key)
        entry.is_open = False
        for lost in superseded:
            entry.bury(*lost)
        ActorRegistry.register(actor.actor_ref)
        host.attach(mailbox, at_once=True)
        self._count("activations")
        if self.idle_after is not None:
            self._context.on_loop(partial(self._context.wait_for_idle, self.idle_after))

    def _give_up(self, entry: KeyEntry, failure: Exception) -> None:
        with self._context.lock:
            self._entries.pop(entry.key, None)
            failed = entry.give_up(failure)
            farewells = _take_farewells(entry)
        for gone in farewells:
            gone.set(value=False)
        self._refuse(failed, failure)

    def _new_entry(self, key: str) -> KeyEntry:
        if self._bounds is None:
            return KeyEntry(self, key)
        return BoundedKeyEntry(self, key, self._bounds)

    def _refuse(self, envelopes: list[AnyEnvelope], error: Exception) -> None:
        letters, name = self._context.dead_letters, self.actor_name
        bury(envelopes, actor=name, letters=letters, error=error)

    def _count(self, name: str) -> None:
        if self._context.observer is not None:
            count = partial(self._context.observer.count, name, actor=self.actor_name)
            self._context.on_loop(count)


def _ask_for_turn(mailbox: Mailbox | None) -> None:
    """Ask for what the messages need that were added to a mailbox under the lock."""
    if mailbox is not None and not mailbox.scheduled:
        mailbox.wake()


def _take_farewells(entry: KeyEntry) -> list[AsyncFuture[bool]]:
    farewells, entry.farewells = entry.farewells, []
    return farewells
