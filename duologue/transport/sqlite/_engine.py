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
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar, Self

from duologue.actors import (
    Clock,
    FailedMail,
    Letter,
    LoopClock,
    Mail,
    Opened,
    Owed,
    TimedLetter,
    TimerHandle,
)
from duologue.actors._engine._local import LocalMailboxes, Mailbox
from duologue.actors._engine._timed import TimedLetters, mail_of, wall_time
from duologue.errors import EngineClosedError
from duologue.transport.sqlite._file import (
    EXPIRED_AT_ONCE,
    Loaded,
    StateFile,
    connect,
    uri_of,
)
from duologue.transport.sqlite._group import Group, OwedRow
from duologue.transport.sqlite._layout import MIGRATIONS, Migration
from duologue.transport.sqlite._place import MOUNTS, OwnerLock, prepare
from duologue.transport.sqlite._reading import Reader, Snapshots, Unknown, screen_of
from duologue.transport.sqlite._suspects import Suspects
from duologue.transport.sqlite._writer import Writer

_NEXT_EXPIRY = 3600.0  # seconds between two looks for what nobody uses
_NEXT_STEP = 1.0  # seconds between two steps while there is more of it


class SqliteEngine(LocalMailboxes):
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
        super().__init__(
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._path = Path(path)
        self._patience = patience
        self._clock = clock or LoopClock()
        self._expire_after = expire_after
        self._expiring: TimerHandle | None = None
        self._file = StateFile(
            self._path,
            keep_dead=max_dead_letters,
            forgets=expire_after is not None,
            connect=self._connect,
            migrations=self._migrations,
        )
        self._lock = OwnerLock(self._path)
        self._writer = Writer(
            str(self._path),
            self._clock,
            keep_dead=max_dead_letters,
            write=self._file.write,
            written=self._written,
        )
        self._reader = Reader(lambda: self._connect(uri_of(self._path, "ro")))
        self._snapshots = Snapshots(self._reader, cache_bytes)
        self._timed = TimedLetters(self._deliver)
        self._owed: dict[str, dict[str, int]] = {}
        self._with_rows: set[str] = set()
        self._held: dict[str, bytes] = {}
        # The numbers of the messages in a mailbox, in order.
        self._numbers: dict[str, deque[int]] = {}
        # Keys whose turn is in memory and not yet in the file.
        self._committing: set[str] = set()
        self._suspects = Suspects()
        self._last_mail = self._last_owed = self._last_dead = 0
        self._thread: ThreadPoolExecutor | None = None
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
            loaded = await loop.run_in_executor(thread, self._file.open)
        except BaseException:
            # Cancelled, perhaps: what is in the thread ends first.
            thread.submit(self._file.drop).add_done_callback(
                lambda _: self._lock.release()
            )
            thread.shutdown(wait=False)
            raise
        self._thread = thread
        self._writer.start(thread, loaded.number)
        self._reader.start()
        self._fill(loaded)
        self._restart()
        self._suspects = Suspects(loaded.suspects)
        unsuspected = [key for key in self._nobody.waiting if key not in self._suspects]
        self._nobody.waiting = deque(unsuspected)
        self._timed.start()
        self._expire()
        self._entered.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left, and let another process have the file."""
        self._timed.stop()
        if self._expiring is not None:
            self._expiring.cancel()
            self._expiring = None
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

    def serve(
        self,
        kinds: Collection[str],
        slots: int,
        ready: Callable[[str], None],
        schema: int = 0,
    ) -> None:
        """Lease keys that have mail, or are owed something, to whoever calls this."""
        super().serve(kinds, slots, ready, schema)
        if self._suspects:
            self._suspects.look_again()
            self._next_suspect()

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        super().close()
        self._entered.set()

    async def enqueue(self, letters: Sequence[Letter]) -> None:
        """Put mail at the ends of mailboxes, in order; return when it is in the file.

        Raises:
            EngineClosedError: The engine takes nothing any more.
            EngineUnavailableError: It ended before this could be written.
        """
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
        self._check(key, snapshot, outbox)
        group = self._writer.group
        if snapshot is not None:
            self._snapshots.put(key, snapshot)
            group.snapshots[key] = snapshot
        elif self._expire_after is not None:
            group.touch(key)
        self._pop(key, box)
        if outbox:
            self._put_all(outbox)
        for one in owed:
            self._owe(one)
        for letter in timed:
            self._timed.set(letter)
            group.set_timed(letter)
        if box.waiters:
            box.admit(self._capacity)
        await self._end_turn(key, box)
        if keep and box.mail:
            return await self.open(key)
        self._release(key, box)
        return None

    async def fail(self, opened: Opened, *, error: str, retry: bool) -> None:
        """End a turn without a trace in the state.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            EngineUnavailableError: The engine ended before this could be written.
        """
        box = self._owned(opened)
        self._close_record(opened.key)
        if not retry:
            # Half of a character, as JSON may have it, cannot be written.
            text = error.encode(errors="backslashreplace").decode()
            dead = FailedMail(opened.key, opened.mail, text)
            self._dead.append(dead)
            self._last_dead += 1
            self._writer.group.bury(self._last_dead, dead)
            self._pop(opened.key, box)
            box.admit(self._capacity)
            await self._end_turn(opened.key, box)
        self._release(opened.key, box)

    async def park(self, opened: Opened, schema: int) -> None:
        """Leave a key to a program that understands it; nothing of it is lost.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        box = self._owned(opened)
        self._close_record(opened.key)
        self._suspects.clear(opened.key)
        box.parked = schema
        self._release(opened.key, box)

    async def owed(self, screen: str) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row.

        Raises:
            EngineUnavailableError: The file cannot be read.
        """
        names = tuple(self._owed.get(screen, ()))
        bodies: dict[str, bytes] = {}
        is_known, row = False, None
        for group in reversed(self._writer.unwritten):  # the newest has the last word
            bodies.update(group.owed_to(screen, names))
            if group.has_row(screen):
                is_known, row = True, group.row(screen)
        if not is_known or len(bodies) < len(names):
            stored, stored_row = await self._reader.ask(
                screen, partial(screen_of, screen=screen)
            )
            bodies = {**stored, **bodies}
            row = row if is_known else stored_row
        # What is missing has been drawn while the file was read.
        owed = [Owed(screen, name, bodies[name]) for name in names if name in bodies]
        return tuple(owed), row

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
        group = self._writer.group
        owed = self._owed.get(screen)
        if owed is not None:
            for name in done:
                if owed.pop(name, None) is not None:
                    group.draw(screen, name)
            if not owed:
                del self._owed[screen]
        if row is not None:
            group.set_row(screen, row or None)
            note = self._with_rows.add if row else self._with_rows.discard
            note(screen)
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
        self._committing.clear()
        self._boxes.clear()
        self._numbers.clear()
        self._owed.clear()
        self._dead.clear()
        self._timed.clear()
        for number, letter in loaded.mail:
            self._box(letter.key).mail.append(letter.mail)
            self._numbers.setdefault(letter.key, deque()).append(number)
        for screen, name, number in loaded.owed:
            self._owed.setdefault(screen, {})[name] = number
        self._with_rows = set(loaded.rows)
        for timed in loaded.timed:
            self._timed.set(timed)
        self._held = loaded.held
        # Turns of earlier runs are not to be taken for turns of this one.
        self._tokens = count(secrets.randbits(62))
        self._dead.extend(loaded.dead)
        self._last_mail = loaded.last_mail
        self._last_owed = loaded.owed[-1][2] if loaded.owed else 0
        self._last_dead = loaded.last_dead

    def _put(self, key: str, box: Mailbox, mail: Mail) -> None:
        number = self._last_mail = self._last_mail + 1
        numbers = self._numbers.get(key)
        if numbers is None:
            numbers = self._numbers[key] = deque()
        numbers.append(number)
        self._writer.group.bring(number, Letter(key, mail))
        super()._put(key, box, mail)
        self._writer.soon()

    def _pop(self, key: str, box: Mailbox) -> None:
        """Take out the message that has been handled; its turn is spent."""
        box.token = None
        box.pop()
        self._close_record(key)
        if self._suspects:
            self._acquit(key)
        numbers = self._numbers[key]
        self._writer.group.handle(numbers.popleft())
        if not numbers:
            del self._numbers[key]

    async def _end_turn(self, key: str, box: Mailbox) -> None:
        """Return when what a turn has changed is in the file; it is leased until then."""
        self._committing.add(key)
        group = self._writer.group
        try:
            await self._writer.safe()
        except asyncio.CancelledError:
            if group.is_done:
                self._let_go(key, box)
            else:
                group.after.append(partial(self._let_go, key, box))
            raise
        self._committing.discard(key)

    def _let_go(self, key: str, box: Mailbox) -> None:
        self._committing.discard(key)
        self._release(key, box)

    def _make_ready(self, key: str) -> None:
        if key in self._suspects:  # it has been given back
            self._suspects.put_back(key)
        else:
            super()._make_ready(key)

    def _release(self, key: str, box: Mailbox) -> None:
        super()._release(key, box)
        if self._suspects:
            self._next_suspect()

    def _next_suspect(self) -> None:
        """Lease the next suspect if none is being handled."""
        key = self._suspects.next(
            lambda key: self._service(key) is not self._nobody,
        )
        if key is not None:
            service = self._service(key)
            service.waiting.appendleft(key)
            self._hand_out(service)

    def _acquit(self, key: str) -> None:
        """A message has been handled, and the process is alive."""
        self._suspects.clear(key)
        if not self._suspects:
            for number in self._suspects.recorded:
                self._writer.group.note_opening(number, is_open=False)
            self._suspects.recorded.clear()

    async def _record(self, key: str) -> None:
        """Have the file know that a message is being handled."""
        number = self._numbers[key][0]
        self._suspects.recorded.add(number)
        self._writer.group.note_opening(number, is_open=True)
        await self._writer.safe()

    def _close_record(self, key: str) -> None:
        number = self._numbers[key][0]
        if number in self._suspects.recorded:
            self._suspects.recorded.discard(number)
            self._writer.group.note_opening(number, is_open=False)
            self._writer.soon()

    def _owe(self, owed: Owed) -> None:
        names = self._owed.setdefault(owed.screen, {})
        number = names.get(owed.id)
        is_new = number is None
        if number is None:
            number = names[owed.id] = self._last_owed = self._last_owed + 1
        self._writer.group.owe(OwedRow(number, owed, is_new))

    def _owing(self) -> Iterable[str]:
        return (*self._owed, *(self._with_rows - self._owed.keys()))

    def _deliver(self, timed: TimedLetter) -> None:
        """Put a letter into its mailbox, though that be full: its time has come."""
        self._writer.group.set_timed(TimedLetter(timed.id, timed.key, None))
        self._put(timed.key, self._box(timed.key), mail_of(timed))

    def _written(self, group: Group) -> None:
        self._snapshots.written(group)
        if group.expiry is not None and self._thread is not None:
            is_last = len(group.expired) < EXPIRED_AT_ONCE
            pause = _NEXT_EXPIRY if is_last else _NEXT_STEP
            self._expiring = self._clock.call_later(pause, self._expire)

    def _expire(self) -> None:
        """Forget snapshots that nobody has used for long, in small steps."""
        if self._expire_after is None:
            return
        unused_since = wall_time() - self._expire_after.total_seconds()
        busy = frozenset(self._boxes) | self._timed.keys()
        self._writer.group.expire(unused_since, busy)
        self._writer.soon()
