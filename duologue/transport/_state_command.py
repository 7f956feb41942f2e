"""The command that looks at what an engine keeps: `duologue state`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from duologue._redis import SCHEMES
from duologue.errors import DuologueError, NoStateFileError, RuntimeSettingError
from duologue.transport.redis import _cli as of_server
from duologue.transport.sqlite import _cli as of_file

FAILED: Final = 1
WRONG_USE: Final = 2
_VARIABLE: Final = "DUOLOGUE_ENGINE"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue state` to a parser."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(dict.fromkeys((*of_file.ACTIONS, *of_server.ACTIONS))),
        default="show",
        help="show: how much there is (default); check: look for damage; backup: copy a "
        "file, also while a bot runs; export: state, mail and dead letters as lines of "
        "JSON; dead: list the dead letters of a server",
    )
    parser.add_argument(
        "place",
        nargs="?",
        help="the file, or the URL of the server (default: the server that "
        "DUOLOGUE_ENGINE names, else the only *.db in DUOLOGUE_STATE_DIR or .duologue)",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="where the backup goes; it must not exist (default: beside the file, "
        "named after the time)",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--requeue",
        metavar="ID",
        help="with dead: put a letter into its mailbox again; `all` for all",
    )
    choice.add_argument(
        "--drop", metavar="ID", help="with dead: forget a letter; `all` for all"
    )


def main(args: argparse.Namespace) -> int:
    """Look at what an engine keeps.

    Args:
        args: What a parser with `add_arguments` read.

    Returns:
        0; 1 if it is damaged, or something else could not be done; 2 if there is
        nothing to look at, or nothing that can be done with it.
    """
    place: str | None = args.place
    if place is None and (os.environ.get(_VARIABLE) or "").startswith(SCHEMES):
        place = os.environ[_VARIABLE]
    what: str = args.what
    try:
        if place is not None and place.startswith(SCHEMES):
            _check(what, of_server.ACTIONS, "server")
            return of_server.main(what, place, requeue=args.requeue, drop=args.drop)
        _check(what, of_file.ACTIONS, "file")
        return of_file.main(what, None if place is None else Path(place), args.to)
    except (NoStateFileError, RuntimeSettingError) as error:
        return _say(error, WRONG_USE)
    except (DuologueError, OSError, sqlite3.Error) as error:
        return _say(error, FAILED)


def _check(what: str, known: Collection[str], kind: str) -> None:
    """See that something can be done with a place of a kind.

    Raises:
        RuntimeSettingError: It cannot.
    """
    if what not in known:
        raise RuntimeSettingError(what, f"a {kind} has only {', '.join(known)}")


def _say(error: Exception, status: int) -> int:
    sys.stderr.write(f"duologue state: {error}\n")
    return status
