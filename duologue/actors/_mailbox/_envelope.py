"""What a mailbox holds: a message with its way back, and how it gets in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeAlias, cast

from pykka import Future
from pykka._envelope import Envelope

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._pykka._pykka import STOP_TYPE

AnyEnvelope: TypeAlias = Envelope[object]


class RuntimeEnvelope(Envelope[object]):
    """An envelope of the runtime's own: it always gets in and does not count.

    Requests to stop or to sleep, timers and news of other actors travel in one.
    Nobody misses it when its actor has gone, so it is no dead letter either.
    """

    __slots__ = ()


class Outside(Protocol):
    """Where messages wait for room."""

    def withdraw(self, envelope: Waiting) -> bool:
        """Let one wait no longer; whether it was still there."""
        ...


class Waiting(Envelope[object]):
    """An envelope whose sender waits until there is room for it.

    Attributes:
        room: Is set as soon as the message is in; fails if it never will be.
        outside: The queue that had no room for it, if there was one.
    """

    __slots__ = ("outside", "room")

    def __init__(self, envelope: AnyEnvelope) -> None:
        super().__init__(envelope.message, envelope.reply_to)
        self.room: AsyncFuture[None] = AsyncFuture()
        self.outside: Outside | None = None

    def withdraw(self) -> bool:
        """Let it wait for room no longer.

        Returns:
            Whether it was still outside; else its `room` is ready.
        """
        return self.outside is not None and self.outside.withdraw(self)


class Coalesced(Envelope[object]):
    """An envelope that takes the place of a waiting one with the same key.

    Attributes:
        key: The key; None takes no place but its own.
    """

    __slots__ = ("key",)

    def __init__(
        self, message: object, reply_to: Future[object] | None, key: Hashable
    ) -> None:
        super().__init__(message, reply_to)
        self.key = key


def enveloped(waiting: object) -> AnyEnvelope:
    """What waits in a mailbox, in an envelope; a message that was told may have none."""
    if isinstance(waiting, Envelope):
        return cast("AnyEnvelope", waiting)
    return Envelope(waiting)


def is_from_runtime(envelope: AnyEnvelope) -> bool:
    """Whether a message is the runtime's own and not a user's."""
    return type(envelope) is RuntimeEnvelope or type(envelope.message) is STOP_TYPE
