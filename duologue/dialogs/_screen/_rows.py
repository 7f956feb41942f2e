"""What the next process has to know of messages that the state does not know yet.

Between the sending of a message and the turn that notes its id, views may be owed that are
to change it. The engine keeps the id beside them, in one row a chat, with the drawing that
it shows: what the state has noted meanwhile is newer.
"""

from __future__ import annotations

from duologue.dialogs._chat._data import Json, dump_bytes, load


def row_name(address: str, stack_id: str) -> str:
    """Name a stack among those that a chat shows."""
    return f"{address} {stack_id}"


class Row:
    """The newest messages of a chat, by the stacks that they show.

    Args:
        text: What the engine has kept of it.
    """

    __slots__ = ("_entries",)

    def __init__(self, text: bytes | None = None) -> None:
        # For each stack: the drawing, its message, and ids by the tokens of handles.
        self._entries: dict[str, list[Json]] = load(text) if text else {}

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def find(self, name: str, known: int) -> str | None:
        """The message that shows a stack, if it is newer than what the state knows."""
        revision, message_id, _ = self._entries.get(name, (0, None, None))
        return message_id if revision > known else None

    def tokens(self, name: str) -> dict[str, str]:
        """The ids of messages by the tokens of their handles."""
        entry = self._entries.get(name)
        return {} if entry is None else entry[2]

    def note(self, name: str, revision: int, message_id: str) -> None:
        """Note the message that shows a stack."""
        entry = self._entry(name)
        entry[0], entry[1] = revision, message_id

    def note_sent(self, name: str, token: str, message_id: str) -> None:
        """Note the message of a handle, which is to be changed."""
        self._entry(name)[2][token] = message_id

    def drop(self, name: str) -> None:
        """Forget a stack: the state knows its message now."""
        self._entries.pop(name, None)

    def encode(self) -> bytes:
        """Write it for the engine; nothing if there is nothing to be known."""
        return dump_bytes(self._entries) if self._entries else b""

    def _entry(self, name: str) -> list[Json]:
        return self._entries.setdefault(name, [0, None, {}])
