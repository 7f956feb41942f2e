"""The demo on a terminal: a chat whose messages change in place."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager

from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

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
from duologue.transport.sandbox import LogEntry

_BUBBLE = 44
_TIMES = "\N{MULTIPLICATION SIGN}"


class TerminalScreen:
    """Draws the chat of each act, and draws it anew with each change.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._chat = ChatLines()
        self._live: Live | None = None

    def address(self, url: str) -> None:
        """Print where a browser can watch."""
        self._say(invitation(url))

    def metrics(self, url: str | None) -> None:
        """Print where the numbers of the bot are."""
        if url is not None:
            self._say(numbers(url))

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """Turn a spinner as long as the context is open."""
        return self._console.status(what)

    @contextmanager
    def act(self, number: int, act: Act) -> Generator[None, None, None]:
        """Draw the chat as long as the context is open, and leave it there."""
        self._chat = ChatLines()
        self._console.print()
        self._console.rule(f"[bold]{number} · {act.title}", align="left")
        self._console.print(act.note, style="dim")
        with Live(console=self._console, refresh_per_second=8) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None
                live.update(_chat(self._chat.lines))

    def show(self, entries: Sequence[LogEntry]) -> None:
        """Draw what happened."""
        self._chat.add(entries)
        self._redraw()

    def note(self, text: str) -> None:
        """Draw what happened beside it."""
        self._chat.note(text, now())
        self._redraw()

    def _redraw(self) -> None:
        if self._live is not None:
            spinner = Spinner("dots", style="dim")
            self._live.update(Group(_chat(self._chat.lines), spinner), refresh=True)

    def summary(self, results: Sequence[Result]) -> None:
        """Draw what was checked."""
        self._console.print()
        self._console.rule("[bold]What was seen", align="left")
        for result in results:
            self._console.print(_result(result))
        kept = all(check.kept for result in results for check in result.checks)
        style = "bold green" if kept else "bold red"
        self._console.print()
        self._console.print(verdict(results), style=style)

    def serving(self, url: str) -> None:
        """Print that both programs go on, and how to end them."""
        self._console.print()
        self._console.print(SERVING)
        self._say(invitation(url))

    def ending(self) -> None:
        """Print that both programs are being ended."""
        self._console.print(ENDING, style="dim")

    def _say(self, words: str) -> None:
        # An address is there to be clicked and copied, so it is not wrapped.
        self._console.print(words, markup=False, soft_wrap=True)


def _chat(lines: Sequence[Line]) -> RenderableType:
    return Padding(Group(*map(_drawn, lines)), (1, 0))


def _drawn(line: Line) -> RenderableType:
    match line.side:
        case Side.USER:
            return Align.right(_user(line))
        case Side.BOT:
            return _bot(line)
        case Side.NOTE:
            return Align.center(Text(f"{line.text}{_times(line)}", style="dim"))
        case Side.MESSENGER:
            return Align.center(Text(f"✗ {line.text}{_times(line)}", style="red"))


def _user(line: Line) -> Text:
    if line.is_press:
        label = (f" {line.text} ", "reverse")
        return Text.assemble(("presses ", "dim"), label, _times(line))
    return Text(f" {line.text} ", style="black on green")


def _bot(line: Line) -> Panel:
    parts: list[RenderableType] = [Text(line.text)]
    for row in line.buttons:
        labels = [(f" {label} ", "reverse") for label in row]
        parts.append(Align.center(Text("  ").join(Text(*label) for label in labels)))
    return Panel(
        Group(*parts),
        width=_BUBBLE,
        border_style="cyan",
        subtitle=f"[dim]redrawn {_TIMES}{line.edits}" if line.edits else None,
        subtitle_align="right",
    )


def _result(result: Result) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2)
    table.add_column(width=45)
    table.add_column(style="dim")
    table.add_row(
        Text(str(result.number)),
        Text(result.act.title, style="bold"),
        Text(f"{result.seconds:.1f} s"),
    )
    for check in result.checks:
        mark = Text("✓", style="green") if check.kept else Text("✗", style="bold red")
        style = "" if check.kept else "red"
        table.add_row(mark, Text(check.promise, style=style), Text(check.seen))
    return Padding(table, (1, 0, 0, 1))


def _times(line: Line) -> str:
    return f" {_TIMES}{line.times}" if line.times > 1 else ""
