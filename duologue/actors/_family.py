"""The actors of one class by key: made by their first message, let go when idle.

A record joins a key to its actor. Every message for a key passes under one lock into
the record or into the mailbox of its actor, and the record leaves the index under the
same lock and only when no message is left. So there is at most one actor for a key, and
a message that meets one on its way out waits for the next.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pykka import ActorRegistry
from pykka._envelope import Envelope

from duologue.actors._actor import AsyncActor, Passivate
from duologue.actors._clock import Clock
from duologue.actors._future import AsyncFuture
from duologue.actors._host import Host
from duologue.actors._mailbox import (
    AnyEnvelope,
    Mailbox,
    answer_for_the_dead,
)
from duologue.actors._observe import Observer
from duologue.actors._placement import host_of_this_turn
from duologue.actors._pykka import is_stop
from duologue.errors import ActivationError, DuologueError, SystemClosedError

A = TypeVar("A", bound=AsyncActor)

SWEEP_BATCH = 1000
# A timer may fire this many seconds early by rounding.
_ROUNDING = 0.001

logger = logging.getLogger("duologue.actors")


class Home:
    """What the families of a directory share.

    Attributes:
        wait_for_idle: Asks for a sweep in so many seconds, unless one is due.
        observer: Is told of actors that come and go, if somebody wants to know.
        lock: Guards every index and record of the directory.
        host: Who runs the actors; None before the system opens and once it has
            closed.
        clock: Tells when an actor was last used.
        is_closing: Whether only actors may still send.
    """

    def __init__(
        self,
        wait_for_idle: Callable[[float], None],
        observer: Observer | None = None,
    ) -> None:
        self.wait_for_idle = wait_for_idle
        self.observer = observer
        self.lock: threading.Lock = threading.Lock()
        self.host: Host | None = None
        self.clock: Clock | None = None
        self.is_closing = False

    def open(self, host: Host, clock: Clock) -> None:
        """Take messages from now on."""
        self.host = host
        self.clock = clock

    def accepts(self) -> bool:
        """Whether the sender at hand may send."""
        if self.is_closing:
            return self.host is not None and host_of_this_turn() is self.host
        return self.host is not None


class Owner(Protocol):
    """The family of a record, whatever its class of actors."""

    def take_back(self, record: Record, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""
        ...


class Record:
    """One key that has an actor, or messages that wait for one.

    Attributes:
        key: The key.
        mailbox: The mailbox of the actor; None while there is no actor yet.
        waiting: Messages for the actor that is still to be made.
        used: When the last message came.
        is_open: Whether the actor got through its first hooks.
        error: Why it did not.
        farewells: Futures of those who asked it to go.
    """

    __slots__ = (
        "error",
        "family",
        "farewells",
        "is_open",
        "key",
        "mailbox",
        "used",
        "waiting",
    )

    def __init__(self, family: Owner, key: str) -> None:
        self.family: Owner = family
        self.key: str = key
        self.mailbox: Mailbox | None = None
        self.waiting: list[AnyEnvelope] = []
        self.used: float = 0.0
        self.is_open: bool = False
        self.error: BaseException | None = None
        self.farewells: list[AsyncFuture[bool]] = []

    def opened(self, error: BaseException | None) -> None:
        """Learn that the actor is ready, or why it never will be."""
        self.is_open = error is None
        self.error = error

    def closed(self, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""
        self.family.take_back(self, mailbox)


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
        # In the order of their last use, so a sweep looks at the oldest only.
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def deliver(self, key: str, envelope: AnyEnvelope) -> None:
        """Give a message to the actor of a key, which it makes if there is none.

        Raises:
            SystemClosedError: If the system is not open.
        """
        home = self._home
        with home.lock:
            if not home.accepts() or home.host is None or home.clock is None:
                raise SystemClosedError(self._name(key))
            record = self._records.get(key)
            is_new = record is None
            if record is None:
                record = self._records[key] = Record(self, key)
            else:
                self._records.move_to_end(key)
            record.used = home.clock.time()
            mailbox = record.mailbox
            if mailbox is None:
                record.waiting.append(envelope)
            else:
                mailbox.add(envelope)
        if is_new:
            self._post_activation(home.host, record)
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
            if mailbox is None:
                record.waiting.append(Envelope(Passivate()))
                return gone
            mailbox.add(Envelope(Passivate()))
        if not mailbox.scheduled:
            mailbox.wake()
        return gone

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
        due: float | None = None
        with self._home.lock:
            while self._records:
                record = next(iter(self._records.values()))
                due = record.used + self.idle_after
                if due > now + _ROUNDING:
                    break
                if len(idle) == SWEEP_BATCH:
                    due = now
                    break
                record.used = now
                self._records.move_to_end(record.key)
                mailbox = record.mailbox
                if mailbox is not None and not mailbox.suspended and mailbox.empty():
                    mailbox.add(Envelope(Passivate()))
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
            waiting, record.waiting = record.waiting, []
            _refuse(_for_the_next(waiting), SystemClosedError(self._name(record.key)))

    def take_back(self, record: Record, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox whose actor has gone.

        It goes to the next actor for the key, unless this one never came to life.
        """
        home = self._home
        comes_back = False
        farewells: list[AsyncFuture[bool]] = []
        with home.lock:
            left = _for_the_next(mailbox.drain())
            is_last = record.mailbox is mailbox
            if is_last:
                record.mailbox = None
                comes_back = bool(left) and record.is_open and home.host is not None
                if comes_back:
                    record.waiting = left
                else:
                    self._records.pop(record.key, None)
                farewells, record.farewells = record.farewells, []
        if not is_last:
            self._send_on(record.key, left)
            return
        if record.is_open:
            self._count("passivations")
        for future in farewells:
            future.set(value=True)
        if not comes_back:
            _refuse(left, self._failure(record))
        elif home.host is not None:
            self._post_activation(home.host, record)

    def _send_on(self, key: str, stragglers: list[AnyEnvelope]) -> None:
        for envelope in stragglers:
            try:
                self.deliver(key, envelope)
            except SystemClosedError as error:
                _refuse([envelope], error)

    def _post_activation(self, host: Host, record: Record) -> None:
        host.post(lambda: self._activate(host, record))

    def _activate(self, host: Host, record: Record) -> None:
        """Make the actor of a record; on the loop, so one at a time."""
        try:
            actor = host.context.copy().run(self._make, record.key)
        except Exception as error:  # noqa: BLE001 - the factory is the user's
            self._give_up(record, error)
            return
        mailbox = actor.actor_inbox
        mailbox.keeper = record
        record.is_open = False
        with self._home.lock:
            for envelope in record.waiting:
                mailbox.add(envelope)
            record.waiting = []
            record.mailbox = mailbox
        ActorRegistry.register(actor.actor_ref)
        host.attach(mailbox, at_once=True)
        self._count("activations")
        if self.idle_after is not None:
            self._home.wait_for_idle(self.idle_after)

    def _make(self, key: str) -> A:
        actor: object = self._factory(key)
        if not isinstance(actor, self.actor_class):
            raise TypeError(
                f"the factory gave {actor!r}; return a new {self.actor_class.__name__}"
                " that has not been started"
            )
        return actor

    def _give_up(self, record: Record, error: Exception) -> None:
        record.error = error
        with self._home.lock:
            self._records.pop(record.key, None)
            failed, record.waiting = record.waiting, []
            farewells, record.farewells = record.farewells, []
        for future in farewells:
            future.set(value=False)
        failure = self._failure(record)
        logger.error("%s", failure, exc_info=error)
        _refuse(_for_the_next(failed), failure)

    def _failure(self, record: Record) -> DuologueError:
        if record.is_open:
            return SystemClosedError(self._name(record.key))
        failure = ActivationError(
            self.actor_class.__name__, record.key, repr(record.error)
        )
        failure.__cause__ = record.error
        return failure

    def _count(self, name: str) -> None:
        if self._home.observer is not None:
            self._home.observer.count(name, actor=self.actor_class.__name__)

    def _name(self, key: str) -> str:
        return f"{self.actor_class.__name__} with key {key!r}"


def _for_the_next(left: list[AnyEnvelope]) -> list[AnyEnvelope]:
    """Leave out what has come true: requests to stop and to go."""
    for_the_next: list[AnyEnvelope] = []
    for envelope in left:
        if is_stop(envelope.message) or type(envelope.message) is Passivate:
            answer_for_the_dead(envelope)
        else:
            for_the_next.append(envelope)
    return for_the_next


def _refuse(envelopes: list[AnyEnvelope], error: Exception) -> None:
    for envelope in envelopes:
        answer_for_the_dead(envelope, error)
