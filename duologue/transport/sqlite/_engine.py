"""The engine that keeps everything in one SQLite file.

What it guarantees: what `enqueue` and `commit` have returned for is in the file, synced; of a
turn all is there or nothing; each change is there once.

How: mailboxes, leases and letters for later are in memory, as in the engine of this process,
and every change of them is noted in the group that is written next. So

1. `enqueue` puts mail and leases its key at once, and returns after the sync;
2. `open` begins a turn on mail that need not be written yet;
3. `commit` changes the memory and the group, and the key stays leased until the sync: the
   next turn, and whoever the commit lets go on, begin after it. Mail that is handled before
   its group was taken is never written;
4. at the next start the file is read, and nobody has a lease.

It assumes that this process alone writes the file (`_place.OwnerLock`). Snapshots are in the
file; those that were used last, and those that have yet to be written, are in memory too.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from duologue.actors import (
    Clock,
    Letter,
    LoopClock,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.actors._engine._local import check_letters
from duologue.actors._engine._timed import TimedLetters, mail_of
from duologue.errors import EngineClosedError
from duologue.transport.sqlite._expiry import Expiry
from duologue.transport.sqlite._file import (
    Loaded,
    StateFile,
    connect,
    uri_of,
)
from duologue.transport.sqlite._group import Group
from duologue.transport.sqlite._layout import MIGRATIONS, Migration
from duologue.transport.sqlite._mail import WrittenMailboxes
from duologue.transport.sqlite._place import MOUNTS, OwnerLock, prepare
from duologue.transport.sqlite._reading import Reader, Snapshots, Unknown
from duologue.transport.sqlite._screens import Screens
from duologue.transport.sqlite._writer import Writer


class SqliteEngine(WrittenMailboxes):
    """Mailboxes and snapshots in a file; they survive the end of the process.

    One process owns the file. It is made for its user alone, in a folder that is made
    when it is missing. Everything that was accepted is synced to the disk.

    Args:
        path: The file.
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are kept.
        cache_bytes: How many bytes of snapshots stay in memory; the others are read
            from the file when their dialogs are used again.
        expire_after: How long a snapshot is kept that nobody uses and nothing waits
            for; None keeps all.
        patience: Seconds to wait at the start for the process that has the file.
        clock: Measures those seconds, and the one after which a write is tried again.
    """

    _mounts: ClassVar[Path] = MOUNTS
    _migrations: ClassVar[tuple[Migration, ...]] = MIGRATIONS

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        capacity: int = 1000,
        max_snapshot: int = 1_048_576,
        max_dead_letters: int = 1000,
        cache_bytes: int = 16 * 1024 * 1024,
        expire_after: timedelta | None = None,
        patience: float = 15.0,
        clock: Clock | None = None,
    ) -> None:
        self._path = Path(path)
        self._patience = patience
        self._clock = clock or LoopClock()
        self._file = StateFile(
            self._path,
            keep_dead=max_dead_letters,
            forgets=expire_after is not None,
            connect=self._connect,
            migrations=self._migrations,
        )
        writer = Writer(
            str(self._path),
            self._clock,
            keep_dead=max_dead_letters,
            write=self._file.write,
            written=self._written,
        )
        super().__init__(
            writer,
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._expiry = Expiry(
            expire_after, writer=writer, clock=self._clock, busy=self._busy
        )
        self._lock = OwnerLock(self._path)
        self._reader = Reader(lambda: self._connect(uri_of(self._path, "ro")))
        self._snapshots = Snapshots(self._reader, cache_bytes)
        self._screens = Screens(writer, self._reader)
        self._timed = TimedLetters(self._deliver)
        self._held: dict[str, bytes] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._alone_since = float("-inf")
        self._entered = asyncio.Event()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def durable(self) -> bool:
        """True: accepted mail is on the disk."""
        return True

    @property
    def problem(self) -> str | None:
        """Why the file cannot be written now; None if it can."""
        return self._writer.problem

    @property
    def alone_for(self) -> float:
        """Seconds for which surely no process before has worked with this state.

        A process that ended in order has noted when. Of one that was killed nothing is
        known but that the file was free when this one took it.
        """
        return self._clock.time() - self._alone_since

    async def __aenter__(self) -> Self:
        """Wait for the process before, open the file and read what it has.

        Raises:
            NetworkFileSystemError: The file would be on another machine.
            StateFolderError: The file cannot be made or written.
            StateInUseError: Another process has it, and does not end.
            StateDamagedError: It is broken, or something else.
            StateLayoutError: A newer version wrote it.
        """
        thread = ThreadPoolExecutor(1, "duologue-state-writer")
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(thread, prepare, self._path, self._mounts)
            await self._lock.take(thread, patience=self._patience, clock=self._clock)
            alone_since = self._clock.time()
            loaded = await loop.run_in_executor(thread, self._file.open)
        except BaseException:
            # Cancelled, perhaps: what is in the thread ends first.
            thread.submit(self._file.drop).add_done_callback(
                lambda _: self._lock.release()
            )
            thread.shutdown(wait=False)
            raise
        self._thread = thread
        self._alone_since = alone_since - loaded.ended_ago
        self._writer.start(thread, loaded.number)
        self._reader.start()
        self._fill(loaded)
        self._timed.start()
        self._expiry.start()
        self._entered.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left, and let another process have the file."""
        self._timed.stop()
        self._expiry.stop()
        self.close()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            await self._writer.stop()
        finally:
            try:
                await self._reader.stop()
            finally:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(thread, self._file.close)
                self._lock.release()
                thread.shutdown(wait=False)

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        super().close()
        self._entered.set()

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        """Put mail at the ends of mailboxes, in order; return when it is in the file.

        Raises:
            EngineNameError: One of them has a name that cannot be written.
            EngineClosedError: The engine takes nothing any more.
            EngineUnavailableError: It ended before this could be written.
        """
        check_letters(letters)
        if not self._entered.is_set():
            await self._entered.wait()
        for letter in letters:
            self._put(letter.key, await self._room(letter.key), letter.mail)
        await self._writer.safe()

    async def open(self, key: str) -> Opened | None:
        """Begin a turn; None if the key is not leased.

        Raises:
            EngineUnavailableError: The snapshot cannot be read.
        """
        while True:
            if key in self._committing:
                await self._writer.safe()
                continue
            box = self._boxes.get(key)
            if box is None or box.lessee is None:
                return None
            snapshot = self._snapshots.known(key)
            head = box.mail[0]
            if isinstance(snapshot, Unknown):
                snapshot = await self._snapshots.load(key)
            # A turn that has ended meanwhile may have written a newer one.
            if self._boxes.get(key) is box and box.mail and box.mail[0] is head:
                break
        opened = self._begin(key, snapshot)
        if self._suspects and opened is not None:
            await self._record(key)
        return opened

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
        """End a turn: write everything that it changed, or nothing; return when it is.

        Whoever cancels this does not take it back: it is written all the same, and the
        lease ends then.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the engine's limit.
            EngineUnavailableError: The engine ended before this could be written.
        """
        box = self._owned(opened)
        key = opened.key
        self._check(key, snapshot, outbox, owed, timed)
        group = self._writer.group
        if snapshot is not None:
            self._keep(key, snapshot)
        elif self._expiry.is_on:
            group.touch(key)
        self._pop(key, box)
        if outbox:
            self._put_all(outbox)
        self._owe(owed)
        for letter in timed:
            self._timed.set(letter)
            group.set_timed(letter)
        if box.waiters:
            box.admit(self._capacity)
        await self._end_turn(key, box)
        if keep and box.mail:
            if self._suspects:
                self._next_suspect()  # this one is none any more, and may go on for long
            return await self.open(key)
        self._release(key, box)
        return None

    async def owed(
        self,
        screen: str,
        *,
        new: bool = False,  # noqa: ARG002  # it is asked once
    ) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row.

        Raises:
            EngineUnavailableError: The file cannot be read.
        """
        return await self._screens.read(screen)

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
        self._screens.note(screen, done, row)
        if letters:
            self._put_all(letters)
        self._writer.soon()

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it.

        Raises:
            EngineUnavailableError: The file cannot be read.
        """
        while self._snapshots.is_unwritten(key):
            await self._writer.safe()
        snapshot = self._snapshots.known(key)
        if isinstance(snapshot, Unknown):
            return await self._snapshots.load(key)
        return snapshot

    def timed(self) -> int:
        """How many letters wait for their time; any thread."""
        return len(self._timed)

    async def hold(
        self,
        name: str,
        token: str,  # noqa: ARG002  # one process has the file
        seconds: float,  # noqa: ARG002  # the same
        *,
        value: bytes | None = None,
    ) -> bytes | None:
        """Keep a value under a name; whoever asks holds it."""
        if value is not None:
            self._held[name] = value
            self._writer.group.hold(name, value)
            self._writer.soon()
        return self._held.get(name)

    def _connect(self, database: str) -> sqlite3.Connection:
        return connect(database)

    def _fill(self, loaded: Loaded) -> None:
        """Take over what the file has."""
        self._snapshots.clear()
        self._fill_mailboxes(loaded)
        self._screens.fill(loaded)
        self._timed.clear()
        for timed in loaded.timed:
            self._timed.set(timed)
        self._held = loaded.held
        self._tokens_anew()

    def _keep(self, key: str, snapshot: bytes) -> None:
        self._snapshots.put(key, snapshot)
        self._writer.group.snapshots[key] = snapshot

    def _owe(self, owed: Sequence[Owed]) -> None:
        for one in owed:
            self._screens.owe(one)

    def _owing(self) -> Iterable[str]:
        return self._screens.busy()

    def _busy(self) -> frozenset[str]:
        """The keys whose snapshots are in use, or soon will be."""
        return frozenset(self._boxes) | self._timed.keys()

    def _deliver(self, timed: TimedLetter) -> None:
        """Put a letter into its mailbox, though that be full: its time has come."""
        self._writer.group.set_timed(TimedLetter(timed.id, timed.key, None))
        self._put(timed.key, self._box(timed.key), mail_of(timed))

    def _written(self, group: Group) -> None:
        self._snapshots.written(group)
        self._expiry.written(group)
