"""The mailbox of an actor: its inbox and its stop flag in one small object.

A million idle actors are a million of these, so it makes its queue with the first
message and its event with the first thread that waits.
"""

from __future__ import annotations

import queue
import threading
from typing import Protocol, TypeAlias

from pykka import Actor, ActorDeadError
from pykka._envelope import Envelope

from duologue.actors._pykka import is_stop

AnyEnvelope: TypeAlias = Envelope[object]

NEW, STARTING, RUNNING, STOPPED, CLOSED = range(5)

_lock = threading.Lock()


class Scheduler(Protocol):
    """What a mailbox asks of its host."""

    def schedule(self, mailbox: Mailbox) -> None:
        """Give the mailbox a turn soon; callable from any thread."""


class Keeper(Protocol):
    """Whoever made the actor of a mailbox and outlives it."""

    def opened(self, error: BaseException | None) -> None:
        """Learn that the actor is ready, or why it never will be."""

    def closed(self, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""


class Mailbox:
    """Messages on their way to one actor; Pykka's inbox and stopped event.

    Attributes:
        actor: Who reads it; None before it is made and once it is closed.
        host: Who gives it turns; None until the actor has started.
        keeper: Takes the messages that were not handled when the mailbox closed;
            without one they are answered with `ActorDeadError`.
        phase: How far its actor has come; from `STOPPED` on nothing is handled.
        queue: The messages, once there has been one.
        scheduled: Whether a turn is coming, so that a put need not ask for one.
        suspended: Whether a coroutine is in the middle of a message.
    """

    __slots__ = (
        "_event",
        "actor",
        "host",
        "keeper",
        "phase",
        "queue",
        "scheduled",
        "suspended",
    )

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self.host: Scheduler | None = None
        self.keeper: Keeper | None = None
        self.phase: int = NEW
        self.queue: queue.SimpleQueue[AnyEnvelope] | None = None
        # Until it is attached to a host nobody can give it a turn.
        self.scheduled: bool = True
        self.suspended: bool = False
        self._event: threading.Event | None = None

    def put(self, envelope: AnyEnvelope, /) -> None:
        """Add a message; callable from any thread."""
        self.add(envelope)
        # In this order: whoever clears the flag looks at the queue afterwards.
        if not self.scheduled:
            self.wake()

    def add(self, envelope: AnyEnvelope) -> None:
        """Add a message without asking for a turn."""
        messages = self.queue
        if messages is None:
            messages = self._make_queue()
        messages.put(envelope)

    def get(self) -> AnyEnvelope:
        """Take the oldest message out; waits for one."""
        return (self.queue or self._make_queue()).get()

    def empty(self) -> bool:
        """Whether no message is waiting."""
        messages = self.queue
        return messages is None or messages.empty()

    def is_set(self) -> bool:
        """Whether the actor has stopped, as Pykka's stopped event says it."""
        return self.phase >= STOPPED

    def set(self) -> None:
        """Handle no further message."""
        with _lock:
            self.phase = max(self.phase, STOPPED)
            event = self._event
        if event is not None:
            event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread until the actor has stopped.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it has stopped.
        """
        with _lock:
            if self.phase >= STOPPED:
                return True
            if self._event is None:
                self._event = threading.Event()
        return self._event.wait(timeout)

    def attach(self, host: Scheduler, *, at_once: bool) -> None:
        """Let a host give it turns from now on.

        Args:
            host: Who runs the actor.
            at_once: Whether the actor has something to do before its first
                message.
        """
        self.host = host
        self.phase = STARTING if at_once else RUNNING
        if at_once:
            host.schedule(self)
        else:
            self.rest()

    def rest(self) -> None:
        """Note that no turn is coming, unless a message has arrived meanwhile."""
        self.scheduled = False
        if not self.empty():
            self.wake()

    def wake(self) -> None:
        """Ask for a turn; answer the messages if there will be none."""
        if self.phase == CLOSED:
            self._flush()
        elif self.host is not None:
            self.scheduled = True
            self.host.schedule(self)

    def close(self) -> None:
        """Let go of the actor and answer what it has not handled."""
        with _lock:
            self.phase = CLOSED
            event = self._event
        if event is not None:
            event.set()
        self.actor = None
        self.scheduled = False
        self._flush()

    def _make_queue(self) -> queue.SimpleQueue[AnyEnvelope]:
        with _lock:
            if self.queue is None:
                self.queue = queue.SimpleQueue()
            return self.queue

    def drain(self) -> list[AnyEnvelope]:
        """Take out every message that is waiting."""
        left: list[AnyEnvelope] = []
        while self.queue is not None:
            try:
                left.append(self.queue.get_nowait())
            except queue.Empty:
                break
        return left

    def _flush(self) -> None:
        if self.keeper is not None:
            self.keeper.closed(self)
        else:
            for envelope in self.drain():
                answer_for_the_dead(envelope)


def answer_for_the_dead(envelope: AnyEnvelope, error: Exception | None = None) -> None:
    """Answer a message that no actor will handle.

    Args:
        envelope: The message. One that asks to stop has got what it asked for.
        error: What its sender gets; `ActorDeadError` when left out.
    """
    if envelope.reply_to is None:
        return
    if is_stop(envelope.message):
        envelope.reply_to.set(None)
        return
    if error is None:
        error = ActorDeadError("the actor stopped before handling the message")
    envelope.reply_to.set_exception((type(error), error, error.__traceback__))
