"""Processes that were forked from one another share nothing by which mail is known."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.real_time

PROGRAM = """
import os
from duologue.actors import MemoryEngine
from duologue.state._keeper import Cell, Keeper
from duologue.state._changes import Increase
from duologue.state._placed import Writes
from duologue.runtime._states import _values as codec

def names():
    outbox = []
    cell = Keeper(MemoryEngine(), codec).cell("Total:max.1", "Total", None)
    Writes(outbox, []).add(cell, Increase("total", 1, 0), codec)
    print(outbox[0].mail.id)

child = os.fork()
if child:
    os.waitpid(child, 0)
names()
"""


def test_what_they_write_to_a_state_is_not_taken_for_the_same() -> None:
    done = subprocess.run(  # noqa: S603  # this Python
        [sys.executable, "-u", "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    first, second = done.stdout.split()
    assert first != second
