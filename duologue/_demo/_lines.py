"""A chat as lines: what is told once, and what changes in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from duologue.transport.sandbox import LogEntry, LogKind


class Side(Enum):
    """Whose line it is; a note tells what happened without words."""

    USER = auto()
    BOT = auto()
    NOTE = auto()
    MESSENGER = auto()


_REPEATABLE = frozenset({Side.NOTE, Side.MESSENGER})


@dataclass(slots=True)
class Line:
    """One line of a chat, which may be a message with buttons.

    Attributes:
        side: Whose it is.
        text: What it says.
        time: When it was last changed, in milliseconds of wall time.
        message_id: The message, if a later edit can change it.
        buttons: The rows of its buttons.
        times: How often the same thing happened in a row.
        edits: How often it was changed.
        is_press: Whether the text is the label of a button.
    """

    side: Side
    text: str
    time: int
    message_id: str | None = None
    buttons: Sequence[Sequence[str]] = ()
    times: int = 1
    edits: int = 0
    is_press: bool = False


@dataclass(slots=True)
class ChatLines:
    """The lines of a chat.

    Attributes:
        lines: The lines, oldest first.
    """

    lines: list[Line] = field(default_factory=list)
    _labels: dict[str, str] = field(default_factory=dict)

    def add(self, entries: Iterable[LogEntry]) -> list[Line]:
        """Let things happen.

        Args:
            entries: Entries of the messenger's log.

        Returns:
            The lines that are new or changed, in the order of the changes; a line
            that changed twice is there twice, in its last form.
        """
        touched = [self._add(entry) for entry in entries]
        return [line for line in touched if line is not None]

    def note(self, text: str, time: int) -> Line:
        """Let something happen beside the chat.

        Args:
            text: What.
            time: When, in milliseconds of wall time.

        Returns:
            The line that says so.
        """
        return self._append(Line(Side.NOTE, text, time))

    def _add(self, entry: LogEntry) -> Line | None:
        self._learn(entry)
        if entry.kind is LogKind.EDIT:
            return self._edit(entry)
        line = self._line(entry)
        return None if line is None else self._append(line)

    def _line(self, entry: LogEntry) -> Line | None:
        line: Line | None = None
        match entry.kind:
            case LogKind.SAID:
                line = Line(Side.USER, entry.text or "", entry.time)
            case LogKind.CLICKED:
                label = self._labels.get(entry.payload or "", "?")
                line = Line(Side.USER, label, entry.time, is_press=True)
            case LogKind.MESSAGE:
                line = _message(entry)
            case LogKind.FAULT | LogKind.REFUSED:
                text = f"{entry.status} to {entry.request}"
                line = Line(Side.MESSENGER, text, entry.time)
            case LogKind.DELETE:
                line = Line(Side.NOTE, "bot deletes a message", entry.time)
            case LogKind.NOTIFICATION if (entry.text or "").strip():
                line = Line(Side.BOT, entry.text or "", entry.time)
            case _:
                pass
        return line

    def _learn(self, entry: LogEntry) -> None:
        for row in entry.keyboard:
            for label, payload in row:
                self._labels[payload or ""] = label

    def _append(self, line: Line) -> Line:
        last = self.lines[-1] if self.lines else None
        if last is not None and _is_repeated(last, line):
            last.times += 1
            last.time = line.time
            return last
        self.lines.append(line)
        return line

    def _edit(self, entry: LogEntry) -> Line:
        for line in reversed(self.lines):
            if line.message_id is not None and line.message_id == entry.message_id:
                line.text = entry.text or ""
                line.buttons = _buttons(entry)
                line.time = entry.time
                line.edits += 1
                return line
        what = "bot removes the buttons of an earlier message"
        if entry.keyboard:
            what = f"bot changes an earlier message: {entry.text}"
        return self._append(Line(Side.NOTE, what, entry.time))


def _message(entry: LogEntry) -> Line:
    return Line(
        Side.BOT,
        entry.text or "",
        entry.time,
        message_id=entry.message_id,
        buttons=_buttons(entry),
    )


def _buttons(entry: LogEntry) -> Sequence[Sequence[str]]:
    return [[label for label, _ in row] for row in entry.keyboard]


def _is_repeated(last: Line, line: Line) -> bool:
    return (
        line.message_id is None
        and (line.is_press or line.side in _REPEATABLE)
        and (last.side, last.text) == (line.side, line.text)
    )
