"""What the URL of an engine says: of its server, and of what lies there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from duologue.errors import RuntimeSettingError

NAMESPACE: Final = "main"
SHARDS: Final = 16
SHARDS_OF_CLUSTER: Final = 64  # so that each of its servers has a share of them

_OPTIONS: Final = ("namespace", "shards", "durability")
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_SHARDS: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and what is chosen there; None for what the URL does not say.

    Attributes:
        server: The URL, without what the others say.
        namespace: What tells one application from others there.
        shards: How many hash tags it is spread over.
        durability: When something counts as kept.
    """

    server: str
    namespace: str | None
    shards: int | None
    durability: str | None


def place_in(url: str) -> Place:
    """What the URL of an engine says.

    Raises:
        RuntimeSettingError: Its shards are no number.
    """
    server, _, options = url.partition("?")
    query = parse_qsl(options, keep_blank_values=True)
    own = {name: value for name, value in query if name in _OPTIONS}
    rest = urlencode([each for each in query if each[0] not in _OPTIONS])
    shards = own.get("shards")
    if shards is not None and not (shards.isascii() and shards.isdigit()):
        raise RuntimeSettingError("shards=", f"{shards!r} is no number")
    return Place(
        f"{server}?{rest}" if rest else server,
        own.get("namespace"),
        None if shards is None else int(shards),
        own.get("durability"),
    )


def check_place(namespace: str, shards: int) -> None:
    """See that there may be such a namespace, of so many shards.

    Raises:
        RuntimeSettingError: There may not.
    """
    if not _NAMESPACE.fullmatch(namespace):
        problem = f"{namespace!r} is none; write up to 64 of a-z, A-Z, 0-9, . _ -"
        raise RuntimeSettingError("namespace=", problem)
    if not 0 < shards <= _MOST_SHARDS:
        problem = f"{shards} is none; write a number from 1 to {_MOST_SHARDS}"
        raise RuntimeSettingError("shards=", problem)
