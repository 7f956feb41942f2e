"""The bounded queue: what the queues of all overflow policies have in common.

It has the methods of `queue.SimpleQueue` that a mailbox uses. What it guarantees, under
any number of threads: at most `capacity` messages of users are in; what the runtime sends
itself always gets in and does not count; a sender is never overtaken by a later one; and
one that gives up is either in or out.

It does so with one lock around every step, and nothing waits in here: a message that has
to wait for room stays outside, in order, and the get that makes room lets it in. What
runs under the lock is this module, its policies and the `==` of the users' keys. Dead
letters are made outside of it, since their hook is the user's.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from abc import ABC, abstractmethod
from typing import Protocol, TypeAlias

from duologue.actors._mailbox._dead_letters import DeadLetterReason
from duologue.actors._mailbox._envelope import AnyEnvelope, is_from_runtime
from duologue.errors import MailboxFullError

# A message that had to go for another one, and why.
Displaced: TypeAlias = tuple[AnyEnvelope, DeadLetterReason]


class NotTakenError(Exception):
    """A message that a queue did not take; never seen outside of the runtime."""


class QueueClosedError(NotTakenError):
    """The queue takes nothing any more."""


class NoRoomError(NotTakenError):
    """The queue is full.

    Attributes:
        queue: The queue.
        envelope: The message.
    """

    def __init__(self, full: BoundedQueue, envelope: AnyEnvelope) -> None:
        super().__init__()
        self.queue = full
        self.envelope = envelope

    def refuse(self, *, instead: str | None = None) -> MailboxFullError:
        """Make a dead letter of the message, and an error for its sender."""
        owner = self.queue.owner
        error = MailboxFullError(owner.name, self.queue.capacity, instead)
        owner.bury(self.envelope, DeadLetterReason.REJECTED, error)
        return error


class QueueOwner(Protocol):
    """Who gets the messages of a queue that nobody will handle."""

    @property
    def name(self) -> str:
        """Whose, for errors."""
        ...

    def bury(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message."""


class BoundedQueue(ABC):
    """A queue of at most `capacity` messages, besides the runtime's own.

    Attributes:
        capacity: How many may wait.
        owner: Whose queue it is.
        timeout: Seconds that a sender waits for room, unless it says otherwise.
    """

    __slots__ = (
        "_counted",
        "_is_closed",
        "_lock",
        "_successor",
        "capacity",
        "owner",
        "timeout",
    )

    def __init__(
        self, capacity: int, owner: QueueOwner, *, timeout: float | None = None
    ) -> None:
        self.capacity: int = capacity
        self.owner: QueueOwner = owner
        self.timeout: float | None = timeout
        self._counted: int = 0
        self._is_closed = False
        self._lock = threading.RLock()
        self._successor: BoundedQueue | None = None

    def put(self, envelope: AnyEnvelope) -> None:
        """Add a message, or do what the queue does when it is full.

        Raises:
            NoRoomError: If it is full and the message has to stay outside.
            QueueClosedError: If it takes nothing any more.
        """
        lost = self.offer(envelope)
        if lost is not None:
            self.owner.bury(*lost)

    def offer(self, envelope: AnyEnvelope) -> Displaced | None:
        """Add a message as `put` does, but leave to the caller what has to go for it.

        Returns:
            What has to go, and why.

        Raises:
            NoRoomError: If it is full and the message has to stay outside.
            QueueClosedError: If it takes nothing any more.
        """
        with self._lock:
            if self._successor is not None:
                return self._successor.offer(envelope)
            if self._is_closed:
                raise QueueClosedError
            if is_from_runtime(envelope):
                self._append(envelope)
                return None
            return self._take(envelope)

    def get(self) -> AnyEnvelope:
        """Take the oldest message out.

        Raises:
            queue.Empty: If there is none.
        """
        with self._lock:
            return self._next()

    get_nowait = get

    def move_to(self, successor: BoundedQueue) -> list[Displaced]:
        """Put all messages before those of another queue, which takes later ones too.

        Returns:
            What has to go for others, and why.
        """
        with self._lock:
            self._successor = successor
            moved: list[AnyEnvelope] = []
            with contextlib.suppress(queue.Empty):
                while True:  # each lets in one that waits for room
                    moved.append(self._next())
            return successor.prepend(moved)

    def prepend(self, envelopes: list[AnyEnvelope]) -> list[Displaced]:
        """Put messages before all others, whether or not there is room.

        Returns:
            What has to go for others, and why.
        """
        superseded: list[Displaced] = []
        with self._lock:
            envelopes = [*envelopes, *self._clear()]
            self._counted = 0
            for envelope in envelopes:
                old = self._append(envelope)
                if old is not None:
                    superseded.append((old, DeadLetterReason.SUPERSEDED))
                elif not is_from_runtime(envelope):
                    self._counted += 1
        return superseded

    def take_runtime_envelopes(self) -> list[AnyEnvelope]:
        """Take out the runtime's own messages and leave the others."""
        with self._lock:
            waiting = self._clear()
            for envelope in waiting:
                if not is_from_runtime(envelope):
                    self._append(envelope)
            return [envelope for envelope in waiting if is_from_runtime(envelope)]

    def close_if_empty(self) -> bool:
        """Take nothing any more, provided that no message is left.

        Returns:
            Whether the queue has closed.
        """
        with self._lock:
            self._is_closed = self._is_closed or self.empty()
            return self._is_closed

    def close(self, error: Exception) -> list[AnyEnvelope]:
        """Take nothing any more.

        Returns:
            The messages that were in, then those that waited to get in.
        """
        with self._lock:
            self._is_closed = True
            self._counted = 0
            return [*self._clear(), *self._turn_away(error)]

    @abstractmethod
    def empty(self) -> bool:
        """Whether no message is waiting."""

    @abstractmethod
    def qsize(self) -> int:
        """How many messages are waiting, the runtime's own included."""

    @abstractmethod
    def _take(self, envelope: AnyEnvelope) -> Displaced | None:
        """Take a message that counts; say which one has to go for it."""

    @abstractmethod
    def _append(self, envelope: AnyEnvelope) -> AnyEnvelope | None:
        """Put a message at the end; say whose place it has taken instead."""

    @abstractmethod
    def _pop(self) -> AnyEnvelope:
        """Take the first message out, or raise `queue.Empty`."""

    @abstractmethod
    def _clear(self) -> list[AnyEnvelope]:
        """Take all messages out."""

    def _next(self) -> AnyEnvelope:
        envelope = self._pop()
        if not is_from_runtime(envelope):
            self._counted -= 1
        return envelope

    def _turn_away(self, error: Exception) -> list[AnyEnvelope]:
        """Let those who wait for room get an error instead."""
        del error
        return []
