"""The names of everything that the engine keeps on a server.

A unit is what is leased as a whole: a chat, with its dialogs and its screen, or one key of
another kind. All keys of a unit have one hash tag, that of its shard, so that each script
stays in one slot of a cluster.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from duologue._redis import check_place

PREFIX: Final = "duologue"
LAYOUT: Final = 1
"""The version of what is kept; a program refuses any other."""

_CHATS: Final = ("dialog/", "screen/")


def unit_of(key: str) -> str:
    """The unit of a mailbox or a screen, such as `max.1:42` or `state/Cart:7`."""
    if key.startswith(_CHATS):
        bot, _, rest = key.partition("/")[2].partition(":")
        chat = rest.partition(":")[0]
        return f"{bot}:{chat}" if chat else bot
    return key


def kind_of(key: str) -> str:
    """The ready set in which the unit of a key waits.

    Screens wait where the dialogs of their bot do.
    """
    if ":" not in key:
        kind = key.partition("/")[0]
        return "dialog" if kind == "screen" else kind
    kind = key.partition(":")[0]
    return "dialog/" + kind.partition("/")[2] if kind.startswith("screen/") else kind


class Names:
    """The keys of one namespace.

    Args:
        namespace: What tells it from others on the server.
        shards: How many hash tags its units are spread over.

    Raises:
        RuntimeSettingError: There is no such namespace, or no such number.
    """

    def __init__(self, namespace: str, shards: int) -> None:
        check_place(namespace, shards)
        self.namespace: str = namespace
        self.shards: int = shards
        self._tags = [
            f"{PREFIX}:{{{namespace}:{number:02d}}}" for number in range(shards)
        ]
        self._own = f"{PREFIX}:{{{namespace}}}"
        self.meta: str = f"{self._own}:meta"
        self.kinds: str = f"{self._own}:kinds"
        self.bell: str = f"{self._own}:bell"
        self.processes: str = f"{self._own}:processes"
        self.probe: str = f"{self._own}:probe"
        self.channel: str = f"{PREFIX}:{namespace}:to:"

    def shard_of(self, unit: str) -> int:
        """The shard of a unit."""
        return crc32(unit.encode()) % self.shards

    def leased(self, shard: int) -> tuple[str, str]:
        """The leases of a shard by their ends, and their owners."""
        tag = self._tags[shard]
        return f"{tag}:lea", f"{tag}:own"

    def ready(self, shard: int, kind: str, schema: int = 0) -> str:
        """The units of a kind that wait, for programs of a schema."""
        suffix = f":{schema}" if schema else ""
        return f"{self._tags[shard]}:rdy:{kind}{suffix}"

    def counts(self, shard: int) -> str:
        """How much is kept in a shard."""
        return f"{self._tags[shard]}:n"

    def timed(self, shard: int) -> tuple[str, str]:
        """The letters for later of a shard: their times, and what they say."""
        tag = self._tags[shard]
        return f"{tag}:tmr", f"{tag}:tmrb"

    def dead(self, shard: int) -> str:
        """The dead letters of a shard."""
        return f"{self._tags[shard]}:dead"

    def stream(self, shard: int) -> tuple[str, str]:
        """What other programs write for a shard, and what of it is set aside."""
        tag = self._tags[shard]
        return f"{tag}:in", f"{tag}:aside"

    def answers(self, shard: int, name: str) -> str:
        """Where another program waits for an answer."""
        return f"{self._tags[shard]}:rep:{name}"

    def unit(self, shard: int, unit: str, kind: str) -> list[str]:
        """What every script about a unit is given first."""
        tag = self._tags[shard]
        return [
            f"{tag}:u:{unit}",
            f"{tag}:m:{unit}",
            f"{tag}:o:{unit}",
            f"{tag}:r:{unit}",
            f"{tag}:x:{unit}",
            f"{tag}:n",
            f"{tag}:lea",
            f"{tag}:own",
            f"{tag}:rdy:{kind}",
        ]

    def state(self, shard: int, key: str) -> str:
        """The snapshot of a mailbox, behind the token of its last commit."""
        return f"{self._tags[shard]}:s:{key}"

    def ring(self, shard: int, key: str) -> str:
        """The newest ids that a mailbox has taken."""
        return f"{self._tags[shard]}:d:{key}"

    def held(self, name: str) -> tuple[str, str]:
        """Who holds a name, and the value that is kept with it."""
        tag = f"{self._own[:-1]}:h:{name}}}"
        return f"{tag}:by", f"{tag}:value"

    def allowance(self, bot: str) -> tuple[str, str]:
        """The calls that a bot has taken, and its pause."""
        tag = f"{self._own[:-1]}:w:{bot}}}"
        return f"{tag}:calls", f"{tag}:pause"
