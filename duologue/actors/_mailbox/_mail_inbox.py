"""The inbox of an actor whose mail lies outside of it.

A dialog actor takes its messages from the mailbox of an engine, in the order and at the
time the engine gives out. Its inbox carries nothing but the end: the messages by which
Pykka and the runtime stop an actor or let it go. When there is mail, `ring()` puts the
actor on the ready queue of its host, where one piece of mail counts as one message: for
its batch, for the quantum of the host and for draining. The end comes before the mail;
what the actor leaves unread waits outside for the next actor.

All of it is used on the loop of the actor, but for `put`, which any thread may call.
"""

from __future__ import annotations

import queue
from collections import deque
from typing import Final, Protocol

from duologue.actors._mailbox._envelope import AnyEnvelope, is_from_runtime
from duologue.errors import OutsideMailError


class _MailSign:
    """What an actor is given when there is mail: it knows where that lies."""


MAIL: Final = _MailSign()


class Owner(Protocol):
    """The mailbox of the actor.

    Attributes:
        scheduled: Whether a turn is coming.
    """

    scheduled: bool

    @property
    def name(self) -> str:
        """The name of the class of the actor."""
        ...

    def wake(self) -> None:
        """Ask for a turn."""


class MailInbox:
    """The inbox of an actor whose mail lies outside of it.

    Args:
        mailbox: That of the actor.

    Attributes:
        has_mail: Whether there is mail for the actor; it says itself when there is none
            any more.
    """

    __slots__ = ("_commands", "_mailbox", "has_mail")

    def __init__(self, mailbox: Owner) -> None:
        self.has_mail: bool = False
        self._mailbox = mailbox
        self._commands: deque[AnyEnvelope] = deque()

    def ring(self) -> None:
        """Note that there is mail, and ask for a turn."""
        self.has_mail = True
        if not self._mailbox.scheduled:
            self._mailbox.wake()

    def put(self, envelope: AnyEnvelope) -> None:
        """Take a message of the runtime's own.

        Raises:
            OutsideMailError: It is somebody else's.
        """
        if not is_from_runtime(envelope):
            raise OutsideMailError(self._mailbox.name)
        self._commands.append(envelope)

    def empty(self) -> bool:
        """Whether the actor has nothing to do."""
        return not (self.has_mail or self._commands)

    def qsize(self) -> int:
        """How many messages are lost if nobody takes them: mail is not."""
        return len(self._commands)

    def get_nowait(self) -> object:
        """Take the next message, or the sign that there is mail."""
        if self._commands:
            return self._commands.popleft()
        if self.has_mail:
            return MAIL
        raise queue.Empty

    def get(self) -> object:
        """Take the next message; never waits for one, since no thread may."""
        return self.get_nowait()
