"""The ref of a loop-hosted actor: Pykka's, made small and lazy."""

from __future__ import annotations

import threading
from functools import partial
from queue import SimpleQueue
from typing import Any, Literal, TypeAlias, TypeVar, cast, overload

from pykka import Actor, ActorDeadError, ActorProxy
from pykka._envelope import Envelope

from duologue.actors._futures._ask import Ask
from duologue.actors._futures._blocking import refuse_to_block
from duologue.actors._futures._future import AsyncFuture, OwnEnd, Stopping
from duologue.actors._mailbox._bounded_queue import (
    NoRoomError,
    QueueClosedError,
)
from duologue.actors._mailbox._envelope import AnyEnvelope, RuntimeEnvelope
from duologue.actors._mailbox._mailbox import STOPPED, Mailbox
from duologue.actors._mailbox._room import room, wait_for_room, wait_for_room_to_ask
from duologue.actors._pykka._local import Local
from duologue.actors._pykka._proxy import AsyncActorProxy
from duologue.actors._pykka._pykka import stop_message
from duologue.actors._pykka._registry import AnyRef, LazyRef
from duologue.actors._pykka._stop_reason import Killed, StopReason
from duologue.errors import OwnEndError, SystemClosedError

A = TypeVar("A", bound=Actor)
R = TypeVar("R")

_KILLED = Killed()

# What an actor answers is the user's own data.
Reply: TypeAlias = Any  # type: ignore[explicit-any] # as in Pykka, see above


class AsyncActorRef(Local, LazyRef[A]):
    """Pykka's ref for an actor on an event loop; safe to use from any thread.

    Copies of it are the ref itself. It means nothing in another process, so it cannot be
    pickled. The waiting forms of `ask()` and `stop()` are for threads that run no actors;
    elsewhere pass `block=False` and await the future.
    """

    __slots__ = ("actor_class", "actor_inbox")

    actor_inbox: Mailbox  # type: ignore[mutable-override] # Pykka never sets it

    def __init__(self, actor: A, mailbox: Mailbox) -> None:
        # Pykka's __init__ would make the urn and a weak reference.
        self.actor_class: type[A] = type(actor)
        self.actor_inbox = mailbox  # pyright: ignore[reportIncompatibleVariableOverride] # as above
        self._urn = None

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override] # never set
        """What is set when the actor has stopped: its mailbox, which saves room."""
        return cast("threading.Event", self.actor_inbox)

    def _actor_weakref(self) -> A | None:  # type: ignore[override] # called like one
        """The actor while it lives; proxies ask for it by this name."""
        return cast("A | None", self.actor_inbox.actor)

    def is_alive(self) -> bool:
        """Whether the actor still takes messages."""
        return self.actor_inbox.phase < STOPPED

    def tell(self, message: object, *, timeout: float | None = None) -> None:
        """Send a message and expect no answer.

        Args:
            message: The message.
            timeout: Seconds to wait for room in a mailbox with a bound that lets
                senders wait; what its `Bounded` says when left out.

        Raises:
            pykka.ActorDeadError: If the actor has stopped, or stops while this waits.
            MailboxFullError: If the mailbox has a bound and there is no room, or none
                in time. On a thread that runs actors this never waits: there write
                `await ref.send(message)`.
            MailboxSettingError: If this waits, and the timeout is no number.
        """
        mailbox = self.actor_inbox
        messages = mailbox.queue
        content = message
        if (
            type(messages) is SimpleQueue
            and mailbox.phase < STOPPED
            and not isinstance(content, Envelope)
        ):
            # The usual case, in few steps and without an envelope; see Mailbox.put().
            messages.put(message)
            if not mailbox.scheduled:
                mailbox.wake()
        else:
            self._tell(Envelope(message), timeout)

    def _tell(self, envelope: AnyEnvelope, timeout: float | None) -> None:
        mailbox = self.actor_inbox
        if mailbox.phase >= STOPPED:
            raise self._dead(envelope)
        try:
            try:
                mailbox.put(envelope)
            except NoRoomError as full:
                wait_for_room(mailbox.put, full, timeout)
        except QueueClosedError:
            raise self._dead(envelope) from None

    async def send(
        self,
        message: object,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in tell()
    ) -> None:
        """Send a message as `tell()` does, and wait for room on the running loop.

        If it is cancelled while it waits, the message is either in the mailbox, as
        there was room before, or has not been sent. An actor that waits for room in
        its own mailbox waits until the timeout.

        Args:
            message: The message.
            timeout: Seconds to wait for room at most; what the `Bounded` of the
                mailbox says when left out.

        Raises:
            pykka.ActorDeadError: If the actor has stopped, or stops while this waits.
            MailboxFullError: If there is no room, or none in time.
            MailboxSettingError: If this waits, and the timeout is no number.
        """
        mailbox = self.actor_inbox
        envelope: AnyEnvelope = Envelope(message)
        if mailbox.phase >= STOPPED:
            raise self._dead(envelope)
        try:
            try:
                mailbox.put(envelope)
            except NoRoomError as full:
                await room(mailbox.put, full, timeout)
        except QueueClosedError:
            raise self._dead(envelope) from None

    @overload  # type: ignore[override] # the same calls are valid
    def ask(
        self, message: Ask[R], *, block: Literal[False], timeout: float | None = None
    ) -> AsyncFuture[R]: ...

    @overload
    def ask(
        self,
        message: Ask[R],
        *,
        block: Literal[True] = True,
        timeout: float | None = None,
    ) -> R: ...

    @overload
    def ask(
        self, message: object, *, block: Literal[False], timeout: float | None = None
    ) -> AsyncFuture[Reply]: ...

    @overload
    def ask(
        self, message: object, *, block: Literal[True], timeout: float | None = None
    ) -> Reply: ...

    @overload
    def ask(
        self, message: object, *, block: bool = True, timeout: float | None = None
    ) -> Reply: ...

    def ask(  # pyright: ignore[reportIncompatibleMethodOverride] # the same calls are valid
        self, message: object, *, block: bool = True, timeout: float | None = None
    ) -> Reply:
        """Send a message and get the answer, or a future of it.

        Args:
            message: The message.
            block: Whether to wait for the answer in this thread.
            timeout: Seconds to wait at most, for room in the mailbox and for the
                answer together.

        Returns:
            The answer; with `block=False` an `AsyncFuture` of it, which fails with
            `MailboxFullError` if the mailbox has a bound and no room.

        Raises:
            pykka.Timeout: If there is no answer in time.
            MailboxFullError: If the mailbox has a bound and there is no room, or none
                in time. The message has not been sent.
            BlockingCallError: If it would wait on a thread that runs actors. The
                message has not been sent.
        """
        if block:
            refuse_to_block("ask()", instead="await ref.ask(message, block=False)")
        future: AsyncFuture[Reply] = AsyncFuture()
        envelope: AnyEnvelope = Envelope(message, reply_to=future)
        mailbox = self.actor_inbox
        if mailbox.phase >= STOPPED:
            self._dead(envelope)
        else:
            try:
                try:
                    mailbox.put(envelope)
                except NoRoomError as full:
                    timeout = wait_for_room_to_ask(
                        mailbox.put, full, timeout, block=block
                    )
            except QueueClosedError:
                self._dead(envelope)
        return future.get(timeout=timeout) if block else future

    @overload
    def stop(self, *, block: Literal[True], timeout: float | None = None) -> bool: ...

    @overload
    def stop(
        self, *, block: Literal[False], timeout: float | None = None
    ) -> AsyncFuture[bool]: ...

    @overload
    def stop(
        self, *, block: bool = True, timeout: float | None = None
    ) -> bool | AsyncFuture[bool]: ...

    def stop(
        self, *, block: bool = True, timeout: float | None = None
    ) -> bool | AsyncFuture[bool]:
        """Ask the actor to stop after the messages it has already.

        Args:
            block: Whether to wait for that in this thread.
            timeout: Seconds to wait at most.

        Returns:
            Whether it was alive; with `block=False` an `AsyncFuture` of that.

        Raises:
            pykka.Timeout: If it has not stopped in time.
            BlockingCallError: If it would wait on a thread that runs actors. The
                actor has not been told.
            OwnEndError: If the actor itself would wait, which ends after the message
                that it handles; with `block=False` when the future is awaited.
        """
        host = self.actor_inbox.host
        is_own = host is not None and host.is_in_turn(self.actor_inbox)
        if block:
            if is_own:
                raise OwnEndError(str(self))
            refuse_to_block(
                "stop()",
                instead="await ref.stop(block=False)`, or in the actor itself "
                "`self.stop()",
            )
        future = self._send(stop_message(), OwnEnd(self) if is_own else Stopping())
        return future.get(timeout=timeout) if block else future

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the actor has stopped; None while it lives."""
        return self.actor_inbox.reason

    @overload
    def kill(self, *, block: Literal[True], timeout: float | None = None) -> bool: ...

    @overload
    def kill(
        self, *, block: Literal[False], timeout: float | None = None
    ) -> AsyncFuture[bool]: ...

    @overload
    def kill(
        self, *, block: bool = True, timeout: float | None = None
    ) -> bool | AsyncFuture[bool]: ...

    def kill(
        self, *, block: bool = True, timeout: float | None = None
    ) -> bool | AsyncFuture[bool]:
        """End the actor now.

        The coroutine that handles a message is cancelled, what waits is not handled,
        no hook runs, and its children are killed too. A coroutine that suppresses
        its cancellation is waited for.

        Args:
            block: Whether to wait in this thread until it has gone.
            timeout: Seconds to wait at most.

        Returns:
            Whether it was alive; with `block=False` an `AsyncFuture` of that.

        Raises:
            pykka.Timeout: If it has not gone in time.
            BlockingCallError: If it would wait on a thread that runs actors. The
                actor lives on.
        """
        if block:
            refuse_to_block("kill()", instead="await ref.kill(block=False)")
        mailbox = self.actor_inbox
        was_alive = mailbox.phase < STOPPED
        mailbox.stop(_KILLED)
        gone: AsyncFuture[object] = AsyncFuture()
        # Whoever closes the mailbox answers it.
        mailbox.put_from_runtime(RuntimeEnvelope(stop_message(), gone))
        if mailbox.host is not None:
            mailbox.host.post(partial(mailbox.host.cut_off, cast("AnyRef", self)))
        future = gone.map(lambda _: was_alive)
        return future.get(timeout=timeout) if block else future

    def proxy(self: AsyncActorRef[A]) -> ActorProxy[A]:
        """A proxy of the actor.

        Raises:
            pykka.ActorDeadError: If the actor has stopped.
        """
        return AsyncActorProxy(actor_ref=self)

    def _send(self, message: object, future: AsyncFuture[R]) -> AsyncFuture[R]:
        """Send a message of the runtime's own."""
        mailbox = self.actor_inbox
        if mailbox.phase >= STOPPED:
            error = ActorDeadError(f"{self} not found")
            future.set_exception((ActorDeadError, error, None))
        else:
            mailbox.put_from_runtime(RuntimeEnvelope(message, future))
        return future

    def _dead(self, envelope: AnyEnvelope) -> Exception:
        """Make a dead letter of what came too late, and an error for its sender."""
        host = self.actor_inbox.host
        error: Exception = ActorDeadError(f"{self} not found")
        if host is not None and host.is_lost:
            error = SystemClosedError(str(self))
        self.actor_inbox.bury(envelope, error=error)
        return error
