"""Errors of actors, their directories and their mailboxes."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class BlockingCallError(DuologueError):
    """A call would have made a thread that runs actors wait for one of them.

    Attributes:
        call: The call that was refused.
        instead: The awaitable form to use.
    """

    def __init__(self, call: str, instead: str) -> None:
        super().__init__(call, instead)
        self.call = call
        self.instead = instead

    def __str__(self) -> str:
        return (
            f"{self.call} would block this thread, which runs actors, and could wait"
            f" for ever; write `{self.instead}`"
        )


class AmbiguousSystemError(DuologueError):
    """An actor was started without a system while several are open.

    Attributes:
        actor: The class of the actor.
        systems: How many systems are open.
    """

    def __init__(self, actor: str, systems: int) -> None:
        super().__init__(actor, systems)
        self.actor = actor
        self.systems = systems

    def __str__(self) -> str:
        return (
            f"{self.actor}.start() cannot choose among {self.systems} open actor"
            f" systems; write `system.start({self.actor}, ...)`"
        )


class SystemClosedError(DuologueError):
    """An actor or a message came to an actor system that is not open.

    Attributes:
        subject: The actor, or the key and class of the one that was meant.
    """

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject

    def __str__(self) -> str:
        return (
            f"the actor system of {self.subject} is not open; do this inside"
            " `async with ActorSystem()`"
        )


class MessageCancelledError(DuologueError):
    """The coroutine that handled a message was cancelled; its actor lives on.

    Attributes:
        actor: The actor.
        message: The class of the message.
    """

    def __init__(self, actor: str, message: str) -> None:
        super().__init__(actor, message)
        self.actor = actor
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.actor} was cancelled while it handled a message of class"
            f" {self.message}; send it again if it may be handled twice"
        )


class ActorClassError(DuologueError):
    """A directory cannot do what was asked with a class of actors.

    Attributes:
        actor: The name of the class.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor


class UnknownActorClassError(ActorClassError):
    """A directory was asked for an actor of a class that it does not know."""

    def __str__(self) -> str:
        return (
            f"the directory does not know how to make {self.actor}; call"
            f" `directory.register({self.actor}, factory)` first"
        )


class ActorClassTakenError(ActorClassError):
    """A class was registered in a directory for a second time."""

    def __str__(self) -> str:
        return (
            f"{self.actor} is registered in this directory already; register each"
            " class once, or a subclass of it"
        )


class ActivationError(DuologueError):
    """A directory could not bring an actor to life.

    Attributes:
        actor: The class of the actor.
        key: Its key.
        reason: What its factory or its first hook raised.
    """

    def __init__(self, actor: str, key: str, reason: str) -> None:
        super().__init__(actor, key, reason)
        self.actor = actor
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.actor} with key {self.key!r} could not be activated"
            f" ({self.reason}); its messages have failed, the next one tries again"
        )


class VirtualDeadlockError(DuologueError):
    """A virtual loop has nothing left to do, and somebody still waits.

    Attributes:
        waiting: Where the unfinished tasks wait, each as one line.
    """

    def __init__(self, waiting: tuple[str, ...]) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def __str__(self) -> str:
        where = "; ".join(self.waiting) or "no task"
        return (
            "nothing can ever wake this loop: no timer, no socket, no job in a"
            f" thread; waiting: {where}; await something that will happen"
        )
