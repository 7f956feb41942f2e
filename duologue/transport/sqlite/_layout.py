"""The tables of a state file, and how an older layout becomes the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

Migration: TypeAlias = Callable[[sqlite3.Connection], None]

APPLICATION = 0x64756F6C  # "duol", in the header of the file

# `group` is the number of the last group that was written; `ended` is there after an orderly
# end, in milliseconds since 1970 (of a new file: long ago). Snapshots have row numbers: rows
# of a kilobyte lie closer together than in an index.
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('group', 0), ('clean', 1), ('ended', 0);
CREATE TABLE mail (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE snapshots (
    key TEXT NOT NULL UNIQUE, body BLOB NOT NULL, used INTEGER NOT NULL
);
CREATE TABLE owed (
    screen TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (screen, id)
) WITHOUT ROWID;
CREATE TABLE rows (screen TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE timed (
    key TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (key, id)
) WITHOUT ROWID;
CREATE TABLE held (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE dead (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    error TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE openings (
    mail INTEGER PRIMARY KEY, deaths INTEGER NOT NULL, is_open INTEGER NOT NULL
);
"""


def _make(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        db.execute(statement)


# The one at place n brings layout n to n + 1.
MIGRATIONS: tuple[Migration, ...] = (_make,)


def migrate(
    db: sqlite3.Connection, found: int, migrations: tuple[Migration, ...]
) -> None:
    """Bring a file to the newest layout; completely or not at all."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[found:]:
            step(db)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {len(migrations)}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
