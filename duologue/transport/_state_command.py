"""The command that looks at what an engine keeps: `duologue state`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from duologue._redis import SCHEMES
from duologue.errors import DuologueError, NoStateFileError, RuntimeSettingError
from duologue.transport._urls import FILE
from duologue.transport.redis import _cli as of_server
from duologue.transport.sqlite import _cli as of_file

FAILED: Final = 1
WRONG_USE: Final = 2
_VARIABLE: Final = "DUOLOGUE_ENGINE"
_ACTIONS: Final = {
    "show": "how much there is; the default",
    "check": "look for damage",
    "backup": "copy a file, also while a bot runs",
    "export": "state, mail and dead letters as lines of JSON",
    "dead": "list the dead letters of a server",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `duologue state`, and their options, to a parser."""
    actions = parser.add_subparsers(dest="what", metavar="ACTION", required=True)
    found = {
        name: actions.add_parser(name, help=does, description=does)
        for name, does in _ACTIONS.items()
    }
    for action in found.values():
        _add_place(action)
    found["backup"].add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="where the backup goes; it must not exist (default: beside the file, "
        "named after the time)",
    )
    choice = found["dead"].add_mutually_exclusive_group()
    choice.add_argument(
        "--requeue",
        metavar="ID",
        help="put a letter into its mailbox again; `all` for all",
    )
    choice.add_argument("--drop", metavar="ID", help="forget a letter; `all` for all")


def _add_place(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "place",
        nargs="?",
        help="the file, its folder, or the URL of the server (default: what "
        "DUOLOGUE_ENGINE names, else the only *.db in DUOLOGUE_STATE_DIR or .duologue)",
    )
    action.set_defaults(to=None, requeue=None, drop=None)


def completed(words: Sequence[str]) -> Sequence[str]:
    """What follows `duologue state`, with the action where a place alone is named."""
    first = words[0] if words else ""
    is_place = not words or any(sign in first for sign in "./:") or Path(first).exists()
    return ["show", *words] if is_place and first not in _ACTIONS else words


def main(args: argparse.Namespace) -> int:
    """Look at what an engine keeps.

    Args:
        args: What a parser with `add_arguments` read.

    Returns:
        0; 1 if it is damaged, or something else could not be done; 2 if there is
        nothing to look at, or nothing that can be done with it.
    """
    place: str | None = args.place
    named = os.environ.get(_VARIABLE) or ""
    if place is None and named.startswith((FILE, *SCHEMES)):
        place = named
    what: str = args.what
    try:
        if place is not None and place.startswith(SCHEMES):
            _check(what, of_server.ACTIONS, "server")
            return of_server.main(what, place, requeue=args.requeue, drop=args.drop)
        _check(what, of_file.ACTIONS, "file")
        return of_file.main(what, None if place is None else _path(place), args.to)
    except (NoStateFileError, RuntimeSettingError) as error:
        return _say(error, WRONG_USE)
    except (DuologueError, OSError, sqlite3.Error) as error:
        return _say(error, FAILED)


def _path(place: str) -> Path:
    """The file that is meant, also where a program names it like this as its engine."""
    return Path(place.removeprefix(FILE)).expanduser()


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
