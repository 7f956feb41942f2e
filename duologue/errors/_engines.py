"""Errors of mailboxes and snapshots."""

from __future__ import annotations

from duologue.errors._root import DialogsError, DuologueError


class EngineError(DuologueError):
    """Something about mailboxes or snapshots went wrong.

    Attributes:
        key: Whose mailbox it is.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class EngineClosedError(EngineError):
    """The engine takes no mail any more."""

    def __str__(self) -> str:
        return (
            f"nothing can be sent to {self.key}: the runtime is stopping; send it "
            "to a running one"
        )


class FencedError(EngineError):
    """A turn lost its right to commit because somebody else opened the key."""

    def __str__(self) -> str:
        return (
            f"the turn of {self.key} was taken over by another worker; its changes "
            "are dropped and the message is handled there"
        )


class MailboxFullError(EngineError):
    """A mailbox has no room left; the message has not been sent.

    Attributes:
        capacity: How many messages it can hold.
        instead: What the sender could write, if anything helps.
    """

    def __init__(self, key: str, capacity: int, instead: str | None = None) -> None:
        super().__init__(key)
        Exception.__init__(self, key, capacity, instead)
        self.capacity = capacity
        self.instead = instead

    def __str__(self) -> str:
        advice = "slow the sender down or raise capacity="
        if self.instead is not None:
            advice = f"write `{self.instead}` to wait for room"
        messages = "1 message" if self.capacity == 1 else f"{self.capacity} messages"
        return f"the mailbox of {self.key} is full ({messages}); {advice}"


class SnapshotTooLargeError(EngineError):
    """The state of one conversation grew beyond the limit.

    Attributes:
        size: Its size in bytes.
        limit: How many bytes are allowed.
    """

    def __init__(self, key: str, size: int, limit: int) -> None:
        super().__init__(key)
        Exception.__init__(self, key, size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the state of {self.key} has {self.size} bytes, {self.limit} are "
            "allowed; keep large data in a store of your own and its key here"
        )


class EngineNotAvailableError(DuologueError):
    """No engine of this kind comes with this version.

    Attributes:
        engine: What was asked for, without anything that may be secret.
    """

    def __init__(self, engine: str) -> None:
        scheme = engine.partition("://")[0]
        super().__init__(scheme)
        self.engine = scheme

    def __str__(self) -> str:
        return (
            f"this version has no {self.engine!r} engine; leave engine= out to keep "
            "everything in memory"
        )


class SnapshotVersionError(DialogsError):
    """State was written by another version of duologue.

    Attributes:
        found: The version of its format.
        known: The version that this program reads.
    """

    def __init__(self, found: int, known: int) -> None:
        super().__init__(found, known)
        self.found = found
        self.known = known

    def __str__(self) -> str:
        return (
            f"the stored state has format {self.found}, this version reads "
            f"{self.known}; run the version that wrote it, or a newer one"
        )


class UnknownCommandError(DialogsError):
    """A message in a mailbox is none that this version knows.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"a message in the mailbox cannot be read ({self.reason}); it is kept "
            "as a dead letter. Did a newer version write it?"
        )
