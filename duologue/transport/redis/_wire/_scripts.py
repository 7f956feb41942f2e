"""The scripts that run on the server: one file each in `lua/`, named by what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Final

from duologue.transport.redis._wire._commands import Words

_FOLDER: Final = files("duologue.transport.redis._wire") / "lua"
# What several scripts share, by the line that it takes the place of; the second is in the first.
_SHARED: Final = {"--HEAD--\n": "_head.lua", "--TIME--\n": "_time.lua"}


@dataclass(frozen=True, slots=True)
class Script:
    """A script.

    Attributes:
        name: Names it in errors and metrics.
        text: What the server runs.
        sha: Names it on the server. Programs of different versions have different ones.
        words: The command that runs it.
    """

    name: str
    text: str
    sha: str
    words: Words


def _load(name: str) -> Script:
    text = (_FOLDER / f"{name}.lua").read_text("utf-8")
    for line, part in _SHARED.items():
        text = text.replace(line, (_FOLDER / part).read_text("utf-8"))
    digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(name, text, digest, Words(("EVALSHA", digest)))


ENQUEUE: Final = _load("enqueue")
LEASE: Final = _load("lease")
OPEN: Final = _load("open")
FORGET: Final = _load("forget")
COMMIT: Final = _load("commit")
DRAWN: Final = _load("drawn")
RELEASE: Final = _load("release")
HAND: Final = _load("hand")
EXTEND: Final = _load("extend")
NEWS: Final = _load("news")
PARK: Final = _load("park")
HOLD: Final = _load("hold")
TAKE: Final = _load("take")
ACCEPT: Final = _load("accept")
ASIDE: Final = _load("aside")
ACQUIT: Final = _load("acquit")
SUSPECT: Final = _load("suspect")
ALL: Final = (
    ENQUEUE,
    LEASE,
    OPEN,
    FORGET,
    COMMIT,
    DRAWN,
    RELEASE,
    HAND,
    EXTEND,
    NEWS,
    PARK,
    HOLD,
    TAKE,
    ACCEPT,
    ASIDE,
    ACQUIT,
    SUSPECT,
)
