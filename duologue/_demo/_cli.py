"""The options of the demo. They can be read without what it draws with."""

from __future__ import annotations

import argparse

from duologue._demo._acts import ACTS

BOT = "duologue._demo.bot"


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
    """Play the demo; see `_command`.

    Args:
        args: What a parser with `add_arguments` read.

    Raises:
        ModuleNotFoundError: The extra `duologue[cli]` is not installed.
    """
    from duologue._demo._command import main as play  # noqa: PLC0415

    return play(args)
