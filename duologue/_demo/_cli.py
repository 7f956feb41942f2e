"""The terminal command of the demo."""

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
from duologue._demo._screen import Screen, new_console
from duologue._demo._terminal import TerminalScreen
from duologue.errors import DuologueError

BOT = "duologue._demo.bot"
FAILED = 1
INTERRUPTED = 130
TERMINATED = 143


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue demo` to a parser."""
    parser.add_argument(
        "--act",
        dest="acts",
        type=int,
        action="append",
        choices=range(1, len(ACTS) + 1),
        help="play only this act; may be given more than once",
    )
    parser.add_argument(
        "--bot",
        default=BOT,
        metavar="MODULE",
        help=f"the bot, as `python -m` would start it (default: {BOT})",
    )
    parser.add_argument(
        "--plain", action="store_true", help="print plain lines on a terminal too"
    )
    parser.add_argument(
        "--serve",
        action=argparse.BooleanOptionalAction,
        help="keep the messenger and the bot running after the last act, until "
        "Ctrl+C or the end of the program that started this one (default: on a "
        "terminal)",
    )


def main(args: argparse.Namespace) -> int:
    """Play the demo.

    Args:
        args: What a parser with `add_arguments` read.

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


def _screen(args: argparse.Namespace, console: Console) -> Screen:
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
