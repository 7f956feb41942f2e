"""The command of the demo, with what it draws with: the extra `duologue[cli]`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine

from rich.console import Console

from duologue._demo._acts import ACTS
from duologue._demo._plain import PlainScreen
from duologue._demo._run import perform
from duologue._demo._screen import LiveTranscript, new_console
from duologue._demo._terminal import TerminalScreen
from duologue.errors import DuologueError

FAILED = 1
INTERRUPTED = 130
TERMINATED = 143


def main(args: argparse.Namespace) -> int:
    """Play the demo.

    Args:
        args: What the parser of `_cli` read.

    Returns:
        0 if all that was promised was seen; 1 if not, if a program ended early, or
        if nobody reads the output; 130 after Ctrl+C and 143 after SIGTERM while an
        act is played. Afterwards these are the way to end it. SIGQUIT always ends it
        with 143.
    """
    console = new_console()
    performance = perform(
        _screen(args, console),
        sorted(set(args.acts or range(1, len(ACTS) + 1))),
        str(args.bot),
        is_served=console.is_terminal if args.serve is None else bool(args.serve),
    )
    try:
        kept = asyncio.run(_until_terminated(performance))
    except KeyboardInterrupt:
        return _stopped(INTERRUPTED)
    except asyncio.CancelledError:
        return _stopped(TERMINATED)
    return 0 if kept else FAILED


def _screen(args: argparse.Namespace, console: Console) -> LiveTranscript:
    if bool(args.plain) or not console.is_terminal:
        return PlainScreen(console)
    return TerminalScreen(console)


async def _until_terminated(performance: Coroutine[object, object, bool]) -> bool:
    """Perform; SIGTERM and SIGQUIT end it in order, as Ctrl+C does."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_reported(performance))
        for number in (signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, task.cancel)
    return await task


async def _reported(performance: Coroutine[object, object, bool]) -> bool:
    kept = False
    try:
        kept = await performance
    except* BrokenPipeError:
        pass  # whoever read the output, as in `make | head`, has seen enough
    except* DuologueError as failed:
        _report(failed)
    return kept


def _report(group: ExceptionGroup[DuologueError]) -> None:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            _report(error)
        else:
            sys.stderr.write(f"\nduologue demo: {error}\n")


def _stopped(status: int) -> int:
    sys.stderr.write("\nstopped; the messenger and the bot have ended too\n")
    return status
