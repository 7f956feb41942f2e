"""What the demo prints: the same on a terminal and into a file, in two forms."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from duologue._demo._acts import Act
from duologue._demo._checks import Check
from duologue.transport.sandbox import LogEntry

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Result:
    """How an act went.

    Attributes:
        number: Its number, from 1.
        act: The act.
        checks: What was promised, and whether it was kept.
        seconds: How long it took.
    """

    number: int
    act: Act
    checks: Sequence[Check]
    seconds: float


class LiveTranscript(Protocol):
    """Shows the conversation while it happens."""

    def address(self, url: str) -> None:
        """Say where a browser can watch."""
        ...

    def metrics(self, url: str | None) -> None:
        """Say where the numbers of the bot are; nothing if it shows none."""
        ...

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """Say what is waited for, as long as the context is open."""
        ...

    def act(self, number: int, act: Act) -> AbstractContextManager[object]:
        """Show the heading of an act, and its chat as long as the context is open."""
        ...

    def show(self, entries: Sequence[LogEntry]) -> None:
        """Show what happened in the chat."""
        ...

    def note(self, text: str) -> None:
        """Show what happened beside it."""
        ...

    def summary(self, results: Sequence[Result]) -> None:
        """Show what was checked."""
        ...

    def serving(self, url: str) -> None:
        """Say that both programs go on, and how to end them."""
        ...

    def ending(self) -> None:
        """Say that both programs are being ended."""
        ...


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise an error that tasks hand on, where rich would end the program."""
        # What is still in the buffer would raise again when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BrokenPipeError


def new_console() -> Console:
    """Make a console for standard output, no wider than a page."""
    # A file may have an encoding without Cyrillic letters; that is no reason to fail.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    console = _Console(highlight=False)
    console.width = min(WIDTH, console.width)
    return console


def now() -> int:
    """Tell the time as the log of the messenger does: in milliseconds."""
    return int(time.time() * 1000)


def invitation(url: str) -> str:
    """Say where a browser can watch and take part."""
    return f"In a browser: {url}"


def numbers(url: str) -> str:
    """Say where the numbers of the bot are."""
    return f"The bot's metrics: {url}"


SERVING = (
    "Be a user yourself in the browser: try /start, /count, /echo, /rocket\n"
    "or /order.\n"
    "Both programs go on until you end them with Ctrl+C."
)
ENDING = "ending both"


def verdict(results: Sequence[Result]) -> str:
    """Put the result in a sentence."""
    checks = [check for result in results for check in result.checks]
    broken = sum(not check.kept for check in checks)
    seconds = sum(result.seconds for result in results)
    if broken:
        return f"{broken} of {len(checks)} checks failed."
    return f"All {len(checks)} checks passed; the conversation took {seconds:.1f} s."
