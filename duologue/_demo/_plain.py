"""The demo in plain lines, for files and pipes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich.console import Console

from duologue._demo._acts import Act
from duologue._demo._lines import ChatLines, Line, Side
from duologue._demo._screen import (
    ENDING,
    SERVING,
    Result,
    invitation,
    now,
    numbers,
    verdict,
)
from duologue.transport.sandbox import LogEntry, LogKind

_REPEATABLE = frozenset({LogKind.CLICKED, LogKind.FAULT})


class PlainScreen:
    """Prints each event as a line.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chat = ChatLines()
        self._start: int | None = None

    def address(self, url: str) -> None:
        """Print where a browser can watch."""
        self._print(invitation(url))

    def metrics(self, url: str | None) -> None:
        """Print where the numbers of the bot are."""
        if url is not None:
            self._print(numbers(url))

    @contextmanager
    def waiting(self, what: str) -> Generator[None, None, None]:
        """Say what is waited for."""
        self._print(f"{what} ...")
        yield

    @contextmanager
    def act(self, number: int, act: Act) -> Generator[None, None, None]:
        """Print the heading of an act."""
        self._chat = ChatLines()
        self._print("", f"== {number}. {act.title}", f"   {act.note}", "")
        yield

    def show(self, entries: Sequence[LogEntry]) -> None:
        """Print what happened, the same thing many times as one line."""
        for _, alike in groupby(entries, _likeness):
            for line in self._chat.add(alike)[-1:]:
                self._print(self._stamp(line.time) + _words(line))
                line.times = 0

    def note(self, text: str) -> None:
        """Print what happened beside it."""
        line = self._chat.note(text, now())
        self._print(self._stamp(line.time) + line.text)

    def summary(self, results: Sequence[Result]) -> None:
        """Print what was checked."""
        self._print("", "== What was seen")
        for result in results:
            self._print("", f"{result.number}. {result.act.title}")
            for check in result.checks:
                mark = "ok    " if check.kept else "FAILED"
                self._print(f"   {mark} {check.promise} ({check.seen})")
        self._print("", verdict(results))

    def serving(self, url: str) -> None:
        """Print that both programs go on, and how to end them."""
        self._print("", SERVING, invitation(url))

    def ending(self) -> None:
        """Print that both programs are being ended."""
        self._print(ENDING)

    def _stamp(self, time: int) -> str:
        self._start = time if self._start is None else self._start
        return f"{(time - self._start) / 1000:6.1f} s  "

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._console.print(line, markup=False, soft_wrap=True)


def _likeness(entry: LogEntry) -> tuple[object, ...]:
    if entry.kind in _REPEATABLE:
        return (entry.kind, entry.payload, entry.request)
    return (entry.seq,)


def _words(line: Line) -> str:
    times = f" ({line.times} times)" if line.times > 1 else ""
    if line.is_press:
        return f"user presses [{line.text}]{times}"
    if line.side is Side.USER:
        return f"user: {line.text}"
    if line.side is Side.NOTE:
        return f"{line.text}{times}"
    if line.side is Side.MESSENGER:
        return f"messenger answers {line.text}{times}"
    buttons = "".join(f" [{label}]" for row in line.buttons for label in row)
    text = " / ".join(line.text.splitlines())
    return f"bot{' redraws' if line.edits else ''}: {text}{buttons}"
