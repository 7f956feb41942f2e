"""Whoever started this program, and whether it is still there."""

from __future__ import annotations

import os
import select
import sys


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
