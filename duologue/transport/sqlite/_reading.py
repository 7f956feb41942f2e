"""Reading from the file, in a thread of its own; what was used last stays in memory.

What is asked for in one tick, or while the thread reads, is read in one go. A reader sees
whole groups only. What has not been written yet is looked for where it waits, first: so an
answer is what was true at some moment between question and answer.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar

from duologue.errors import EngineUnavailableError
from duologue.transport.sqlite._group import Group

T = TypeVar("T")
Question: TypeAlias = Callable[[sqlite3.Connection], T]


class _Asked(Generic[T]):
    """A question and who waits for its answer."""

    __slots__ = ("answer", "future", "question")

    def __init__(self, question: Question[T], future: asyncio.Future[T]) -> None:
        self.question = question
        self.future = future

    def put(self, db: sqlite3.Connection) -> None:
        """Find the answer, in the thread."""
        self.answer: T = self.question(db)

    def tell(self, key_error: Exception | None) -> None:
        """Tell it, on the loop."""
        if self.future.done():
            return
        if key_error is None:
            self.future.set_result(self.answer)
        else:
            self.future.set_exception(key_error)


class Reader:
    """Answers questions from the file, off the loop.

    Args:
        connect: Opens a connection that only reads.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._asked: list[_Asked[object]] = []
        self._is_reading = self._is_open = False

    def start(self) -> None:
        """Take questions; the file is opened for the first one."""
        self._is_open = True

    async def stop(self) -> None:
        """Take no more of them, and close what is open."""
        self._is_open = False
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)

    async def ask(self, key: str, question: Question[T]) -> T:
        """Ask the file something about a key.

        Raises:
            EngineUnavailableError: The file could not be read.
        """
        if not self._is_open:
            raise EngineUnavailableError(key, "it is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._asked.append(_Asked(question, future))  # type: ignore[arg-type] # each is asked and told by itself
        if not self._is_reading:
            self._is_reading = True
            loop.call_soon(self._read)
        try:
            return await future
        except (sqlite3.Error, OSError) as error:
            raise EngineUnavailableError(key, str(error)) from error

    def _read(self) -> None:
        if not self._is_open:
            asked, self._asked = self._asked, []
            self._tell(asked, sqlite3.OperationalError("it is closed"))
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "duologue-state-reader")
        asked, self._asked = self._asked, []
        job = asyncio.get_running_loop().run_in_executor(
            self._thread, self._answer, asked
        )
        job.add_done_callback(lambda done: self._tell(asked, done.exception()))

    def _answer(self, asked: Sequence[_Asked[object]]) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            for one in asked:
                one.put(self._connection)
        except sqlite3.Error:
            self._close()
            raise

    def _tell(
        self, asked: Sequence[_Asked[object]], error: BaseException | None
    ) -> None:
        problem = error if isinstance(error, Exception) else None
        for one in asked:
            one.tell(problem)
        self._is_reading = bool(self._asked)
        if self._asked:
            self._read()

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


class Unknown:
    """Stands for a snapshot that only the file knows."""


UNKNOWN: Final = Unknown()


class Snapshots:
    """Snapshots: those that are not written yet, and those that were used last.

    Args:
        reader: Reads the others.
        cache_bytes: How many bytes of written snapshots stay in memory.
    """

    def __init__(self, reader: Reader, cache_bytes: int) -> None:
        self._reader = reader
        self._limit = cache_bytes
        self._size = 0
        # None stands for what is not in the file either.
        self._cached: OrderedDict[str, bytes | None] = OrderedDict()
        self._unwritten: dict[str, bytes] = {}

    def clear(self) -> None:
        """Keep nothing in memory."""
        self._cached.clear()
        self._unwritten.clear()
        self._size = 0

    def is_unwritten(self, key: str) -> bool:
        """Whether the file has yet to hear of the newest one."""
        return key in self._unwritten

    def known(self, key: str) -> bytes | Unknown | None:
        """The newest one, if it is in memory."""
        unwritten = self._unwritten.get(key)
        if unwritten is not None:
            return unwritten
        if key not in self._cached:
            return UNKNOWN
        self._cached.move_to_end(key)
        return self._cached[key]

    async def load(self, key: str) -> bytes | None:
        """Read one from the file.

        Raises:
            EngineUnavailableError: The file could not be read.
        """
        body = await self._reader.ask(key, partial(_snapshot, key=key))
        newer = self.known(key)
        if not isinstance(newer, Unknown):
            return newer
        self._remember(key, body)
        return body

    def put(self, key: str, body: bytes) -> None:
        """Keep a new one until it is written."""
        self._forget(key)
        self._unwritten[key] = body

    def written(self, group: Group) -> None:
        """Let go of what has been written."""
        for key in group.expired:
            self._forget(key)
        for key, body in group.snapshots.items():
            if self._unwritten.get(key) is body:
                del self._unwritten[key]
                self._remember(key, body)

    def _remember(self, key: str, body: bytes | None) -> None:
        self._forget(key)
        self._cached[key] = body
        self._size += _size(key, body)
        while self._size > self._limit:
            self._size -= _size(*self._cached.popitem(last=False))

    def _forget(self, key: str) -> None:
        if key in self._cached:
            self._size -= _size(key, self._cached.pop(key))


def _size(key: str, body: bytes | None) -> int:
    return len(key) + len(body or b"")


def _snapshot(db: sqlite3.Connection, key: str) -> bytes | None:
    row: tuple[bytes] | None = db.execute(
        "SELECT body FROM snapshots WHERE key = ?", (key,)
    ).fetchone()
    return None if row is None else row[0]


def screen_of(
    db: sqlite3.Connection, screen: str
) -> tuple[dict[str, bytes], bytes | None]:
    """What is owed to a screen, by its ids, and its row."""
    bodies = db.execute("SELECT id, body FROM owed WHERE screen = ?", (screen,))
    row: tuple[bytes] | None = db.execute(
        "SELECT row FROM rows WHERE screen = ?", (screen,)
    ).fetchone()
    return dict(bodies.fetchall()), None if row is None else row[0]
