"""A Redis or Valkey server for the length of the demo, with a folder of its own.

`python -m duologue._demo._programs._child duologue._demo._programs._server PROGRAM FOLDER` runs one that ends
with the demo however that ends.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

_PROGRAMS = ("valkey-server", "redis-server")
_SOCKET = "server.sock"


def server_program() -> str | None:
    """Find a server on this machine; None if there is none."""
    found = (shutil.which(program) for program in _PROGRAMS)
    return next((program for program in found if program), None)


def server_url(folder: Path) -> str:
    """Tell the URL of the server that keeps its files in a folder."""
    return f"unix://{folder / _SOCKET}"


def main() -> int:
    """Run the server that the arguments name until SIGTERM."""
    program, folder = sys.argv[1:]
    options = (
        *("--port", "0", "--unixsocket", str(Path(folder, _SOCKET))),
        *("--dir", folder, "--appendonly", "yes", "--save", ""),
    )
    with subprocess.Popen([program, *options]) as process:  # noqa: S603  # found above

        def end(_number: int, _frame: FrameType | None) -> None:
            process.terminate()

        signal.signal(signal.SIGTERM, end)
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
