"""What users of the messenger have seen, told by its log alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.transport.sandbox import LogEntry, LogKind

_VIEWS = frozenset({LogKind.MESSAGE, LogKind.EDIT})


@dataclass(frozen=True, slots=True)
class Scene:
    """A part of the log.

    Attributes:
        entries: Its entries, oldest first.
        ends: With which status the bot has ended meanwhile, each time.
    """

    entries: Sequence[LogEntry]
    ends: Sequence[int] = ()

    def of(self, kind: LogKind) -> list[LogEntry]:
        """Give the entries of one kind."""
        return [entry for entry in self.entries if entry.kind is kind]

    def views(self) -> list[LogEntry]:
        """Give what the bot showed: new messages and edits of these.

        An edit of an older message only takes its buttons away.
        """
        own = {entry.message_id for entry in self.of(LogKind.MESSAGE)}
        views = [entry for entry in self.entries if entry.kind in _VIEWS]
        return [entry for entry in views if entry.message_id in own]

    def last_view(self) -> LogEntry | None:
        """Give what the bot showed last."""
        views = self.views()
        return views[-1] if views else None

    def last_numbers(self) -> list[int]:
        """Give the numbers in what the bot showed last."""
        view = self.last_view()
        return [] if view is None else numbers(view)

    def seconds(self) -> float:
        """Tell how long it took."""
        if not self.entries:
            return 0.0
        return (self.entries[-1].time - self.entries[0].time) / 1000


def shows(view: LogEntry | None, words: str) -> bool:
    """Tell whether a view has some words in it."""
    return view is not None and words in (view.text or "")


def numbers(entry: LogEntry) -> list[int]:
    """Find the numbers in a text."""
    return [int(found) for found in re.findall(r"\d+", entry.text or "")]
