"""What `duologue state` shows of a file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from duologue.transport.sqlite import _inspect

FAILED = 1


def main(what: str, path: Path | None, to: Path | None) -> int:
    """Look into a state file.

    Args:
        what: What to do; one of `ACTIONS`.
        path: The file, or a folder with one; None for the state folder.
        to: Where a backup goes.

    Returns:
        0; 1 if the file is damaged.

    Raises:
        NoStateFileError: There is no file to look at.
        StateFileError: It cannot be read, or not be copied.
        OSError: The same.
        sqlite3.Error: The same.
    """
    folder = Path(os.environ.get("DUOLOGUE_STATE_DIR") or ".duologue")
    return ACTIONS[what](_inspect.find(path, folder), to)


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


ACTIONS: dict[str, Callable[[Path, Path | None], int]] = {
    "show": _show,
    "check": _check,
    "backup": _backup,
    "export": _export,
}
