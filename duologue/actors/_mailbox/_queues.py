"""Queues with a bound, one for each thing to do when they are full."""

from __future__ import annotations

import queue
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from duologue.actors._mailbox._bounded_queue import (
    BoundedQueue,
    Displaced,
    NoRoomError,
    QueueOwner,
)
from duologue.actors._mailbox._dead_letters import DeadLetterReason
from duologue.actors._mailbox._envelope import (
    AnyEnvelope,
    Coalesced,
    Waiting,
    is_from_runtime,
)


class _DequeQueue(BoundedQueue):
    """Keeps its messages in a deque."""

    __slots__ = ("_messages",)

    def __init__(
        self, capacity: int, owner: QueueOwner, *, timeout: float | None = None
    ) -> None:
        super().__init__(capacity, owner, timeout=timeout)
        self._messages: deque[AnyEnvelope] = deque()

    def empty(self) -> bool:
        """Whether no message is waiting."""
        return not self._messages

    def qsize(self) -> int:
        """How many messages are waiting, the runtime's own included."""
        return len(self._messages)

    def _append(self, envelope: AnyEnvelope) -> None:
        self._messages.append(envelope)

    def _pop(self) -> AnyEnvelope:
        if not self._messages:
            raise queue.Empty
        return self._messages.popleft()

    def _clear(self) -> list[AnyEnvelope]:
        messages = list(self._messages)
        self._messages.clear()
        return messages


class RejectQueue(_DequeQueue):
    """A full one refuses."""

    __slots__ = ()

    def _take(self, envelope: AnyEnvelope) -> None:
        if self._counted >= self.capacity:
            raise NoRoomError(self, envelope)
        self._counted += 1
        self._messages.append(envelope)


class WaitQueue(_DequeQueue):
    """A full one lets senders wait outside, and in again in the order they came."""

    __slots__ = ("_outside",)

    def __init__(
        self, capacity: int, owner: QueueOwner, *, timeout: float | None = None
    ) -> None:
        super().__init__(capacity, owner, timeout=timeout)
        # As long as there is room nobody is outside.
        self._outside: OrderedDict[Waiting, None] = OrderedDict()

    def withdraw(self, envelope: Waiting) -> bool:
        """Let a message wait for room no longer.

        Returns:
            Whether it was still outside; else its `room` is ready.
        """
        with self._lock:
            return self._outside.pop(envelope, self) is None

    def _take(self, envelope: AnyEnvelope) -> None:
        if self._counted < self.capacity:
            self._admit(envelope)
        elif isinstance(envelope, Waiting):
            envelope.outside = self
            self._outside[envelope] = None
        else:
            raise NoRoomError(self, envelope)

    def _admit(self, envelope: AnyEnvelope) -> None:
        self._counted += 1
        self._messages.append(envelope)
        if isinstance(envelope, Waiting):
            envelope.room.set(None)

    def _pop(self) -> AnyEnvelope:
        envelope = super()._pop()
        # It still counts.
        has_room = self._counted <= self.capacity and not is_from_runtime(envelope)
        if has_room and self._outside:
            self._admit(self._outside.popitem(last=False)[0])
        return envelope

    def _turn_away(self, error: Exception) -> list[AnyEnvelope]:
        outside = list(self._outside)
        self._outside.clear()
        for envelope in outside:
            envelope.room.set_exception((type(error), error, None))
        return list[AnyEnvelope](outside)


class DropOldestQueue(_DequeQueue):
    """A full one lets go of its oldest message."""

    __slots__ = ()

    def _take(self, envelope: AnyEnvelope) -> Displaced | None:
        self._messages.append(envelope)
        if self._counted < self.capacity:
            self._counted += 1
            return None
        oldest = next(
            place
            for place, message in enumerate(self._messages)
            if not is_from_runtime(message)
        )
        lost = self._messages[oldest]
        del self._messages[oldest]
        return lost, DeadLetterReason.DROPPED


class CoalescingQueue(BoundedQueue):
    """A message takes the place of a waiting one with its key; a full one refuses."""

    __slots__ = ("_address", "_messages")

    def __init__(
        self,
        capacity: int,
        owner: QueueOwner,
        *,
        address: Callable[[AnyEnvelope], AnyEnvelope],
    ) -> None:
        super().__init__(capacity, owner)
        self._address = address
        # A message without a key is its own key.
        self._messages: OrderedDict[Hashable, AnyEnvelope] = OrderedDict()

    def put(self, envelope: AnyEnvelope) -> None:
        """Add a message, or do what the queue does when it is full.

        Raises:
            NoRoomError: If it is full and the message has to stay outside.
            QueueClosedError: If it takes nothing any more.
        """
        if not (isinstance(envelope, Coalesced) or is_from_runtime(envelope)):
            # It calls what the user wrote, so not under the lock.
            envelope = self._address(envelope)
        super().put(envelope)

    def empty(self) -> bool:
        """Whether no message is waiting."""
        return not self._messages

    def qsize(self) -> int:
        """How many messages are waiting, the runtime's own included."""
        return len(self._messages)

    def _take(self, envelope: AnyEnvelope) -> Displaced | None:
        if _key(envelope) not in self._messages:
            if self._counted >= self.capacity:
                raise NoRoomError(self, envelope)
            self._counted += 1
        old = self._append(envelope)
        return None if old is None else (old, DeadLetterReason.SUPERSEDED)

    def _append(self, envelope: AnyEnvelope) -> AnyEnvelope | None:
        key = _key(envelope)
        old = self._messages.get(key)
        self._messages[key] = envelope
        return old

    def _pop(self) -> AnyEnvelope:
        if not self._messages:
            raise queue.Empty
        return self._messages.popitem(last=False)[1]

    def _clear(self) -> list[AnyEnvelope]:
        messages = list(self._messages.values())
        self._messages.clear()
        return messages


def _key(envelope: AnyEnvelope) -> Hashable:
    if isinstance(envelope, Coalesced) and envelope.key is not None:
        return envelope.key
    return envelope
