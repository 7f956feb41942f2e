"""What is in a state file, for whoever looks from outside, while a bot writes it or not.

Nothing here takes the lock of the owner, and nothing changes the file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from duologue.errors import (
    NoStateFileError,
    StateCopyError,
    StateDamagedError,
    StateLayoutError,
)
from duologue.transport.sqlite._file import (
    DAMAGE,
    code_of,
    connect,
    newest_backup,
    pragma,
    uri_of,
)
from duologue.transport.sqlite._layout import APPLICATION, MIGRATIONS

# What is counted, as it is shown.
_COUNTED = {
    "dialogs": "SELECT count(*) FROM snapshots WHERE key LIKE 'dialog/%'",
    "States": "SELECT count(*) FROM snapshots WHERE key LIKE 'state/%'",
    "tasks": "SELECT count(*) FROM snapshots WHERE key LIKE 'task/%'",
    "mail": "SELECT count(*) FROM mail",
    "owed drawings": "SELECT count(*) FROM owed",
    "letters for later": "SELECT count(*) FROM timed",
    "dead letters": "SELECT count(*) FROM dead",
    "last use": "SELECT coalesce(max(used), 0) FROM snapshots",
}
# What may be shown: no values that are held, since nobody knows what they are.
_EXPORTED = {
    "snapshot": "SELECT key, NULL, body, NULL FROM snapshots ORDER BY key",
    "mail": "SELECT key, id, body, NULL FROM mail ORDER BY number",
    "dead letter": "SELECT key, id, body, error FROM dead ORDER BY number",
}


def find(path: Path | None, folder: Path) -> Path:
    """The file that is meant.

    Args:
        path: The file or the folder that was named, if any was.
        folder: Where to look otherwise.

    Raises:
        NoStateFileError: There is none, or more than one.
    """
    if path is not None and path.is_dir():
        folder = path
    elif path is not None:
        if not path.is_file():
            raise NoStateFileError(str(path), "there is no such file")
        return path
    found = sorted(folder.glob("*.db"))
    if not found:
        raise NoStateFileError(str(folder), "there is no *.db; name the file")
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise NoStateFileError(str(folder), f"there are {names}; name one of them")
    return found[0]


def numbers(path: Path) -> Mapping[str, int]:
    """How much of what is in a file; `last use` is in seconds since 1970, or 0.

    Raises:
        StateDamagedError: It is broken, or something else.
        StateLayoutError: A newer version wrote it.
    """
    with _opened(path) as db:
        counted = {name: int(*_row(db, query)) for name, query in _COUNTED.items()}
    journal = Path(f"{path}-wal")
    size = path.stat().st_size + (journal.stat().st_size if journal.exists() else 0)
    return counted | {"bytes": size}


def check(path: Path) -> list[str]:
    """What is wrong with a file; nothing if all is well.

    Raises:
        StateDamagedError: It is so broken that it cannot be checked.
        StateLayoutError: A newer version wrote it.
    """
    with _opened(path) as db:
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def backup(path: Path, to: Path) -> None:
    """Copy a file as it is at one moment; the copy is for this user alone.

    Raises:
        StateCopyError: There is something already where the copy is to go.
        StateDamagedError: It is broken, or something else.
        StateLayoutError: A newer version wrote it.
        OSError: The copy cannot be made there.
    """
    with _opened(path) as db:
        try:
            os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError as error:
            raise StateCopyError(str(path), str(to)) from error
        with closing(connect(uri_of(to, "rw"))) as copy:
            db.backup(copy)
            # Whoever begins with the copy begins after a clean end.
            copy.execute("UPDATE openings SET is_open = 0")
            copy.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")
            copy.execute("DELETE FROM meta WHERE name = 'ended'")


def export(path: Path) -> Iterator[str]:
    """Snapshots, mail and dead letters, as lines of JSON.

    Raises:
        StateDamagedError: It is broken, or something else.
        StateLayoutError: A newer version wrote it.
    """
    with _opened(path) as db:
        db.execute("BEGIN")  # all of it as of one moment
        for kind, query in _EXPORTED.items():
            for key, name, body, error in db.execute(query):
                entry = {
                    "kind": kind,
                    "key": key,
                    "id": name,
                    "body": body.decode(errors="replace"),
                    "error": error,
                }
                known = {field: value for field, value in entry.items() if value}
                yield json.dumps(known, ensure_ascii=False)


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    try:
        with closing(connect(uri_of(path, "ro"))) as db:
            db.execute("PRAGMA busy_timeout = 5000")
            _check_kind(path, db)
            yield db
    except sqlite3.Error as error:
        if code_of(error) not in DAMAGE:
            raise
        raise StateDamagedError(str(path), str(error), newest_backup(path)) from error


def _check_kind(path: Path, db: sqlite3.Connection) -> None:
    if pragma(db, "application_id") != APPLICATION:
        raise StateDamagedError(
            str(path), "another program wrote it", newest_backup(path)
        )
    layout = pragma(db, "user_version")
    if layout > len(MIGRATIONS):
        raise StateLayoutError(str(path), layout, len(MIGRATIONS))


def _row(db: sqlite3.Connection, query: str) -> tuple[int, ...]:
    row: tuple[int, ...] = db.execute(query).fetchone()
    return row
