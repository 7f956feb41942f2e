"""The ref of an actor that is known by its key."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar, overload

from pykka._envelope import Envelope

from duologue.actors._actor import AsyncActor
from duologue.actors._directory._keyed_actors import KeyedActors
from duologue.actors._futures._ask import Ask
from duologue.actors._futures._blocking import refuse_to_block
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._mailbox._bounded_queue import NoRoomError
from duologue.actors._mailbox._envelope import AnyEnvelope
from duologue.actors._mailbox._room import room, wait_for_room, wait_for_room_to_ask
from duologue.actors._pykka._local import Local
from duologue.actors._ref import Reply
from duologue.errors import SystemClosedError

A = TypeVar("A", bound=AsyncActor)
R = TypeVar("R")


class KeyedRef(Local, Generic[A]):
    """The ref of the actor for a key: valid before there is one and after it has gone.

    Refs are cheap, equal if they mean the same actor, and safe to use from any thread. A
    ref cannot be pickled: send its key to another process.

    Attributes:
        key: The key.
    """

    __slots__ = ("_keyed_actors", "key")

    def __init__(self, keyed_actors: KeyedActors[A], key: str) -> None:
        self._keyed_actors = keyed_actors
        self.key: str = key

    def __repr__(self) -> str:
        return f"<KeyedRef for {self.actor_class.__name__} {self.key!r}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, KeyedRef)
            and other._keyed_actors is self._keyed_actors  # pyright: ignore[reportUnknownMemberType] # any class
            and other.key == self.key
        )

    def __hash__(self) -> int:
        return hash((self.actor_class, self.key))

    @property
    def actor_class(self) -> type[A]:
        """The class of the actor."""
        return self._keyed_actors.actor_class

    def tell(self, message: object, *, timeout: float | None = None) -> None:
        """Send a message and expect no answer; it makes the actor if there is none.

        Args:
            message: The message.
            timeout: Seconds to wait for room in a mailbox with a bound that lets
                senders wait; what its `Bounded` says when left out.

        Raises:
            SystemClosedError: If the actor system is not open.
            ActivationError: If this waits for room, and the actor cannot be made.
            MailboxFullError: If the mailbox has a bound and there is no room, or none
                in time. What waits for the actor to be made counts as well. On a
                thread that runs actors this never waits: there write
                `await ref.send(message)`.
            MailboxSettingError: If this waits, and the timeout is no number.
        """
        try:
            self._keyed_actors.deliver(self.key, Envelope(message))
        except NoRoomError as full:
            wait_for_room(self._put, full, timeout)

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
            SystemClosedError: If the actor system is not open.
            ActivationError: If this waits for room, and the actor cannot be made.
            MailboxFullError: If there is no room, or none in time.
            MailboxSettingError: If this waits, and the timeout is no number.
        """
        try:
            self._put(Envelope(message))
        except NoRoomError as full:
            await room(self._put, full, timeout)

    @overload
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

    def ask(
        self, message: object, *, block: bool = True, timeout: float | None = None
    ) -> Reply:
        """Send a message and get the answer, or a future of it.

        Args:
            message: The message; it makes the actor if there is none.
            block: Whether to wait for the answer in this thread.
            timeout: Seconds to wait at most, for room in the mailbox and for the
                answer together.

        Returns:
            The answer; with `block=False` an `AsyncFuture` of it. The answer may be
            `ActivationError`, `SystemClosedError`, `MailboxFullError` or what the
            actor raised.

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
        try:
            self._put(Envelope(message, reply_to=future))
        except SystemClosedError:
            future.set_exception()
        except NoRoomError as full:
            timeout = wait_for_room_to_ask(self._put, full, timeout, block=block)
        return future.get(timeout=timeout) if block else future

    def passivate(self) -> AsyncFuture[bool]:
        """Ask the actor to go after the messages it has already.

        Returns:
            Whether there was one, as soon as it has gone.
        """
        return self._keyed_actors.passivate(self.key)

    def _put(self, envelope: AnyEnvelope) -> None:
        self._keyed_actors.deliver(self.key, envelope)
