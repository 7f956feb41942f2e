"""Bounds of mailboxes: how many messages may wait, and what to do with one more."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from duologue.actors._mailbox._bounded_queue import BoundedQueue, QueueOwner
from duologue.actors._mailbox._envelope import AnyEnvelope, Coalesced
from duologue.actors._mailbox._queues import (
    CoalescingQueue,
    DropOldestQueue,
    RejectQueue,
    WaitQueue,
)
from duologue.actors._time._seconds import is_seconds
from duologue.errors import MailboxSettingError

# A message is the user's own data.
KeyOf: TypeAlias = Callable[[Any], Hashable]  # type: ignore[explicit-any] # see above


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The overflow policy by which a newer message replaces a waiting one.

    Attributes:
        key: Takes a message and gives its key; None if it replaces no other. It is
            called in the thread of the sender, for calls through proxies too.
    """

    key: KeyOf


def coalesce(key: KeyOf) -> Coalesce:
    """Let a message take the place of a waiting one with the same key.

    A mailbox that is full without such a message refuses.

    Args:
        key: Takes a message and gives its key; None if it replaces no other. It is
            called in the thread of the sender, for calls through proxies too.
    """
    return Coalesce(key)


Overflow: TypeAlias = Literal["wait", "reject", "drop_oldest"] | Coalesce

_QUEUES: dict[str, type[DropOldestQueue | RejectQueue | WaitQueue]] = {
    "wait": WaitQueue,
    "reject": RejectQueue,
    "drop_oldest": DropOldestQueue,
}


@dataclass(frozen=True, slots=True)
class Bounded:
    """A mailbox with a bound, for the class attribute `mailbox` of an actor.

    What users send counts while it waits: messages, asks, calls through proxies. The
    message that is being handled does not, and neither does what the runtime sends
    itself, such as the request to stop.

    Attributes:
        capacity: How many messages may wait; at least 1.
        overflow: What to do with one too many. `"wait"`: its sender waits.
            `"reject"`: its sender gets `MailboxFullError`. `"drop_oldest"`: it takes
            the room of the message that has waited longest. `coalesce(key)`: it takes
            the place of a waiting one with the same key, else it is rejected.
        timeout: Seconds that a sender waits for room unless it says otherwise; None
            waits for ever. For `"wait"` only.

    Raises:
        MailboxSettingError: If one of them is none of that.
    """

    capacity: int
    overflow: Overflow = "wait"
    timeout: float | None = None

    def __post_init__(self) -> None:
        if type(self.capacity) is not int or self.capacity < 1:
            raise MailboxSettingError("capacity", repr(self.capacity), "1 or more")
        if not _is_policy(self.overflow):
            raise MailboxSettingError("overflow", repr(self.overflow), _POLICIES)
        is_wait = self.overflow == "wait" and is_seconds(self.timeout)
        if self.timeout is not None and not is_wait:
            raise MailboxSettingError("timeout", repr(self.timeout), _TIMEOUTS)

    def queue(self, owner: QueueOwner) -> BoundedQueue:
        """Make a queue with this bound for a mailbox."""
        if isinstance(self.overflow, Coalesce):
            return CoalescingQueue(self.capacity, owner, address=self.addressed)
        kind = _QUEUES[self.overflow]
        return kind(self.capacity, owner, timeout=self.timeout)

    def addressed(self, envelope: AnyEnvelope) -> AnyEnvelope:
        """Work out the key of a message, if this mailbox wants one.

        Raises:
            MailboxSettingError: If the key cannot be hashed.
        """
        if not isinstance(self.overflow, Coalesce):
            return envelope
        key = self.overflow.key(envelope.message)
        try:
            hash(key)
        except TypeError:
            expected = "a hashable value"
            raise MailboxSettingError("coalesce(key)", repr(key), expected) from None
        return Coalesced(envelope.message, envelope.reply_to, key)


_POLICIES = '"wait", "reject", "drop_oldest" or coalesce(key)'
_TIMEOUTS = 'seconds from 0 on, and only with overflow="wait"'


def _is_policy(overflow: object) -> bool:
    if isinstance(overflow, Coalesce):
        return callable(overflow.key)
    return isinstance(overflow, str) and overflow in _QUEUES


def bounds_of(actor_class: type) -> Bounded | None:
    """The bound of the mailboxes of a class; None if they have none."""
    bounds: object = getattr(actor_class, "mailbox", None)
    return bounds if isinstance(bounds, Bounded) else None


def check_bounds(actor_class: type) -> None:
    """Look at the class attribute `mailbox` of a new class.

    Raises:
        MailboxSettingError: If it is neither a `Bounded` nor None.
    """
    bounds: object = getattr(actor_class, "mailbox", None)
    if bounds is not None and not isinstance(bounds, Bounded):
        subject = f"{actor_class.__name__}.mailbox"
        raise MailboxSettingError(subject, repr(bounds), "Bounded(...) or None")
