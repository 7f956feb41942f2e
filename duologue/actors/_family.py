"""The actors of one class by key: made by their first message, let go when idle.

A record joins a key to its actor. Every message for a key passes under one lock into
the record or into the mailbox of its actor, and the record leaves the index under the
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
from duologue.actors._bounded import bounds_of
from duologue.actors._bounded_queue import Lost
from duologue.actors._dead_letters import DeadLetterReason, dead_letter
from duologue.actors._envelope import AnyEnvelope, Command
from duologue.actors._future import AsyncFuture
from duologue.actors._home import Home
from duologue.actors._host import Host
from duologue.actors._hosts import Hosts
from duologue.actors._life import life_of
from duologue.actors._mailbox import NEW, Mailbox
from duologue.actors._record import BoundedRecord, Record
from duologue.actors._supervision import Restart
from duologue.errors import (
    ActivationError,
    DuologueError,
    MailboxSettingError,
    SystemClosedError,
)

A = TypeVar("A", bound=AsyncActor)

SWEEP_BATCH = 1000
# A timer may fire this many seconds early by rounding.
_ROUNDING = 0.001

logger = logging.getLogger("duologue.actors")


class Family(Generic[A]):
    """The actors of one class in a directory.

    Args:
        actor_class: The class.
        factory: Makes an actor for a key; called on the loop.
        idle_after: Seconds without a message after which an actor that has nothing
            to do is let go; None keeps it.
        home: What all families of the directory share.
    """

    def __init__(
        self,
        actor_class: type[A],
        factory: Callable[[str], A],
        *,
        idle_after: float | None,
        home: Home,
    ) -> None:
        self.actor_class = actor_class
        self.idle_after = idle_after
        self._factory = factory
        self._home = home
        self._bounds = bounds_of(actor_class)
        # In the order of their last use, so a sweep looks at the oldest only.
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

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
        home = self._home
        if self._bounds is not None:
            # It may call what the user wrote, so not under the lock.
            envelope = self._bounds.addressed(envelope)
        with home.lock:
            hosts = home.hosts
            if hosts is None or home.clock is None or not home.accepts():
                raise SystemClosedError(f"{self.actor_name} with key {key!r}")
            record = self._records.get(key)
            is_new = record is None
            if record is None:
                record = self._records[key] = self._new_record(key)
            else:
                self._records.move_to_end(key)
            record.used = home.clock.time()
            mailbox = record.mailbox
            lost: Lost | None = None
            if mailbox is None or self._bounds is not None:
                lost = record.take(envelope)
            else:
                mailbox.add(envelope)
        if lost is not None:
            record.lose(*lost)
        if is_new:
            self._post_activation(hosts, record)
        elif mailbox is not None and not mailbox.scheduled:
            mailbox.wake()

    def passivate(self, key: str) -> AsyncFuture[bool]:
        """Ask the actor of a key to go, if there is one.

        Returns:
            Whether there was one, as soon as it has gone.
        """
        gone: AsyncFuture[bool] = AsyncFuture()
        with self._home.lock:
            record = self._records.get(key)
            if record is None:
                gone.set(value=False)
                return gone
            record.farewells.append(gone)
            mailbox = record.mailbox
            record.take(Command(Passivate()))
        if mailbox is not None and not mailbox.scheduled:
            mailbox.wake()
        return gone

    def lose(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message; callable from any thread."""
        letters = self._home.dead_letters
        dead_letter(
            envelope, actor=self.actor_name, letters=letters, reason=reason, error=error
        )

    def active(self) -> list[str]:
        """The keys that have an actor, or are about to get one."""
        with self._home.lock:
            return list(self._records)

    def sweep(self, now: float) -> float | None:
        """Let go of the actors that have been idle for long enough.

        Args:
            now: The time by the clock of the system.

        Returns:
            When to look again; None if there is nobody to look at.
        """
        if self.idle_after is None:
            return None
        idle: list[Mailbox] = []
        with self._home.lock:
            due = now + max(self.idle_after, _ROUNDING) if self._records else None
            for _ in range(len(self._records)):
                record = next(iter(self._records.values()))
                if record.used + self.idle_after > now + _ROUNDING:
                    due = record.used + self.idle_after
                    break
                if len(idle) == SWEEP_BATCH:
                    due = now
                    break
                record.used = now
                self._records.move_to_end(record.key)
                mailbox = record.mailbox
                if mailbox is not None and not mailbox.suspended and mailbox.empty():
                    mailbox.add(Command(Passivate()))
                    idle.append(mailbox)
        for mailbox in idle:
            if not mailbox.scheduled:
                mailbox.wake()
        return due

    def refuse_all(self) -> None:
        """Drop every record and answer what waits for an actor that will not come."""
        with self._home.lock:
            records = list(self._records.values())
            self._records.clear()
            farewells = [future for record in records for future in record.farewells]
            for record in records:
                record.farewells = []
        for future in farewells:
            future.set(value=True)
        for record in records:
            if record.mailbox is None:
                self._give_up(record, SystemClosedError(record.name))

    def refuse(self, host: Host) -> None:
        """Answer what waits for actors that a host, now lost, was about to make."""
        with self._home.lock:
            lost = [
                record
                for record in self._records.values()
                if record.mailbox is None and record.host is host
            ]
        for record in lost:
            self._give_up(record, SystemClosedError(record.name))

    def take_back(self, record: Record, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox whose actor has gone.

        It goes to the next actor for the key, unless this one never came to life.
        """
        home = self._home
        failure = self._failure(record)
        left: list[AnyEnvelope] = []
        farewells: list[AsyncFuture[bool]] = []
        with home.lock:
            hosts = home.hosts
            is_last = record.mailbox is mailbox
            comes_back = (
                is_last
                and record.take_over(mailbox)
                and record.error is None
                and hosts is not None
            )
            if not is_last:
                left = record.stragglers(mailbox)
            elif not comes_back:
                self._records.pop(record.key, None)
                left = record.give_up(failure)
            if is_last:
                farewells, record.farewells = record.farewells, []
        if not is_last:
            self._send_on(record.key, left)
            today = record.mailbox
            if today is not None and not today.scheduled:
                today.wake()
            return
        if record.is_open:
            self._count("passivations")
        for future in farewells:
            future.set(value=True)
        self._refuse(left, failure)
        if comes_back and hosts is not None:
            self._post_activation(hosts, record)

    def _send_on(self, key: str, stragglers: list[AnyEnvelope]) -> None:
        for envelope in stragglers:
            try:
                self.deliver(key, envelope)
            except SystemClosedError as error:
                self._refuse([envelope], error)

    def _post_activation(self, hosts: Hosts, record: Record) -> None:
        host = record.host = hosts.for_key(record.key)
        host.post(lambda: self._activate(host, record))
        if host.is_lost:  # perhaps in the same moment
            self.refuse(host)

    def _activate(self, host: Host, record: Record) -> None:
        """Make the actor of a record; on the loop, so one at a time."""
        if not self._is_wanted(record):
            return
        try:
            actor = host.context.copy().run(self._make_anew, record.key)
        except BaseException as error:  # the factory is the user's
            record.error = error
            failure = self._failure(record)
            logger.exception("%s", failure)
            self._give_up(record, failure)
            if isinstance(error, Exception):
                return
            raise
        self._settle(host, record, actor)

    def _is_wanted(self, record: Record) -> bool:
        """Whether nobody has been told meanwhile that the actor will not come."""
        with self._home.lock:
            return self._records.get(record.key) is record

    def _settle(self, host: Host, record: Record, actor: A) -> None:
        """Let the actor of a record live on a host."""
        mailbox = actor.actor_inbox
        with self._home.lock:
            is_wanted = self._records.get(record.key) is record
            superseded = record.hand_over(mailbox) if is_wanted else []
        if not is_wanted:
            mailbox.close(SystemClosedError(record.name))
            return
        mailbox.keeper = record
        if type(actor.supervision) is Restart:
            life_of(actor.actor_ref).factory = partial(self._make, record.key)
        record.is_open = False
        for lost in superseded:
            record.lose(*lost)
        ActorRegistry.register(actor.actor_ref)
        host.attach(mailbox, at_once=True)
        self._count("activations")
        if self.idle_after is not None:
            self._home.on_loop(partial(self._home.wait_for_idle, self.idle_after))

    def _make_anew(self, key: str) -> A:
        """Make an actor that has never had a message."""
        actor = self._make(key)
        if actor.actor_ref.actor_inbox.phase != NEW:
            raise _wrong(actor, self.actor_name)
        return actor

    def _make(self, key: str) -> A:
        actor: object = self._factory(key)
        if not isinstance(actor, self.actor_class):
            raise _wrong(actor, self.actor_name)
        if bounds_of(type(actor)) != self._bounds:
            name = type(actor).__name__
            expected = f"that of {self.actor_name}, or register {name} itself"
            raise MailboxSettingError(
                f"{name}.mailbox", repr(bounds_of(type(actor))), expected
            )
        return actor

    def _give_up(self, record: Record, failure: Exception) -> None:
        with self._home.lock:
            self._records.pop(record.key, None)
            failed = record.give_up(failure)
            farewells, record.farewells = record.farewells, []
        for future in farewells:
            future.set(value=False)
        self._refuse(failed, failure)

    def _failure(self, record: Record) -> DuologueError:
        if record.error is None:
            return SystemClosedError(record.name)
        failure = ActivationError(
            self.actor_class.__name__, record.key, repr(record.error)
        )
        failure.__cause__ = record.error
        return failure

    def _new_record(self, key: str) -> Record:
        if self._bounds is None:
            return Record(self, key)
        return BoundedRecord(self, key, self._bounds)

    def _refuse(self, envelopes: list[AnyEnvelope], error: Exception) -> None:
        for envelope in envelopes:
            self.lose(envelope, error=error)

    def _count(self, name: str) -> None:
        if self._home.observer is not None:
            count = partial(self._home.observer.count, name, actor=self.actor_name)
            self._home.on_loop(count)


def _wrong(actor: object, expected: str) -> TypeError:
    return TypeError(
        f"the factory gave {actor!r}; return a new {expected} that has not been started"
    )
