"""The engine port: durable mailboxes and the snapshots that belong to them.

An engine keeps, for every key, a queue of mail and one snapshot. A key begins with its
kind, such as `dialog/`. The engine leases keys that have mail to a process that serves
their kind; there the key is opened, the first piece of mail handled and the turn
committed: the new snapshot, the removal of the mail and the mail for others become
visible together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Mail:
    """One message in a mailbox.

    Attributes:
        id: Names it among all mail; the sender chooses it.
        body: Its content, already serialised.
    """

    id: str
    body: bytes


@dataclass(slots=True)
class Letter:
    """Mail and where it goes.

    Attributes:
        key: The mailbox.
        mail: The message.
    """

    key: str
    mail: Mail


@dataclass(slots=True)
class Opened:
    """A key opened for one turn.

    Attributes:
        key: Whose turn it is.
        token: Proves the right to commit; unique to this opening.
        snapshot: The state that the last commit wrote, or None before the first.
        mail: The message to handle.
        attempt: How often this message has been opened, this time included.
    """

    key: str
    token: str
    snapshot: bytes | None
    mail: Mail
    attempt: int


@dataclass(slots=True)
class FailedMail:
    """Mail that nobody could handle.

    Attributes:
        key: The mailbox it was in.
        mail: The message.
        error: Why it was given up.
    """

    key: str
    mail: Mail
    error: str


class Engine(Protocol):
    """Where mail and snapshots are kept. All calls are made on one event loop."""

    @property
    def durable(self) -> bool:
        """Whether accepted mail survives the end of the process."""
        ...

    async def enqueue(self, letter: Letter) -> None:
        """Put mail at the end of a mailbox; wait while it is full.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        ...

    def serve(
        self, kinds: Collection[str], slots: int, ready: Callable[[str], None]
    ) -> None:
        """Lease keys that have mail to this process, the longest waiting first.

        The kind of a key is what stands before its first slash, or all of it. Whoever
        serves a kind anew takes it over, but for the keys that are leased. A leased key is nobody else's until `open` finds no mail, or `commit` or `fail`
        ends the lease.

        Args:
            kinds: Which kinds of keys.
            slots: How many keys of all these kinds at the same time, at the most.
            ready: Is called on the loop with each key that has been leased. It must be
                quick and must not raise.
        """
        ...

    async def open(self, key: str) -> Opened | None:
        """Begin a turn; None if the key is not leased, or not any more for want of mail."""
        ...

    async def commit(
        self,
        opened: Opened,
        *,
        snapshot: bytes | None,
        outbox: Sequence[Letter] = (),
        keep: bool = False,
    ) -> Opened | None:
        """End a turn: write everything that it changed, or nothing.

        Args:
            opened: The turn.
            snapshot: The new state; None leaves it as it was.
            outbox: Mail for this and other mailboxes, in order.
            keep: Whether to begin the next turn of this key at once.

        Returns:
            The next turn if `keep` is set and there is mail; otherwise None, and
            the lease is over.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the engine's limit.
        """
        ...

    async def fail(self, opened: Opened, *, error: str, retry: bool) -> None:
        """End a turn without a trace in the state.

        Args:
            opened: The turn.
            error: What went wrong, for the dead letter.
            retry: Whether the mail stays for another attempt; otherwise it
                becomes a dead letter.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        ...

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it."""
        ...

    def waiting(self) -> int:
        """How many messages are in the mailboxes, being handled or not; any thread."""
        ...

    def dead_letters(self) -> Sequence[FailedMail]:
        """The newest dead letters, oldest first."""
        ...

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        ...
