"""Refs of actors in another program, and what one can do with them."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn, Protocol, TypeVar, overload

from duologue.errors import AskTimeoutError, MessageShapeError
from duologue.messages import (
    Done,
    Event,
    Messages,
    Ref,
    Start,
    SwitchTo,
    Update,
    dump,
    tag_of,
)
from duologue.messages._recipients import Result
from duologue.remote._doors import Accepted, Door, Later
from duologue.remote._turns import Turns

T = TypeVar("T")


class Named(Protocol):
    """A state of a dialog, where the program has its class."""

    @property
    def state(self) -> str:
        """Its full name."""
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and how.

    Attributes:
        door: The way.
        source: The name of this program.
        turns: Keep the order of what goes to one actor.
    """

    door: Door
    source: str
    turns: Turns


class RemoteReceipt:
    """The promise of an outcome; await it to know what became of a message.

    Attributes:
        id: The message.
        is_duplicate: Whether it was accepted before.
    """

    __slots__ = ("_later", "id", "is_duplicate")

    def __init__(self, accepted: Accepted, later: Later) -> None:
        self.id: str = accepted.id
        self.is_duplicate: bool = accepted.is_duplicate
        self._later = later

    def __repr__(self) -> str:
        return f"<RemoteReceipt {self.id}>"

    def __await__(self) -> Generator[object, None, Result]:
        """Wait until the turn of the message is committed.

        Raises:
            NoContextError: No dialog is open.
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: What its turn has failed of.
        """
        return self._later().__await__()


class RemoteRef:
    """An actor in another program.

    It is a value: equal to every other ref of the actor, and `str(ref)` is all that
    another program needs to know.
    """

    __slots__ = ("_ref", "_sender")

    def __init__(self, ref: Ref, sender: Sender) -> None:
        self._ref = ref
        self._sender = sender

    def __str__(self) -> str:
        return str(self._ref)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._ref}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteRef) and other._ref == self._ref

    def __hash__(self) -> int:
        return hash(self._ref)

    def __reduce__(self) -> NoReturn:
        # Whoever reads it has a way and rights of their own.
        problem = f"write str(ref), and read it with remote.ref({str(self)!r})"
        raise TypeError(problem)

    async def tell(
        self,
        message: object,
        *,
        id: str | None = None,  # noqa: A002  # the word of the envelope
        expires_in: float | None = None,
    ) -> Accepted:
        """Tell it something. When this returns, the message is in its mailbox.

        What does not arrive is sent again, and is handled once. Calls to one actor by one
        `RemoteRuntime` arrive in their order.

        Args:
            message: A value of a class with a tag.
            id: Names the message, so that a later run of this program can send it again
                without its being handled twice; one is made where it is left out.
            expires_in: Seconds after which it is worth nothing; a day where left out.

        Raises:
            RemoteUnavailableError: The bot could not be reached.
            UnknownMessageError: No handler takes its class there.
            DuologueError: Why it was refused.
        """
        event = self._event(message, id, expires_in)
        async with self._sender.turns.of(str(self)):
            return await self._sender.door.tell(event)

    @overload
    async def ask(
        self,
        message: object,
        answer: None = None,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109  # it travels with the question
    ) -> object: ...

    @overload
    async def ask(
        self,
        message: object,
        answer: type[T],
        *,
        timeout: float = 5.0,  # noqa: ASYNC109  # it travels with the question
    ) -> T: ...

    async def ask(
        self,
        message: object,
        answer: type[T] | None = None,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109  # it travels with the question
    ) -> T | object:
        """Ask it something, and return what it answers.

        A question is not sent again once it may have arrived.

        Args:
            message: A value of a class with a tag.
            answer: The class of the answer, which has a tag too; what is answered is
                JSON where it is left out.
            timeout: Seconds until it is not waited for any more. A question whose turn
                comes later is dropped.

        Raises:
            AskTimeoutError: There was no answer in time.
            RemoteUnavailableError: The bot could not be reached.
            MessageShapeError: The answer is no value of its class.
            DuologueError: Why there is none.
        """
        event = self._event(message, None, timeout)
        try:
            result = await self._sender.door.ask(event, timeout)
        except TimeoutError:
            raise AskTimeoutError(str(self), timeout) from None
        if answer is None:
            return result.data
        expected = tag_of(answer)
        if result.type not in {None, expected}:
            raise MessageShapeError(expected, "", f"the answer is a {result.type}")
        found = Messages([answer]).load(expected, result.data)
        assert isinstance(found, answer)  # noqa: S101  # its tag is that of the class
        return found

    def _event(self, message: object, name: str | None, seconds: float | None) -> Event:
        tag, data = dump(message)
        now = datetime.now(UTC)
        return Event(
            id=name or uuid.uuid4().hex,
            source=self._sender.source,
            type=tag,
            subject=self._ref,
            data=data,
            time=now,
            expires=None if seconds is None else now + timedelta(seconds=seconds),
        )


class RemoteDialog(RemoteRef):
    """The dialogs of a user in a chat, in another program.

    The calls are those of a `BgManager`; each returns when it is in the mailbox, and
    gives a receipt.
    """

    __slots__ = ()

    async def start(
        self,
        state: str | Named,
        data: object = None,
        *,
        mode: str = "normal",
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> RemoteReceipt:
        """Open the dialog that has a window for a state.

        Args:
            state: The state, or its full name, such as `Shop:cart`.
            data: What the dialog finds as `start_data`; JSON.
            mode: `normal`, `reset_stack` or `new_stack`.
            show_mode: `auto`, `edit`, `send`, `delete_and_send` or `no_update`.
            id: Names the call; see `tell`.

        Raises:
            UnknownStateError: No window has the state.
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        return await self._call(Start(_name(state), data, mode, show_mode), id)

    async def update(
        self,
        data: dict[str, object] | None = None,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> RemoteReceipt:
        """Merge data into the open dialog, and have it drawn anew.

        Raises:
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        return await self._call(Update(data or {}, show_mode), id)

    async def done(
        self,
        result: object = None,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> RemoteReceipt:
        """Close the open dialog, and hand the result to the one below.

        Raises:
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        return await self._call(Done(result, show_mode), id)

    async def switch_to(
        self,
        state: str | Named,
        *,
        show_mode: str | None = None,
        id: str | None = None,  # noqa: A002  # the word of the envelope
    ) -> RemoteReceipt:
        """Show another window of the open dialog.

        Raises:
            UnknownStateError: No window has the state.
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        return await self._call(SwitchTo(_name(state), show_mode), id)

    async def _call(self, message: object, name: str | None) -> RemoteReceipt:
        event = self._event(message, name, None)
        async with self._sender.turns.of(str(self)):
            return RemoteReceipt(*await self._sender.door.send(event))


def _name(state: str | Named) -> str:
    return state if isinstance(state, str) else state.state
