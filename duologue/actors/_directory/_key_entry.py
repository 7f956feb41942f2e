"""One key of a directory: its actor, or the messages that wait for one.

Without a bound the messages wait in a list and go from there into the mailbox of the
actor. With one the entry owns the queue: it lends it to the mailbox of each actor in
turn. So what waits for an actor counts as well, and a sender that waits for room keeps
its place while actors go and come.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._mailbox._bounded import Bounded
from duologue.actors._mailbox._bounded_queue import Displaced
from duologue.actors._mailbox._dead_letters import DeadLetterReason
from duologue.actors._mailbox._envelope import AnyEnvelope, enveloped, is_from_runtime
from duologue.actors._mailbox._mailbox import Mailbox
from duologue.errors import ActivationError, DuologueError, SystemClosedError


class EntryOwner(Protocol):
    """The `KeyedActors` of an entry, whatever their class."""

    @property
    def actor_name(self) -> str:
        """The name of the class of its actors."""
        ...

    def take_back(self, entry: KeyEntry, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""
        ...

    def bury(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason,
        error: Exception | None,
    ) -> None:
        """Make a dead letter of a message."""


class KeyEntry:
    """One key that has an actor, or messages that wait for one.

    Attributes:
        key: The key.
        host: Who has been asked to make the actor, or has made it.
        mailbox: The mailbox of the actor; None while there is no actor yet.
        waiting: Messages for the actor that is still to be made.
        used: When the last message came.
        is_open: Whether the actor got through its first hooks.
        error: Why it did not.
        farewells: Futures of those who asked it to go.
    """

    __slots__ = (
        "error",
        "farewells",
        "host",
        "is_open",
        "key",
        "keyed_actors",
        "mailbox",
        "used",
        "waiting",
    )

    def __init__(self, keyed_actors: EntryOwner, key: str) -> None:
        self.keyed_actors: EntryOwner = keyed_actors
        self.key: str = key
        self.host: object = None
        self.mailbox: Mailbox | None = None
        self.waiting: list[AnyEnvelope] = []
        self.used: float = 0.0
        self.is_open: bool = False
        self.error: BaseException | None = None
        self.farewells: list[AsyncFuture[bool]] = []

    @property
    def actor_name(self) -> str:
        """The name of the class of the actor."""
        return self.keyed_actors.actor_name

    @property
    def name(self) -> str:
        """Whose messages these are, for errors."""
        return f"{self.actor_name} with key {self.key!r}"

    def opened(self, error: BaseException | None) -> None:
        """Learn that the actor is ready, or why it never will be."""
        self.is_open = error is None
        self.error = error

    def failure(self) -> DuologueError:
        """What those get whose messages nobody will handle."""
        if self.error is None:
            return SystemClosedError(self.name)
        failure = ActivationError(self.actor_name, self.key, repr(self.error))
        failure.__cause__ = self.error
        return failure

    def closed(self, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""
        self.keyed_actors.take_back(self, mailbox)

    def bury(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message for the key; callable from any thread."""
        self.keyed_actors.bury(envelope, reason, error)

    # The others are called under the lock of the directory.

    def take(self, envelope: AnyEnvelope) -> Displaced | None:
        """Give a message to the actor, or keep it until there is one.

        Returns:
            What has to go for it, and why.

        Raises:
            NoRoomError: If there is a bound and no room.
        """
        mailbox = self.mailbox
        if mailbox is None:
            self.waiting.append(envelope)
        else:
            mailbox.add(envelope)
        return None

    def hand_over(self, mailbox: Mailbox) -> list[Displaced]:
        """Give what waits to a new actor.

        Returns:
            What has to go for others, and why.
        """
        for envelope in self.waiting:
            mailbox.add(envelope)
        self.waiting = []
        self.mailbox = mailbox
        return []

    def take_over(self, mailbox: Mailbox) -> bool:
        """Take what is left from an actor that has gone.

        Returns:
            Whether there is something for the next one.
        """
        self.mailbox = None
        self.waiting = self._for_the_next(mailbox.drain())
        return bool(self.waiting)

    def stragglers(self, mailbox: Mailbox) -> list[AnyEnvelope]:
        """Take what came too late for an actor that has gone before."""
        return self._for_the_next(mailbox.drain())

    def give_up(self, error: Exception) -> list[AnyEnvelope]:
        """Hold nothing any more.

        Returns:
            The messages that nobody will handle.
        """
        del error
        waiting, self.waiting = self.waiting, []
        return self._for_the_next(waiting)

    def _for_the_next(self, left: Iterable[object]) -> list[AnyEnvelope]:
        """Leave out what has come true: requests to stop and to go."""
        messages: list[AnyEnvelope] = []
        for envelope in map(enveloped, left):
            if is_from_runtime(envelope):
                self.bury(envelope)
            else:
                messages.append(envelope)
        return messages


class BoundedKeyEntry(KeyEntry):
    """An entry of a class whose mailboxes have a bound.

    Attributes:
        queue: The messages for the key, whether or not it has an actor.
    """

    __slots__ = ("queue",)

    def __init__(self, keyed_actors: EntryOwner, key: str, bounds: Bounded) -> None:
        super().__init__(keyed_actors, key)
        self.queue = bounds.queue(self)

    def take(self, envelope: AnyEnvelope) -> Displaced | None:
        """Put a message into the queue, whether or not there is an actor.

        Returns:
            What has to go for it, and why.

        Raises:
            NoRoomError: If there is no room.
        """
        return self.queue.offer(envelope)

    def hand_over(self, mailbox: Mailbox) -> list[Displaced]:
        """Lend the queue to a new actor.

        Returns:
            What has to go for others, and why.
        """
        told_by_itself = mailbox.borrow(self.queue)
        self.mailbox = mailbox
        return [] if told_by_itself is None else told_by_itself.move_to(self.queue)

    def take_over(self, mailbox: Mailbox) -> bool:
        """Keep what is left by an actor that has gone; with nothing left, close.

        Returns:
            Whether there is something for the next one.
        """
        del mailbox
        self.mailbox = None
        for envelope in self.queue.take_runtime_envelopes():
            self.bury(envelope)
        return not self.queue.close_if_empty()

    def stragglers(self, mailbox: Mailbox) -> list[AnyEnvelope]:
        """None: what came too late is in the queue already, which all are lent."""
        del mailbox
        return []

    def give_up(self, error: Exception) -> list[AnyEnvelope]:
        """Hold nothing any more and let nobody in.

        Returns:
            The messages that nobody will handle.
        """
        return self._for_the_next(self.queue.close(error))
