"""The mailbox of an actor: its inbox and its stop flag in one small object.

A million idle actors are a million of these, so it makes its queue with the first
message and its event with the first thread that waits.

Who puts a message does so first and looks at `scheduled` afterwards; who takes the turn
clears the flag first and looks at the queue afterwards. So whatever two threads do, a
message that is in has a turn coming, perhaps one too many, and no lock is needed for it.
The phases only go up; `close()` comes last, after which every message that still gets in
is flushed to the keeper: the next actor of the key, or the dead letters.

The locks of the actors can be entered again by the thread that holds them, for one
failure: the collector runs a finaliser in the middle of anything, also of a step under a
lock. If that tells an actor it must not hang its thread; more it is not promised.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable, Sequence
from itertools import repeat, starmap
from typing import Protocol, TypeAlias, cast

from pykka import Actor, ActorDeadError

from duologue.actors._mailbox._bounded import bounds_of
from duologue.actors._mailbox._bounded_queue import BoundedQueue, QueueClosedError
from duologue.actors._mailbox._dead_letters import (
    NOBODYS,
    DeadLetterReason,
    DeadLetters,
    bury,
)
from duologue.actors._mailbox._envelope import AnyEnvelope, RuntimeEnvelope, enveloped
from duologue.actors._mailbox._mail_inbox import MailInbox
from duologue.actors._pykka._registry import AnyRef
from duologue.actors._pykka._stop_reason import Stopped, StopReason
from duologue.actors._time._clock import Clock
from duologue.actors._time._restart_delays import RestartDelays

Messages: TypeAlias = queue.SimpleQueue[object] | BoundedQueue | MailInbox

NEW, STARTING, RUNNING, STOPPED, CLOSED = range(5)

_ASKED = Stopped()

_lock = threading.RLock()


class Scheduler(Protocol):
    """What a mailbox asks of its host.

    Attributes:
        dead_letters: Where messages go that nobody handles.
        clock: Time for timers and for restart_delays.
        context: In copies of it every turn starts.
        restart_delays: Those of actors that are going to begin anew.
        is_lost: Whether its loop was closed under it.
    """

    dead_letters: DeadLetters
    is_lost: bool
    clock: Clock
    context: contextvars.Context
    restart_delays: RestartDelays

    def attach(self, mailbox: Mailbox, *, at_once: bool) -> None:
        """Give an actor turns from now on; callable from any thread."""

    def schedule(self, mailbox: Mailbox) -> None:
        """Give the mailbox a turn soon; callable from any thread."""

    def post(self, callback: Callable[[], object]) -> None:
        """Call something on the loop, before the next turns; from any thread."""

    def is_here(self) -> bool:
        """Whether this is the thread of the loop."""
        ...

    def is_in_turn(self, mailbox: Mailbox) -> bool:
        """Whether the caller is the coroutine that handles a message of an actor."""
        ...

    def cut_off(self, ref: AnyRef) -> None:
        """End an actor in the middle of whatever it does; on the loop."""


class Keeper(Protocol):
    """Whoever made the actor of a mailbox and outlives it."""

    @property
    def actor_name(self) -> str:
        """The name of the class of the actor."""
        ...

    def opened(self, error: BaseException | None) -> None:
        """Learn that the actor is ready, or why it never will be."""

    def closed(self, mailbox: Mailbox) -> None:
        """Take what is left in a mailbox that has closed or was too late."""


class Mortal(Protocol):
    """What a mailbox asks of its actor besides Pykka's hooks."""

    def _after_end(self) -> None:
        """Learn that it has gone, however that came; in any thread."""


class Bonds(Protocol):
    """What ties an actor to others and to time."""

    def end(self) -> None:
        """Learn that the actor has gone."""


class Mailbox:
    """The inbox and the stopped event of one actor.

    Attributes:
        actor: Who reads it; None before it is made and once it is closed.
        host: Who gives it turns; None until the actor has started.
        keeper: Takes the messages that were not handled when the mailbox closed;
            without one they become dead letters.
        life: Children, watchers, timers and the like, once there has been one.
        phase: How far its actor has come; from `STOPPED` on nothing is handled.
        queue: The messages, once there has been one. One that was told to a mailbox
            without bounds may wait without an envelope.
        scheduled: Whether a turn is coming, so that a put need not ask for one.
        suspended: Whether a coroutine is in the middle of a message.
        reason: Why the actor has stopped; None while it lives.
    """

    __slots__ = (
        "_event",
        "actor",
        "host",
        "keeper",
        "life",
        "phase",
        "queue",
        "reason",
        "scheduled",
        "suspended",
    )

    def __init__(self) -> None:
        self.actor: Actor | None = None
        self.host: Scheduler | None = None
        self.keeper: Keeper | None = None
        self.life: Bonds | None = None
        self.phase: int = NEW
        self.queue: Messages | None = None
        # Until it is attached to a host nobody can give it a turn.
        self.scheduled: bool = True
        self.suspended: bool = False
        self.reason: StopReason | None = None
        self._event: threading.Event | None = None

    @property
    def name(self) -> str:
        """The name of the class of the actor."""
        # In this order: who lets go of the actor has a keeper.
        actor = self.actor
        if actor is not None:
            return type(actor).__name__
        return "no actor" if self.keeper is None else self.keeper.actor_name

    def put(self, envelope: AnyEnvelope, /) -> None:
        """Add a message; callable from any thread.

        Raises:
            NotTakenError: If the mailbox has bounds and is full or closed.
        """
        # Not by add(): a message more or less is the most frequent thing there is.
        messages = self.queue
        if messages is None:
            messages = self._make_queue()
        messages.put(envelope)
        # In this order: whoever clears the flag looks at the queue afterwards.
        if not self.scheduled:
            self.wake()

    def put_from_runtime(self, envelope: RuntimeEnvelope) -> None:
        """Add a message of the runtime's own; callable from any thread.

        It is never refused, takes no room in a mailbox with bounds and is no dead
        letter when nobody is left to handle it.
        """
        try:
            self.put(envelope)
        except QueueClosedError:
            self.bury(envelope)

    def add(self, envelope: AnyEnvelope) -> None:
        """Add a message without asking for a turn."""
        messages = self.queue
        if messages is None:
            messages = self._make_queue()
        messages.put(envelope)

    def get(self) -> AnyEnvelope:
        """Take the oldest message out; waits for one."""
        return enveloped((self.queue or self._make_queue()).get())

    def empty(self) -> bool:
        """Whether no message is waiting."""
        messages = self.queue
        return messages is None or messages.empty()

    def is_set(self) -> bool:
        """Whether the actor has stopped, as Pykka's stopped event says it."""
        return self.phase >= STOPPED

    def set(self) -> None:
        """Handle no further message, since somebody has asked for that."""
        self.stop(_ASKED)

    def stop(self, reason: StopReason) -> None:
        """Handle no further message; callable from any thread.

        Of several reasons the first one counts.
        """
        self._reach(STOPPED, reason)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread, `timeout` seconds at most; whether the actor has stopped."""
        with _lock:
            if self.phase >= STOPPED:
                return True
            event = self._event = self._event or threading.Event()
        return event.wait(timeout)

    def attach(self, host: Scheduler, *, at_once: bool) -> None:
        """Let a host give it turns from now on; `at_once` if it has hooks to run first."""
        # In this order: who finds the host may kill the actor.
        self.advance(NEW, STARTING if at_once else RUNNING)
        self.host = host
        if at_once:
            host.schedule(self)
        else:
            self.rest()

    def advance(self, before: int, after: int) -> bool:
        """Go on to a phase, unless somebody has stopped the actor; whether it has."""
        with _lock:
            if self.phase != before:
                return False
            self.phase = after
            return True

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
            try:
                self.scheduled = True
                self.host.schedule(self)
            except BaseException:  # Ctrl-C, say; a turn too many does no harm
                self.scheduled = False
                raise

    def foresee_end(self, error: Exception | None) -> None:
        """Settle what askers get who are left at the end; the first error counts."""
        if self.keeper is None:
            self.keeper = _Undertaker(self.name, error)

    def close(self, error: Exception | None = None) -> None:
        """Let go of the actor and answer what it has not handled.

        Without an error those who asked or wait for room get `ActorDeadError`.
        """
        self.foresee_end(error)
        self._reach(CLOSED, _ASKED)
        actor, self.actor = self.actor, None
        self.scheduled = False
        self._flush()
        life, self.life = self.life, None
        if life is not None:
            life.end()
        if actor is not None:
            cast("Mortal", actor)._after_end()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # proxies show public names

    def bury(
        self,
        envelope: AnyEnvelope,
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make a dead letter of a message to the actor; callable from any thread.

        Without an error an asker gets what follows from the reason.
        """
        self.bury_all([envelope], reason, error)

    def bury_all(
        self,
        waiting: Sequence[object],
        reason: DeadLetterReason = DeadLetterReason.STOPPED,
        error: Exception | None = None,
    ) -> None:
        """Make dead letters of messages to the actor, as `bury()` does of one."""
        host = self.host
        letters = NOBODYS if host is None else host.dead_letters
        bury(waiting, actor=self.name, letters=letters, reason=reason, error=error)

    def _reach(self, phase: int, reason: StopReason) -> None:
        """Go on to the end; of several reasons the first one counts."""
        with _lock:
            if self.reason is None:
                self.reason = reason
            self.phase = max(self.phase, phase)
            # Whoever takes it sets it: an event that is set twice at once hangs.
            event, self._event = self._event, None
        if event is not None:
            event.set()

    def _make_queue(self) -> Messages:
        bounds = bounds_of(type(self.actor))
        made: Messages = queue.SimpleQueue() if bounds is None else bounds.queue(self)
        with _lock:
            messages = self.queue = self.queue or made
        return messages

    def borrow(self, messages: BoundedQueue) -> BoundedQueue | None:
        """Hold messages in another queue from now on.

        Returns:
            The queue so far, if there was one with a bound.
        """
        with _lock:
            before, self.queue = self.queue, messages
        return before if isinstance(before, BoundedQueue) else None

    def drain(self) -> list[object]:
        """Take out every message that is waiting, in an envelope or without."""
        left: list[object] = []
        messages = self.queue
        # Two threads may drain it, so counting is not enough.
        with contextlib.suppress(queue.Empty):
            if messages is not None:
                # There may be millions, so this calls nothing of Python's.
                left.extend(starmap(messages.get_nowait, repeat((), messages.qsize())))
        return left

    def _flush(self) -> None:
        # One that closes has got a keeper before.
        if self.keeper is not None:
            self.keeper.closed(self)


class _Undertaker:
    """The keeper of a closed mailbox whose actor nobody follows."""

    __slots__ = ("_error", "actor_name")

    def __init__(self, actor_name: str, error: Exception | None) -> None:
        self.actor_name: str = actor_name
        self._error = error

    def opened(self, error: BaseException | None) -> None:
        """Nobody wants to know."""

    def closed(self, mailbox: Mailbox) -> None:
        """Make dead letters of what is left."""
        left: Sequence[object]
        if isinstance(mailbox.queue, BoundedQueue):
            left = mailbox.queue.close(
                self._error or ActorDeadError(f"{self.actor_name} has stopped")
            )
        else:
            left = mailbox.drain()
        mailbox.bury_all(left, error=self._error)
