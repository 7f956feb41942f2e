"""The ref of a loop-hosted actor: Pykka's, made small and lazy."""

from __future__ import annotations

import threading
import uuid
from typing import Any, Literal, TypeAlias, TypeVar, cast, overload

from pykka import Actor, ActorDeadError, ActorRef
from pykka._envelope import Envelope

from duologue.actors._blocking import refuse_to_block
from duologue.actors._future import AsyncFuture, lazily
from duologue.actors._mailbox import STOPPED, AnyEnvelope, Mailbox
from duologue.actors._pykka import stop_message

A = TypeVar("A", bound=Actor)

# What an actor answers is the user's own data.
Reply: TypeAlias = Any  # type: ignore[explicit-any] # as in Pykka, see above

_urn_lock = threading.Lock()


class AsyncActorRef(ActorRef[A]):
    """Pykka's ref for an actor on an event loop; safe to use from any thread.

    The waiting forms of `ask()` and `stop()` are for threads that run no actors;
    elsewhere pass `block=False` and await the future.
    """

    __slots__ = ("_urn", "actor_class", "actor_inbox", "actor_stopped")

    actor_inbox: Mailbox  # type: ignore[mutable-override] # Pykka never sets it

    def __init__(self, actor: A, mailbox: Mailbox) -> None:
        # Pykka's __init__ would make the urn and a weak reference.
        self.actor_class: type[A] = type(actor)
        self.actor_inbox = mailbox  # pyright: ignore[reportIncompatibleVariableOverride] # as above
        self.actor_stopped: threading.Event = cast("threading.Event", mailbox)
        self._urn: str | None = None

    @property
    def actor_urn(self) -> str:  # type: ignore[override] # made when first read
        """The URN of the actor."""
        if self._urn is None:
            with _urn_lock:
                if self._urn is None:
                    self._urn = uuid.uuid4().urn
        return self._urn

    def _actor_weakref(self) -> A | None:  # type: ignore[override] # called like one
        """The actor while it lives; proxies ask for it by this name."""
        return cast("A | None", self.actor_inbox.actor)

    def is_alive(self) -> bool:
        """Whether the actor still takes messages."""
        return self.actor_inbox.phase < STOPPED

    def tell(self, message: object) -> None:
        """Send a message and expect no answer.

        Raises:
            pykka.ActorDeadError: If the actor has stopped.
        """
        mailbox = self.actor_inbox
        if mailbox.phase >= STOPPED:
            raise ActorDeadError(f"{self} not found")
        mailbox.put(Envelope(message))

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
            timeout: Seconds to wait at most.

        Returns:
            The answer; with `block=False` an `AsyncFuture` of it.

        Raises:
            pykka.Timeout: If there is no answer in time.
            BlockingCallError: If it would wait on a thread that runs actors. The
                message has not been sent.
        """
        if block:
            refuse_to_block("ask()", instead="await ref.ask(message, block=False)")
        future = self._send(message)
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
        """
        if block:
            refuse_to_block("stop()", instead="await ref.stop(block=False)")
        stopping = self._send(stop_message())

        def was_alive(timeout: float | None) -> bool:
            try:
                stopping.get(timeout=timeout)
            except ActorDeadError:
                return False
            return True

        future = lazily(was_alive, stopping)
        return future.get(timeout=timeout) if block else future

    def _send(self, message: object) -> AsyncFuture[Reply]:
        future: AsyncFuture[Reply] = AsyncFuture()
        mailbox = self.actor_inbox
        if mailbox.phase >= STOPPED:
            error = ActorDeadError(f"{self} not found")
            future.set_exception((ActorDeadError, error, None))
        else:
            envelope: AnyEnvelope = Envelope(message, reply_to=future)
            mailbox.put(envelope)
        return future
