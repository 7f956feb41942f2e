"""The engine port: durable mailboxes and the snapshots that belong to them.

An engine keeps, for every key, a queue of mail and one snapshot. A key begins with its
kind, such as `dialog/`. The engine leases keys that have mail to a process that serves
their kind; there the key is opened, the first piece of mail handled and the turn
committed: the new snapshot, the removal of the mail, the mail for others, what is owed to
the screens of chats and what is to come at a later time become visible together or not
at all.

Engines are in this process or in others, so every call may fail with an
`EngineUnavailableError`, which means that nobody knows whether it had its effect. Who
called asks again, or lets the lease end: whatever holds is told by the next `open`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, Self


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
class Owed:
    """A drawing that a commit owes to a chat, kept until it has been made.

    Attributes:
        screen: The key of the chat's screen, such as `screen/max.1:42`.
        id: Names it among all that is owed; whoever owes it chooses the name.
        body: What is to be done, already serialised.
    """

    screen: str
    id: str
    body: bytes


@dataclass(slots=True)
class TimedLetter:
    """A letter that is put into its mailbox at a time.

    Attributes:
        id: Names it among those of its mailbox. A new one takes the place of an old one.
        key: The mailbox.
        at: When, in seconds since 1970 (UTC); None takes it back.
        body: The message. Its mail is named after the letter and its time.
    """

    id: str
    key: str
    at: float | None
    body: bytes = b""


@dataclass(slots=True)
class Opened:
    """A key opened for one turn.

    Attributes:
        key: Whose turn it is.
        token: Proves the right to commit; unique to this opening.
        snapshot: The state that the last commit wrote, or None before the first.
        mail: The message to handle.
        attempt: How often this message has been opened by this process, this time
            included.
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
    """Where mail and snapshots are kept. All calls are made on one event loop.

    Every call of a coroutine may raise an `EngineUnavailableError`: its outcome is unknown.
    """

    @property
    def durable(self) -> bool:
        """Whether accepted mail survives the end of the process."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes work on the same mailboxes at the same time."""
        ...

    @property
    def name(self) -> str:
        """Names this process among those that share the engine."""
        ...

    @property
    def problem(self) -> str | None:
        """Why nothing can be accepted or committed now; None if all is well."""
        ...

    async def __aenter__(self) -> Self:
        """Begin; before, nothing else may be called but `serve` and `enqueue`."""
        ...

    async def __aexit__(self, *_: object) -> None:
        """Write what is still to be written, and let go of everything."""
        ...

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        """Put mail at the ends of mailboxes, in order; wait while one of them is full.

        A key may be leased before this returns. When it returns, the mail is safe: as
        safe as the engine can make it.

        Raises:
            EngineNameError: A key or an id has half of a character (a lone surrogate);
                nothing has been put.
            EngineClosedError: The engine takes nothing any more.
        """
        ...

    def serve(
        self,
        kinds: Collection[str],
        slots: int,
        ready: Callable[[str], None],
        schema: int = 0,
    ) -> None:
        """Lease keys that have mail, or are owed something, to this process.

        The kind of a key is what stands before its first colon, such as
        `dialog/max.1`, or before its first slash; if both are served, the longer one
        counts. The longest waiting key comes first. Whoever serves a kind anew takes it
        over, but for the keys that are leased. A leased key is nobody else's until
        `open` finds no mail, or `commit`, `fail` or `park` ends the lease.

        A key of a screen is leased if it is owed something from before; what this
        process owes while it serves the kind is its own to draw.

        Args:
            kinds: Which kinds of keys.
            slots: How many keys of all these kinds at the same time, at the most; with 0
                nothing is leased any more.
            ready: Is called on the loop with each key that has been leased. It must be
                quick and must not raise.
            schema: Keys that were parked for a higher number stay where they are.
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
        owed: Sequence[Owed] = (),
        timed: Sequence[TimedLetter] = (),
        keep: bool = False,
    ) -> Opened | None:
        """End a turn: write everything that it changed, or nothing.

        Args:
            opened: The turn.
            snapshot: The new state; None leaves it as it was.
            outbox: Mail for this and other mailboxes, in order.
            owed: What is owed to screens from now on, in order.
            timed: Letters for later, and those that are taken back.
            keep: Whether to begin the next turn of this key at once.

        Returns:
            The next turn if `keep` is set and there is mail; otherwise None, and
            the lease is over.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            EngineNameError: A name has half of a character.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the engine's limit.
        """
        ...

    async def fail(
        self,
        opened: Opened,
        *,
        error: str,
        retry: bool,
        snapshot: bytes | None = None,
        owed: Sequence[Owed] = (),
    ) -> None:
        """End a turn that has failed: its mail stays, or is a dead letter.

        Args:
            opened: The turn.
            error: What went wrong, for the dead letter.
            retry: Whether the mail stays for another attempt; otherwise it
                becomes a dead letter.
            snapshot: The state from now on, which knows that this mail was given up;
                None leaves it as it was. It may be a little over the engine's limit.
            owed: What is owed to screens from now on, in order, such as the answer to
                a press. With `retry` neither is given.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        ...

    async def park(self, opened: Opened, schema: int) -> None:
        """Leave a key to a program that understands it; nothing of it is lost.

        It is leased again when somebody serves its kind with a schema as high, and its
        mail waits until then.

        Args:
            opened: The turn that found out.
            schema: The number that is needed; see `Settings.schema`.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        ...

    async def owed(
        self, screen: str, *, new: bool = False
    ) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row as `drawn` wrote it last.

        Args:
            screen: The screen.
            new: Only what others owe, and this has not told before; where nobody else
                uses the engine, all the same.
        """
        ...

    def mine(self, screen: str) -> bool:
        """Whether this process draws what is owed to a screen.

        Where nobody else uses the engine, it is always so.
        """
        ...

    async def hand(self, opened: Opened, to: str) -> bool:
        """Hand a key on to another process that shares the engine, with all its mail.

        Args:
            opened: The turn that found out that it belongs there.
            to: The name of that process.

        Returns:
            Whether it has heard of it, and so will open the key.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        ...

    def tell(self, process: str, message: bytes) -> None:
        """Tell another process something, which may be lost."""
        ...

    def listen(
        self, heard: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> None:
        """Be told on the loop what other processes tell this one, and take from it.

        Args:
            heard: Is called with each message.
            lost: Is called with the key of a screen on which this process was drawing
                and on which another one draws from now on.
        """
        ...

    async def drawn(
        self,
        screen: str,
        done: Sequence[str],
        *,
        letters: Sequence[Letter] = (),
        row: bytes | None = None,
    ) -> None:
        """Note what is not owed any more, and tell mailboxes of it; all or nothing.

        It returns when this is accepted, and is safe with whatever is written next. The
        letters are taken even where there is no room.

        Args:
            screen: The screen.
            done: The ids of what was drawn, or never will be.
            letters: Mail about it.
            row: What whoever draws the rest has to know from now on: nothing if it is
                empty, and what it was before if it is None.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        ...

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it."""
        ...

    async def hold(
        self, name: str, token: str, seconds: float, *, value: bytes | None = None
    ) -> bytes | None:
        """Be the only holder of a name for a while, and keep a value with it.

        Engines of one process grant it to whoever asks.

        Args:
            name: What is held, such as `poller/max.1`.
            token: Names the holder; unique to it.
            seconds: For how long.
            value: What is kept from now on, safe with whatever is written next; None
                keeps what is there.

        Returns:
            The value that is kept now.

        Raises:
            FencedError: Somebody else holds it.
        """
        ...

    def waiting(self) -> int:
        """How many messages are in the mailboxes, being handled or not; any thread."""
        ...

    async def unserved(self, kind: str) -> int:
        """How many messages wait for somebody who serves a kind, such as `dialog/max.1`.

        From a thousand mailboxes on it may be their number.
        """
        ...

    def timed(self) -> int:
        """How many letters wait for their time; any thread."""
        ...

    def parked(self) -> int:
        """How many keys wait for a program that understands them; any thread."""
        ...

    def dead_letters(self) -> Sequence[FailedMail]:
        """The newest dead letters, oldest first."""
        ...

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        ...
