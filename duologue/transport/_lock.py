"""Files that one process alone may have.

The lock is the kernel's (POSIX): it ends with the process however that ends, and a fork has
none of it, so nothing is left to go stale. The file stays; what stands in it only names the
process that holds it. Two owners in one process are not told apart.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT


def lock_file(path: Path) -> int | str:
    """Lock a file, which is made if there is none.

    Returns:
        The open file, which is locked until it is closed; or who has locked it.

    Raises:
        OSError: It cannot be opened or locked at all.
    """
    import fcntl  # noqa: PLC0415  # not on Windows

    file = os.open(path, _FLAGS | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.write(file, _myself().encode(errors="replace"))
    except OSError as error:
        holder = os.read(file, 200).decode(errors="replace")
        os.close(file)
        if error.errno not in {errno.EACCES, errno.EAGAIN}:
            raise
        return holder or "another process"
    return file


def _myself() -> str:
    # Without arguments: one of them may be a token.
    return f"process {os.getpid()} ({Path(sys.argv[0]).name or 'python'})"
