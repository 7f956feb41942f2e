"""The command that looks into a state file: `duologue state`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from duologue.errors import DuologueError, NoStateFileError
from duologue.transport.sqlite import _inspect

FAILED = 1
WRONG_USE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `duologue state` to a parser."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_ACTIONS),
        default="show",
        help="show: how much is in it (default); check: look for damage; backup: copy "
        "it, also while a bot runs; export: state, mail and dead letters as lines of "
        "JSON",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        help="the file (default: the only *.db in DUOLOGUE_STATE_DIR or .duologue)",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="where the backup goes; it must not exist (default: beside the file, "
        "named after the time)",
    )


def main(args: argparse.Namespace) -> int:
    """Look into a state file.

    Args:
        args: What a parser with `add_arguments` read.

    Returns:
        0; 1 if the file is damaged, or something else could not be done; 2 if there
        is no file to look at.
    """
    folder = Path(os.environ.get("DUOLOGUE_STATE_DIR") or ".duologue")
    try:
        path = _inspect.find(args.path, folder)
        return _ACTIONS[str(args.what)](path, args.to)
    except NoStateFileError as error:
        return _say(error, WRONG_USE)
    except (DuologueError, OSError, sqlite3.Error) as error:
        return _say(error, FAILED)


def _say(error: Exception, status: int) -> int:
    sys.stderr.write(f"duologue state: {error}\n")
    return status


def _write(line: object) -> None:
    sys.stdout.write(f"{line}\n")


def _show(path: Path, _: Path | None) -> int:
    _write(path)
    for name, number in _inspect.numbers(path).items():
        shown = f"{number:,}"
        if name == "last use":
            shown = _time(number) if number else "never"
        _write(f"  {name:<18}{shown:>20}")
    return 0


def _check(path: Path, _: Path | None) -> int:
    findings = _inspect.check(path)
    _write(f"{path}: {'damaged' if findings else 'all is well'}")
    for finding in findings:
        _write(f"  {finding}")
    return FAILED if findings else 0


def _backup(path: Path, to: Path | None) -> int:
    when = time.strftime("%Y%m%d-%H%M%S")
    copy = to or path.with_name(f"{path.stem}-{when}.backup")
    _inspect.backup(path, copy)
    _write(copy)
    return 0


def _export(path: Path, _: Path | None) -> int:
    for line in _inspect.export(path):
        _write(line)
    return 0


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


_ACTIONS: dict[str, Callable[[Path, Path | None], int]] = {
    "show": _show,
    "check": _check,
    "backup": _backup,
    "export": _export,
}
