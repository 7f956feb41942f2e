"""State in one SQLite file: dialogs, mail and letters for later survive the process."""

# _engine: the engine; _mail: its mailboxes; _screens: what is owed; _expiry: forgetting
# _group: what is written together; _writer: when
# _file: the file and what is read at the start; _layout: its tables
# _suspects: messages that may have ended the process
# _reading: reading later, and what stays in memory; _place: where it may be, its lock
# _inspect: looking from outside; _cli: `duologue state`

from __future__ import annotations

from duologue.transport.sqlite._engine import SqliteEngine

__all__ = ["SqliteEngine"]
