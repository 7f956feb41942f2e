"""The port and the tokens of a sandbox, kept in a private file over restarts.

The line that starts a bot is then pasted once. The file is trusted only if it is what
this module writes: a regular file of this user, which nobody else may read. Whatever
else lies there is left unread, and the next start writes a new one.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "sandbox.json"
VARIABLE = "DUOLOGUE_STATE_DIR"
FOLDER = ".duologue"
LONGEST = 4096
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Access:
    """Where a sandbox listens, and what opens its doors."""

    port: int
    token: str
    control_token: str


def access_file() -> Path:
    """Name the file: in the folder where a bot keeps its state, too."""
    return Path(os.environ.get(VARIABLE) or FOLDER) / FILE


def read_access(path: Path) -> Access | None:
    """Read what an earlier start kept; None if nothing fit for use is there."""
    try:
        return _parsed(_private_content(path))
    except (OSError, ValueError, RecursionError):
        return None


def write_access(path: Path, access: Access) -> None:
    """Keep the access of a running sandbox for the next start.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(access), file)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _private_content(path: Path) -> bytes:
    # Without O_NONBLOCK a FIFO in its place would be waited for.
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(opened, "rb") as file:
        facts = os.fstat(opened)
        is_private = (
            stat.S_ISREG(facts.st_mode)
            and facts.st_uid == os.geteuid()
            and not facts.st_mode & 0o077
        )
        return file.read(LONGEST) if is_private else b""


def _parsed(content: bytes) -> Access | None:
    match json.loads(content):
        case {
            "port": int(port),
            "token": str(token),
            "control_token": str(control_token),
        } if 0 < port <= LAST_PORT and token and control_token:
            return Access(port, token, control_token)
        case _:
            return None
