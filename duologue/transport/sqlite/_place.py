"""Where the file of a state may be, and whose it is."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

from duologue.actors import Clock
from duologue.errors import NetworkFileSystemError, StateFolderError, StateInUseError
from duologue.transport._lock import lock_file

_logger = logging.getLogger("duologue")
MOUNTS = Path("/proc/self/mounts")
# File systems whose locks and shared memory do not hold what SQLite needs.
NETWORK = frozenset({"9p", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3"})
_PAUSE = 0.1  # seconds between two looks at a lock
# The kernel does not tell two owners in one process apart, and whoever opens and closes a lock
# a second time has given it back: so who has which file, by its process, is known to it alone.
_OWNED: dict[Path, int] = {}
_OWNED_LOCK = threading.Lock()
_HERE = "another engine of this process"
_OCTAL = re.compile(r"\\([0-7]{3})")


def prepare(path: Path, mounts: Path) -> None:
    """Make the folder and the file, for this user alone.

    Raises:
        NetworkFileSystemError: It would be on another machine.
        StateFolderError: It cannot be made or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = file_system_of(path, mounts)
        if kind in NETWORK:
            raise NetworkFileSystemError(str(path), kind)
        if not _is_owned_here(path):  # closing it would take SQLite's locks away
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            os.close(os.open(path, flags, 0o600))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "the folder cannot be written")
    except FileExistsError as error:
        problem = f"{path.parent} is no folder"
        raise StateFolderError(str(path), problem) from error
    except OSError as error:
        raise StateFolderError(str(path), error.strerror or str(error)) from error


def _is_owned_here(path: Path) -> bool:
    """Whether an engine of this process has a file; a fork has its parent's copy."""
    return _OWNED.get(path.resolve()) == os.getpid()


def file_system_of(path: Path, mounts: Path) -> str | None:
    """The kind of the file system of a path; None where nothing says it."""
    try:
        table = mounts.read_text(errors="replace")
    except OSError:
        return None
    folder = path.parent.resolve()
    best: tuple[int, str] | None = None
    for point, kind in _mounted(table):
        # Of two at one place the later one hides the other.
        if folder.is_relative_to(point) and (best is None or len(point) >= best[0]):
            best = len(point), kind
    return None if best is None else best[1]


def _mounted(table: str) -> Iterator[tuple[str, str]]:
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:  # noqa: PLR2004  # device, place, kind, ...
            yield _OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[1]), fields[2]


class OwnerLock:
    """Keeps other processes from a state file while this one uses it.

    Args:
        path: The state file; the lock is a file beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._owned: Path | None = None

    async def take(self, thread: Executor, *, patience: float, clock: Clock) -> None:
        """Take it; wait for the process before.

        Args:
            thread: Where files are opened.
            patience: Seconds to wait at most.
            clock: Measures them.

        Raises:
            StateInUseError: Another process still had it when the time was up.
            StateFolderError: The lock cannot be made.
        """
        loop = asyncio.get_running_loop()
        deadline = clock.time() + patience
        holder = await loop.run_in_executor(thread, self._try)
        if holder is not None and patience > 0:
            _logger.warning(
                "%s is still used by %s; waiting for its end", self._path, holder
            )
        while holder is not None:
            if clock.time() >= deadline:
                raise StateInUseError(str(self._path), holder)
            await clock.sleep(_PAUSE)
            holder = await loop.run_in_executor(thread, self._try)

    def release(self) -> None:
        """Let another process have the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._owned is not None:
            with _OWNED_LOCK:
                _OWNED.pop(self._owned, None)
            self._owned = None

    def _try(self) -> str | None:
        """Lock the file; tell who has it if somebody else has."""
        with _OWNED_LOCK:
            if _is_owned_here(self._path):
                return _HERE
            holder = self._lock()
            if holder is None:
                self._owned = self._path.resolve()
                _OWNED[self._owned] = os.getpid()
        return holder

    def _lock(self) -> str | None:
        if sys.platform == "win32":
            return None
        try:
            locked = lock_file(Path(f"{self._path}.lock"))
        except OSError as error:
            reason = error.strerror or str(error)
            raise StateFolderError(str(self._path), reason) from error
        if isinstance(locked, str):
            return locked
        self._file = locked
        return None
