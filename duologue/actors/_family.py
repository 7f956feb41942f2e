# pyright: reportPrivateUsage=false
# Only a lock itself knows whether this thread holds it.
"""The actors of one class by key: made by their first message, let go when idle.

A record joins a key to its actor. Every message for a key passes under one lock into
the record or into the mailbox of its actor, and the record leaves the index under the
same lock and only when no message is left. So there is at most one actor for a key, and
a message that meets one on its way out waits for the next. What a finaliser or a signal
handler does in the middle of that is done a little later, on the loop.
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
from duologue.actors._bounded_queue import Lost, NoRoomError
from duologue.actors._dead_letters import DeadLetterReason, bury
from duologue.actors._envelope import AnyEnvelope, Coalesced, Command
from duologue.actors._factory import Factory
from duologue.actors._future import AsyncFuture
from duologue.actors._home import Home
from duologue.actors._host import Host
from duologue.actors._hosts import Hosts
from duologue.actors._life import life_of
from duologue.actors._mailbox import Mailbox
from duologue.actors._placement import host_of_this_turn
from duologue.actors._record import BoundedRecord, Record
from duologue.actors._supervision import Restart
from duologue.errors import SystemClosedError

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
        self._factory = Factory(actor_class, factory)
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
        if self._bounds is not None and type(envelope) is not Coalesced:
            # It may call what the user wrote, so not under the lock.
            envelope = self._bounds.addressed(envelope)
        if home.lock._is_owned() and home.put_aside(  # noqa: SLF001 - see above
            partial(self._deliver_late, key, envelope)
        ):
            return
        with home.lock:
            hosts = home.hosts
            if (
                hosts is None
                or home.clock is None
                or (home.is_closing and host_of_this_turn() not in hosts)
            ):
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
        else:
            _ask_for_turn(mailbox)

    def passivate(self, key: str) -> AsyncFuture[bool]:
        """Ask the actor of a key to go, if there is one.

        Returns:
            Whether there was one, as soon as it has gone.
        """
        gone: AsyncFuture[bool] = AsyncFuture()
        if not self._home.lock._is_owned():  # noqa: SLF001 - see above
            self._ask_to_go(key, gone)
        elif not self._home.put_aside(partial(self._ask_to_go, key, gone)):
            gone.set(value=False)
        return gone

    def lose(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message; callable from any thread."""
        letters, name = self._home.dead_letters, self.actor_name
        bury([envelope], actor=name, letters=letters, reason=reason, error=error)

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
        with self._home.lock:
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
        for _ in range(len(self._records)):
            record = next(iter(self._records.values()))
            if record.used + idle_after > now + _ROUNDING:
                return idle, record.used + idle_after
            if len(idle) == SWEEP_BATCH:
                return idle, now
            record.used = now
            self._records.move_to_end(record.key)
            mailbox = record.mailbox
            if mailbox is not None and not mailbox.suspended and mailbox.empty():
                record.take(Command(Passivate()))
                idle.append(mailbox)
        return idle, now + max(idle_after, _ROUNDING) if self._records else None

    def refuse_all(self) -> None:
        """Drop every record and answer what waits for an actor that will not come."""
        with self._home.lock:
            records = list(self._records.values())
            self._records.clear()
            farewells = [gone for record in records for gone in _take_farewells(record)]
        for gone in farewells:
            gone.set(value=True)
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
        failure = record.failure()
        with self._home.lock:
            is_last = record.mailbox is mailbox
            if is_last:
                hosts, left = self._pass_on(record, mailbox, failure)
                farewells = _take_farewells(record)
            else:
                hosts, left, farewells = None, record.stragglers(mailbox), []
        if not is_last:
            self._send_on(record, left)
            return
        if record.is_open:
            self._count("passivations")
        for gone in farewells:
            gone.set(value=True)
        self._refuse(left, failure)
        if hosts is not None:
            self._post_activation(hosts, record)

    def _pass_on(
        self, record: Record, mailbox: Mailbox, failure: Exception
    ) -> tuple[Hosts | None, list[AnyEnvelope]]:
        """Keep what an actor has left for the next one; under the lock.

        Returns:
            Who runs the next one, if there is one, and what nobody will handle.
        """
        hosts = self._home.hosts
        if record.take_over(mailbox) and record.error is None and hosts is not None:
            return hosts, []
        self._records.pop(record.key, None)
        return None, record.give_up(failure)

    def _send_on(self, record: Record, stragglers: list[AnyEnvelope]) -> None:
        for envelope in stragglers:
            self._deliver_late(record.key, envelope)
        _ask_for_turn(record.mailbox)

    def _deliver_late(self, key: str, envelope: AnyEnvelope) -> None:
        try:
            self.deliver(key, envelope)
        except SystemClosedError as error:
            self._refuse([envelope], error)
        except NoRoomError as full:
            full.refuse()

    def _ask_to_go(self, key: str, gone: AsyncFuture[bool]) -> None:
        with self._home.lock:
            record = self._records.get(key)
            if record is None:
                gone.set(value=False)
                return
            record.farewells.append(gone)
            mailbox = record.mailbox
            record.take(Command(Passivate()))
        _ask_for_turn(mailbox)

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
            actor = host.context.copy().run(self._factory.make_anew, record.key)
        except BaseException as error:  # the factory is the user's
            record.error = error
            failure = record.failure()
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
            life_of(actor.actor_ref).factory = partial(self._factory.make, record.key)
        record.is_open = False
        for lost in superseded:
            record.lose(*lost)
        ActorRegistry.register(actor.actor_ref)
        host.attach(mailbox, at_once=True)
        self._count("activations")
        if self.idle_after is not None:
            self._home.on_loop(partial(self._home.wait_for_idle, self.idle_after))

    def _give_up(self, record: Record, failure: Exception) -> None:
        with self._home.lock:
            self._records.pop(record.key, None)
            failed = record.give_up(failure)
            farewells = _take_farewells(record)
        for gone in farewells:
            gone.set(value=False)
        self._refuse(failed, failure)

    def _new_record(self, key: str) -> Record:
        if self._bounds is None:
            return Record(self, key)
        return BoundedRecord(self, key, self._bounds, self._home.lock)

    def _refuse(self, envelopes: list[AnyEnvelope], error: Exception) -> None:
        letters, name = self._home.dead_letters, self.actor_name
        bury(envelopes, actor=name, letters=letters, error=error)

    def _count(self, name: str) -> None:
        if self._home.observer is not None:
            count = partial(self._home.observer.count, name, actor=self.actor_name)
            self._home.on_loop(count)


def _ask_for_turn(mailbox: Mailbox | None) -> None:
    """Ask for what the messages need that were added to a mailbox under the lock."""
    if mailbox is not None and not mailbox.scheduled:
        mailbox.wake()


def _take_farewells(record: Record) -> list[AsyncFuture[bool]]:
    farewells, record.farewells = record.farewells, []
    return farewells
