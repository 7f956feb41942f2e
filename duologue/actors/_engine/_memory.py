"""The engine that keeps everything in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from duologue.actors._engine._engine import (
    FailedMail,
    Letter,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.actors._engine._local import LocalMailboxes, check_letters
from duologue.actors._engine._timed import TimedLetters, mail_of
from duologue.errors import EngineClosedError


class MemoryEngine(LocalMailboxes):
    """Mailboxes and snapshots in memory; they end with the process.

    Snapshots and mail are bytes here too, so two turns never share an object and
    what cannot be serialised shows on the first run.

    Args:
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are remembered.
    """

    def __init__(
        self,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1_048_576,
        max_dead_letters: int = 1000,
    ) -> None:
        super().__init__(
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._snapshots: dict[str, bytes] = {}
        self._owed: dict[str, dict[str, Owed]] = {}
        self._rows: dict[str, bytes] = {}
        self._held: dict[str, bytes] = {}
        self._timed = TimedLetters(self._deliver)

    async def __aenter__(self) -> Self:
        """Begin; leases of an earlier run are lost, and all else is there."""
        self._restart()
        self._timed.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing any more."""
        self._timed.stop()
        self.close()

    @property
    def durable(self) -> bool:
        """False: mail ends with the process."""
        return False

    @property
    def problem(self) -> str | None:
        """None: memory is always there."""
        return None

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        """Put mail at the ends of mailboxes, in order; wait while one of them is full.

        Raises:
            EngineNameError: One of them has a name that cannot be written.
            EngineClosedError: The engine takes nothing any more.
        """
        check_letters(letters)
        for letter in letters:
            self._put(letter.key, await self._room(letter.key), letter.mail)

    async def open(self, key: str) -> Opened | None:
        """Begin a turn; None if the key is not leased."""
        return self._begin(key, self._snapshots.get(key))

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

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the engine's limit.
        """
        box = self._owned(opened)
        self._check(opened.key, snapshot, outbox, owed, timed)
        if snapshot is not None:
            self._snapshots[opened.key] = snapshot
        box.pop()
        if outbox:
            self._put_all(outbox)
        self._owe(owed)
        for letter in timed:
            self._timed.set(letter)
        if box.waiters:
            box.admit(self._capacity)
        if keep and box.mail:
            return self._begin(opened.key, self._snapshots.get(opened.key))
        self._release(opened.key, box)
        return None

    def is_idle(self, key: str) -> bool:
        """Whether a mailbox is empty, nobody has it, and mail would be taken."""
        return key not in self._boxes and not self._closed

    def peek(self, key: str) -> bytes | None:
        """The snapshot of a key."""
        return self._snapshots.get(key)

    def put(self, key: str, snapshot: bytes, timed: Sequence[TimedLetter]) -> None:
        """Write what a turn of an idle key would, in the step in which it was peeked at.

        Raises:
            SnapshotTooLargeError: The snapshot is over the engine's limit.
        """
        if timed or len(snapshot) > self._max_snapshot:
            self._check(key, snapshot, (), (), timed)
        self._snapshots[key] = snapshot
        for letter in timed:
            self._timed.set(letter)

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

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        box = self._owned(opened)
        if not retry:
            box.pop()
            box.admit(self._capacity)
            self._dead.append(FailedMail(opened.key, opened.mail, error))
            if snapshot is not None:
                self._snapshots[opened.key] = snapshot
            self._owe(owed)
        self._release(opened.key, box)

    def _owe(self, owed: Sequence[Owed]) -> None:
        for one in owed:
            self._owed.setdefault(one.screen, {})[one.id] = one

    async def park(self, opened: Opened, schema: int) -> None:
        """Leave a key to a program that understands it; nothing of it is lost.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        box = self._owned(opened)
        box.parked = schema
        self._release(opened.key, box)

    async def owed(
        self,
        screen: str,
        *,
        new: bool = False,  # noqa: ARG002  # it is asked once
    ) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row."""
        return tuple(self._owed.get(screen, {}).values()), self._rows.get(screen)

    async def drawn(
        self,
        screen: str,
        done: Sequence[str],
        *,
        letters: Sequence[Letter] = (),
        row: bytes | None = None,
    ) -> None:
        """Note what is not owed any more, and tell mailboxes of it.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        if self._closed:
            raise EngineClosedError(screen)
        owed = self._owed.get(screen)
        if owed is not None:
            for one in done:
                owed.pop(one, None)
            if not owed:
                del self._owed[screen]
        if row:
            self._rows[screen] = row
        elif row is not None:
            self._rows.pop(screen, None)
        if letters:
            self._put_all(letters)

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it."""
        return self._snapshots.get(key)

    async def hold(
        self,
        name: str,
        token: str,  # noqa: ARG002  # whoever asks has it
        seconds: float,  # noqa: ARG002  # the same
        *,
        value: bytes | None = None,
    ) -> bytes | None:
        """Keep a value under a name; whoever asks holds it."""
        if value is not None:
            self._held[name] = value
        return self._held.get(name)

    def timed(self) -> int:
        """How many letters wait for their time; any thread."""
        return len(self._timed)

    def _owing(self) -> Iterable[str]:
        return tuple(self._owed | self._rows)

    def _deliver(self, timed: TimedLetter) -> None:
        """Put a letter into its mailbox, though that be full: its time has come."""
        self._put(timed.key, self._box(timed.key), mail_of(timed))
