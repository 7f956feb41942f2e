"""The file of a state: opened, checked, brought to this layout, read, written.

Everything here runs in a thread and may take as long as a disk takes. One connection
writes; what a group changes is in the file completely or not at all, together with the
number of the group. Where a `COMMIT` fails nobody knows which of the two, so the file is
opened again, and the number in it says so.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from duologue.actors import FailedMail, Letter, Mail, TimedLetter
from duologue.errors import StateDamagedError, StateFolderError, StateLayoutError
from duologue.transport.sqlite._group import Group
from duologue.transport.sqlite._layout import (
    APPLICATION,
    MIGRATIONS,
    Migration,
    migrate,
)

Connect: TypeAlias = Callable[[str], sqlite3.Connection]

# Bytes up to which a file is checked completely after an unclean end.
_CHECKED = 64 * 1024 * 1024
_JOURNAL = 16 * 1024 * 1024
# What SQLite says of a file that is none of its own, or broken.
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A primary code is the lowest byte of an extended one.
_PRIMARY = 0xFF
EXPIRED_AT_ONCE = 500
DEADLY = 3  # deaths after which a message is set aside
_SET_ASIDE = (
    "the process ended three times while this message alone was being handled; what it "
    "does there stops the program"
)


@dataclass(slots=True)
class Loaded:
    """What of a state file is kept in memory.

    Attributes:
        mail: All mail, by its number, in order.
        owed: What is owed, without bodies: screen, id, number; in order.
        rows: The screens that have a row.
        timed: Letters for later.
        held: The values that are kept under names.
        dead: The newest dead letters.
        last_dead: The number of the newest dead letter.
        last_mail: A number that all numbers of messages reach up to.
        number: The number of the last group.
        suspects: Mailboxes whose first message may have ended the process, the
            least suspect first; empty after a clean end.
        ended_ago: Seconds since the end of the process before, as far as it has noted
            that; 0 if it has not.
    """

    mail: list[tuple[int, Letter]] = field(default_factory=list[tuple[int, Letter]])
    owed: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    rows: list[str] = field(default_factory=list[str])
    timed: list[TimedLetter] = field(default_factory=list[TimedLetter])
    held: dict[str, bytes] = field(default_factory=dict[str, bytes])
    dead: list[FailedMail] = field(default_factory=list[FailedMail])
    last_dead: int = 0
    last_mail: int = 0
    number: int = 0
    suspects: list[str] = field(default_factory=list[str])
    ended_ago: float = 0.0


def connect(database: str) -> sqlite3.Connection:
    """A connection that begins and ends nothing by itself."""
    return sqlite3.connect(
        database, uri=True, isolation_level=None, check_same_thread=False
    )


def uri_of(path: Path, mode: str) -> str:
    """How SQLite is told of a file."""
    return f"{path.absolute().as_uri()}?mode={mode}"


class StateFile:
    """The file, for its owner.

    Args:
        path: Where it is; there is a file already, which may be empty.
        keep_dead: How many dead letters are kept.
        forgets: Whether snapshots are forgotten that nobody has used for long.
        connect: Opens a connection.
        migrations: What brings an older layout to the next.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_dead: int,
        forgets: bool = False,
        connect: Connect = connect,
        migrations: tuple[Migration, ...] = MIGRATIONS,
    ) -> None:
        self._path = path
        self._keep_dead = keep_dead
        self._forgets = forgets
        self._connect = connect
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None

    def open(self) -> Loaded:
        """Open the file, and read what belongs into memory.

        Raises:
            StateDamagedError: It is broken, or something else.
            StateLayoutError: It is of a newer version.
            StateFolderError: It cannot be written.
        """
        try:
            db = self._connection = self._opened()
            return self._load(db)
        except sqlite3.Error as error:
            self.drop()
            raise self._explained(error) from error
        except BaseException:
            self.drop()
            raise

    def write(self, group: Group) -> None:
        """Write a group, once.

        Raises:
            sqlite3.Error: It is not in the file.
        """
        db = self._connection
        if db is None:
            db = self._connection = self._opened()
            if _number(db) >= group.number:
                return
        try:
            db.execute("BEGIN IMMEDIATE")
            if group.expiry is not None:
                group.expired = _expire(db, *group.expiry)
            for statement, rows in group.statements():
                db.executemany(statement, rows)
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        try:
            db.execute("COMMIT")
        except BaseException:
            # Perhaps it is in the file. Only a new connection sees what is.
            self.drop()
            db = self._connection = self._opened()
            if _number(db) < group.number:
                raise

    def close(self) -> None:
        """Note that the end was clean, and close the file."""
        db = self._connection
        if db is not None:
            with suppress(sqlite3.Error):
                db.execute("UPDATE openings SET is_open = 0")
                db.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
                now = int(time.time() * 1000)
                db.execute("INSERT OR REPLACE INTO meta VALUES ('ended', ?)", (now,))
        self.drop()

    def _opened(self) -> sqlite3.Connection:
        db = self._connect(uri_of(self._path, "rw"))
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA journal_size_limit = {_JOURNAL}")
            db.execute("PRAGMA busy_timeout = 5000")
            self._bring_to_layout(db)
        except BaseException:
            db.close()
            raise
        return db

    def _bring_to_layout(self, db: sqlite3.Connection) -> None:
        application = pragma(db, "application_id")
        found = pragma(db, "user_version")
        is_new = found == 0 and not pragma(db, "schema_version")
        if not is_new and application != APPLICATION:
            raise StateDamagedError(
                str(self._path), "another program wrote it", newest_backup(self._path)
            )
        newest = len(self._migrations)
        if found > newest:
            raise StateLayoutError(str(self._path), found, newest)
        if found < newest:
            if not is_new:
                self._copy(db, found)
            migrate(db, found, self._migrations)

    def _copy(self, db: sqlite3.Connection, layout: int) -> None:
        """Keep the file as it was before a migration."""
        copy = Path(f"{self._path}.layout-{layout}.backup")
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        with closing(self._connect(uri_of(copy, "rw"))) as target:
            db.backup(target)

    def _load(self, db: sqlite3.Connection) -> Loaded:
        was_clean = _meta(db, "clean")
        if not was_clean and self._path.stat().st_size < _CHECKED:
            (finding,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if finding != "ok":
                raise StateDamagedError(
                    str(self._path), str(finding), newest_backup(self._path)
                )
        if self._forgets:
            db.execute("CREATE INDEX IF NOT EXISTS last_used ON snapshots (used)")
        ended_ago = _ended_ago(db)
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")
            db.execute("DELETE FROM meta WHERE name = 'ended'")
            suspects: list[str] = [] if was_clean else self._suspects(db)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        return replace(self._read(db, suspects), ended_ago=ended_ago)

    def _suspects(self, db: sqlite3.Connection) -> list[str]:
        """Count the deaths, set aside what has had too many, and tell the rest."""
        db.execute("DELETE FROM openings WHERE mail NOT IN (SELECT number FROM mail)")
        (opened,) = db.execute(
            "SELECT count(*) FROM openings WHERE is_open = 1"
        ).fetchone()
        if opened == 1:
            db.execute("UPDATE openings SET deaths = deaths + 1 WHERE is_open = 1")
        now = int(time.time())
        db.execute(
            "INSERT INTO dead SELECT (SELECT coalesce(max(number), 0) FROM dead) + "
            "row_number() OVER (ORDER BY number), key, id, body, ?, ? FROM mail WHERE "
            "number IN (SELECT mail FROM openings WHERE deaths >= ?)",
            (_SET_ASIDE, now, DEADLY),
        )
        db.execute(
            "DELETE FROM mail WHERE number IN (SELECT mail FROM openings WHERE "
            "deaths >= ?)",
            (DEADLY,),
        )
        heads = db.execute(
            "SELECT key FROM (SELECT key, min(number) AS head FROM mail GROUP BY key) LEFT "
            "JOIN openings ON mail = head ORDER BY coalesce(deaths, 0), "
            "coalesce(is_open, 0), head"
        ).fetchall()
        db.execute("UPDATE openings SET is_open = 0")
        db.execute("DELETE FROM openings WHERE deaths = 0 OR deaths >= ?", (DEADLY,))
        return [key for (key,) in heads]

    def _read(self, db: sqlite3.Connection, suspects: list[str]) -> Loaded:
        dead = db.execute(
            "SELECT key, id, body, error FROM dead ORDER BY number DESC LIMIT ?",
            (self._keep_dead,),
        ).fetchall()
        last_dead, last_mail = db.execute(
            "SELECT (SELECT coalesce(max(number), 0) FROM dead), max((SELECT "
            "coalesce(max(number), 0) FROM mail), (SELECT coalesce(max(mail), 0) FROM "
            "openings))"
        ).fetchone()
        return Loaded(
            mail=[
                (number, Letter(key, Mail(name, body)))
                for number, key, name, body in db.execute(
                    "SELECT number, key, id, body FROM mail ORDER BY number"
                )
            ],
            owed=db.execute(
                "SELECT screen, id, number FROM owed ORDER BY number"
            ).fetchall(),
            rows=[screen for (screen,) in db.execute("SELECT screen FROM rows")],
            timed=[
                TimedLetter(name, key, at, body)
                for key, name, at, body in db.execute(
                    "SELECT key, id, at, body FROM timed ORDER BY at"
                )
            ],
            held=dict(db.execute("SELECT name, value FROM held").fetchall()),
            dead=[
                FailedMail(key, Mail(name, body), error)
                for key, name, body, error in reversed(dead)
            ],
            last_dead=last_dead,
            last_mail=last_mail,
            number=_number(db),
            suspects=suspects,
        )

    def drop(self) -> None:
        """Close the file; it is not told how."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _explained(self, error: sqlite3.Error) -> Exception:
        if code_of(error) in DAMAGE:
            return StateDamagedError(
                str(self._path), str(error), newest_backup(self._path)
            )
        return StateFolderError(str(self._path), str(error))


def newest_backup(path: Path) -> str | None:
    """The newest file beside a state file that seems to be a copy of it."""
    copies = [
        copy
        for copy in path.parent.glob(f"{path.stem}*")
        if copy.suffix == ".backup" and copy != path
    ]
    if not copies:
        return None
    return str(max(copies, key=lambda copy: copy.stat().st_mtime))


def _expire(
    db: sqlite3.Connection, unused_since: float, busy: frozenset[str]
) -> list[str]:
    """Forget as many snapshots as take no noticeable time."""
    found = db.execute(
        "SELECT key FROM snapshots WHERE used < ? AND key NOT IN (SELECT key FROM mail) "
        "AND key NOT IN (SELECT key FROM timed) ORDER BY used LIMIT ?",
        (unused_since, EXPIRED_AT_ONCE),
    )
    expired = [key for (key,) in found if key not in busy]
    db.executemany("DELETE FROM snapshots WHERE key = ?", [(key,) for key in expired])
    return expired


def code_of(error: sqlite3.Error) -> int:
    """What kind of error it is; 0 where SQLite has not said."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY


def pragma(db: sqlite3.Connection, name: str) -> int:
    """A number in the header of a file."""
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _meta(db: sqlite3.Connection, name: str) -> int:
    (value,) = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return int(value)


def _ended_ago(db: sqlite3.Connection) -> float:
    """The seconds since an end that was noted; none if the clock has gone back since."""
    found = db.execute("SELECT value FROM meta WHERE name = 'ended'").fetchone()
    return 0.0 if found is None else max(0.0, time.time() - found[0] / 1000)


def _number(db: sqlite3.Connection) -> int:
    return _meta(db, "group")
