"""What a terminal shows of the demo."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from duologue._demo._acts import ACTS
from duologue._demo._terminal import TerminalScreen
from duologue.transport.sandbox import LogEntry, LogKind

DIM, RED = "\x1b[2m", "\x1b[31m"


def _shown(*entries: LogEntry) -> str:
    """Give what stays on a terminal of an act in which this happened."""
    output = StringIO()
    console = Console(file=output, force_terminal=True, color_system="standard")
    screen = TerminalScreen(console)
    with screen.act(1, ACTS[0]):
        output.truncate(0)
        screen.show(entries)
    return output.getvalue()


def test_what_the_bot_tidies_up_is_no_error() -> None:
    tidied = LogEntry(1, 0, LogKind.EDIT, message_id="of another act", text="0")

    shown = _shown(tidied, tidied)

    assert (
        f"{DIM}bot removes the buttons of an earlier message \N{MULTIPLICATION SIGN}2"
        in shown
    )
    assert RED not in shown
    assert "✗" not in shown


def test_what_the_messenger_refused_is_an_error() -> None:
    refused = LogEntry(1, 0, LogKind.REFUSED, status=400, request="POST /answers")

    shown = _shown(refused)

    assert f"{RED}✗ 400 to POST /answers" in shown
