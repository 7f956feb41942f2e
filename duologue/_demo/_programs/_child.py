"""Programs that end with the one that started them: the demo, and its children.

`python -m duologue._demo._programs._child MODULE ARGUMENTS...` keeps an eye on standard input: the
starting program holds its other end, so even one that is killed leaves no orphan.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import sys
import threading
import time
from importlib.util import find_spec

GRACE = 3.0
"""Seconds for ending in order, when there is nobody left to insist on it."""


class Starter:
    """The parent of this process, and the reader of its output.

    A program that serves nobody should not stay. Either can leave alone: a test that
    is killed leaves a reader if it shares its output, and `| head` leaves a shell.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()

    def is_gone(self) -> bool:
        """Tell whether the parent has ended, or nobody can read the output any more."""
        # An orphan gets another parent.
        return os.getppid() != self._parent or _is_broken(sys.stdout.fileno())


def _is_broken(output: int) -> bool:
    """Tell whether a pipe has lost its reader, or a terminal its window."""
    poll = select.poll()
    # Nothing is asked for: these two are told anyway, for files never.
    poll.register(output, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def main() -> None:
    """Run the module that the arguments name, as `python -m` would."""
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    if not _is_there(sys.argv[0]):
        sys.exit(
            f"there is no module {sys.argv[0]!r} here; name one as `python -m` takes "
            "it, without .py, and start from the folder that holds it"
        )
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _is_there(module: str) -> bool:
    """Tell whether a module can be found; its parents are imported for that."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # a parent is there and misses something itself
        return False


def _end_with_the_starter() -> None:
    # Not sys.stdin: its lock, held by this thread, would crash the interpreter's exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
