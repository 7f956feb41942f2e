"""What a bot of the fleet does to itself when it is told: hang, die, go by another clock.

The driver tells it by a signal. A hang and a death happen in a handler, as an author's
mistake would have them; a clock is the one by which the process, or the server, goes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

HANG = signal.SIGUSR1
SET_CLOCKS = signal.SIGUSR2
CLOCKS = (
    "clocks"  # in the folder of a bot: by how much its clock and the server's are wrong
)
DEATHS = ("exit", "segfault", "kill")
EXIT = 13
CODES = (EXIT, -signal.SIGSEGV, -signal.SIGKILL)


class Ills:
    """What is wrong with this process now.

    Attributes:
        own: By how many seconds its clock is ahead.
        server: By how many the server's is, as far as this process is concerned.
        server_was_wrong: Whether it ever was.
    """

    own: ClassVar[float] = 0.0
    server: ClassVar[float] = 0.0
    server_was_wrong: ClassVar[bool] = False
    _hangs: ClassVar[bool] = False
    _seconds: ClassVar[float] = 0.0
    _note: ClassVar[Callable[[str], None]]

    @classmethod
    def listen(cls, folder: Path, seconds: float, note: Callable[[str], None]) -> None:
        """Have signals tell what is to be wrong, and for how many seconds it hangs."""
        cls._seconds, cls._note = seconds, note

        def hang(*_: object) -> None:
            cls._hangs = True

        def set_clocks(*_: object) -> None:
            own, server = (folder / CLOCKS).read_text("utf-8").split()
            cls.own, cls.server = float(own), float(server)
            cls.server_was_wrong |= bool(cls.server)
            note("clocks")

        signal.signal(HANG, hang)
        signal.signal(SET_CLOCKS, set_clocks)

    @classmethod
    def go_by_own_clock(cls) -> None:
        """Have all on the running loop go by the clock of this process."""
        loop = asyncio.get_running_loop()
        loop.wall_time = lambda: time.time() + cls.own  # type: ignore[attr-defined] # virtual loops have it

    @classmethod
    def hang(cls) -> None:
        """Do nothing else for a while, if that was told."""
        if cls._hangs:
            cls._hangs = False
            cls._note("hung")
            time.sleep(cls._seconds)


def die(how: str) -> None:
    """End this process, or raise."""
    if how == "exit":
        os._exit(EXIT)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "kill":  # as a system does that has no memory left
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError(how)
