"""What is kept on a server, for whoever looks from outside, while bots run or not.

The keys are found by SCAN, some at a time, so that bots go on; that is why what is counted
is not as of one moment. Nothing here changes anything but `forget`.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from redis.exceptions import RedisError, ResponseError

from duologue.actors import FailedMail, Letter
from duologue.errors import (
    EngineServerError,
    EngineUnavailableError,
)
from duologue.transport.redis._keys import LAYOUT, PREFIX, Names
from duologue.transport.redis._server import Server, server_of
from duologue.transport.redis._units import TOKEN_SIZE
from duologue.transport.redis._upkeep import GONE
from duologue.transport.redis._wire._calls import Reply
from duologue.transport.redis._wire._client import Argument, Client
from duologue.transport.redis._wire._envelopes import unpack
from duologue.transport.redis._wire._link import BROKEN, said

_AT_ONCE: Final = 500
_HOTTEST: Final = 5
_META: Final = re.compile(rf"{PREFIX}:\{{([^{{}}:]+)\}}:meta")
_PATTERN: Final = r"\{{{0}:\d+\}}:([a-z]+):(.*)"


@dataclass(slots=True)
class Census:
    """What is kept of one namespace.

    Attributes:
        names: Its keys.
        processes: How many processes work on it.
        counted: How much there is of what.
        oldest: Seconds for which the longest waiting unit has been ready.
        hottest: The units with the most mail, and how much.
    """

    names: Names
    processes: int = 0
    counted: Counter[str] = field(default_factory=Counter[str])
    oldest: float = 0.0
    hottest: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that nobody could handle.

    Attributes:
        id: Names it among those of its namespace.
        mail: The message, and why it was given up.
        place: The list that it is in.
        data: How it lies there.
    """

    id: str
    mail: FailedMail
    place: str
    data: bytes


class Inspector:
    """Looks at a server, or at all that share the keys.

    Args:
        server: The server, or several that act as one.

    Attributes:
        server: How errors name it.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.server: str = server.said

    async def namespaces(self, wanted: str | None) -> list[Names]:
        """The namespaces that are there.

        Args:
            wanted: The only one to look at; None for all.

        Raises:
            EngineServerError: There is none.
        """
        found: list[Names] = []
        pattern = f"{PREFIX}:{{{wanted or '*'}}}:meta"
        async for key in self._keys(pattern):
            match = _META.fullmatch(key)
            names = None if match is None else await self._namespace(match[1], key)
            if names is not None:
                found.append(names)
        if found:
            return sorted(found, key=lambda names: names.meta)
        what = "of duologue" if wanted is None else f"of the namespace {wanted}"
        raise EngineServerError(
            self.server, f"nothing {what} is there", "Check the URL, /database too"
        )

    async def census(self, names: Names) -> Census:
        """Count what a namespace has."""
        census = Census(names)
        counted = census.counted
        for shard in range(names.shards):
            replies = await self._all(
                ["HMGET", names.counts(shard), "mail", "parked"],
                ["ZCARD", names.timed(shard)[0]],
                ["LLEN", names.dead(shard)],
                ["ZCARD", names.leased(shard)[0]],
            )
            mail, parked = cast("list[bytes | None]", replies[0])
            counted["mail"] += int(mail or 0)
            counted["parked mailboxes"] += int(parked or 0)
            for name, number in zip(
                ("letters for later", "dead letters", "units leased"),
                replies[1:],
                strict=True,
            ):
                counted[name] += cast("int", number)
        boxes: list[tuple[str, str]] = []
        async for kind, rest, key in self._parts(names):
            if kind == "s" and rest.startswith("dialog/"):
                counted["dialogs"] += 1
            elif kind == "rdy":
                await self._count_ready(census, key)
            elif kind == "m":
                boxes.append((rest, key))
            elif kind == "o":
                counted["owed drawings"] += cast(
                    "int", (await self._all(["HLEN", key]))[0]
                )
        await self._find_hottest(census, boxes)
        now = time.time()
        here: list[Argument] = ["ZCOUNT", names.processes, now - GONE, "+inf"]
        census.processes = cast("int", (await self._all(here))[0])
        return census

    async def findings(self, names: Names) -> list[str]:
        """What is wrong with a namespace; nothing if all is well."""
        found: list[str] = []
        (layout,) = cast(
            "list[bytes | None]", (await self._all(["HMGET", names.meta, "layout"]))[0]
        )
        if layout != str(LAYOUT).encode():
            shown = "none" if layout is None else layout.decode()
            return [f"its layout is {shown}, and this version knows {LAYOUT}"]
        held: set[str] = set()
        waiting: dict[str, str] = {}
        async for kind, rest, key in self._parts(names):
            if kind == "rdy":
                held |= {_unit(each) for each in await self._members(key)}
            elif kind in ("m", "o", "x"):
                waiting[rest] = key
            if kind == "m":
                found += await self._unreadable(rest, key)
        for shard in range(names.shards):
            held |= {
                _unit(each) for each in await self._members(names.leased(shard)[0])
            }
        for unit, key in waiting.items():
            # It may have been handled since, or have been leased in between.
            if unit not in held and (await self._all(["EXISTS", key]))[0]:
                found.append(f"{unit} has something to do, and nobody will be told")
        return found

    async def export(self, names: Names) -> AsyncGenerator[str]:
        """State, mail and dead letters, as lines of JSON."""
        async for kind, rest, key in self._parts(names):
            if kind == "s":
                (data,) = cast("list[bytes | None]", await self._all(["GET", key]))
                yield _line("snapshot", rest, body=(data or b"")[TOKEN_SIZE:])
            elif kind == "m":
                (flat,) = cast("list[list[bytes]]", await self._all(["HVALS", key]))
                for letter in _letters(flat):
                    yield _line("mail", letter.key, letter.mail.id, letter.mail.body)
        for dead in await self.dead(names):
            mail = dead.mail.mail
            yield _line(
                "dead letter", dead.mail.key, mail.id, mail.body, dead.mail.error
            )

    async def dead(self, names: Names) -> list[Dead]:
        """The dead letters of a namespace, those of each shard oldest first."""
        found: list[Dead] = []
        for shard in range(names.shards):
            place = names.dead(shard)
            (entries,) = cast(
                "list[list[bytes]]", await self._all(["LRANGE", place, 0, -1])
            )
            found += [_dead(place, data) for data in entries]
        return found

    async def forget(self, dead: Dead) -> None:
        """Take a dead letter out."""
        await self._all(["LREM", dead.place, 1, dead.data])

    async def _namespace(self, name: str, key: str) -> Names | None:
        """The keys of a namespace; None if it belongs to somebody else."""
        try:
            (shards,) = await self._all(["HGET", key, "shards"])
            return Names(name, int(cast("bytes", shards)))
        except (ResponseError, TypeError, ValueError):
            return None

    async def _count_ready(self, census: Census, key: str) -> None:
        number, first = await self._all(
            ["ZCARD", key], ["ZRANGE", key, 0, 0, "WITHSCORES"]
        )
        census.counted["units ready"] += cast("int", number)
        scores = cast("list[bytes]", first)[1:]
        if scores:
            age = time.time() - float(scores[0]) / 1000
            census.oldest = max(census.oldest, age)

    async def _find_hottest(
        self, census: Census, boxes: Sequence[tuple[str, str]]
    ) -> None:
        sizes: list[tuple[str, int]] = []
        for start in range(0, len(boxes), _AT_ONCE):
            part = boxes[start : start + _AT_ONCE]
            lengths = await self._all(*(["HLEN", key] for _, key in part))
            names = (name for name, _ in part)
            sizes += zip(names, cast("list[int]", lengths), strict=True)
        sizes.sort(key=lambda each: -each[1])
        census.hottest = [each for each in sizes[:_HOTTEST] if each[1]]

    async def _unreadable(self, unit: str, key: str) -> list[str]:
        (flat,) = cast("list[list[bytes]]", await self._all(["HVALS", key]))
        number = len(flat) - len(_letters(flat))
        if not number:
            return []
        return [f"{number} messages of {unit} are of no version that is known here"]

    async def _members(self, key: str) -> list[str]:
        (members,) = cast("list[list[bytes]]", await self._all(["ZRANGE", key, 0, -1]))
        return [each.decode() for each in members]

    async def _parts(self, names: Names) -> AsyncGenerator[tuple[str, str, str]]:
        """The keys of shards: what each is, of whom, and its whole name."""
        of = _PATTERN.format(re.escape(names.namespace))
        pattern = re.compile(f"{PREFIX}:{of}", re.DOTALL)
        async for key in self._keys(f"{PREFIX}:{{{names.namespace}:*"):
            match = pattern.fullmatch(key)
            if match is not None:
                yield match[1], match[2], key

    async def _keys(self, pattern: str) -> AsyncGenerator[str]:
        seen: set[bytes] = set()
        for client in self._server.clients():
            async for key in self._keys_of(client, pattern, seen):
                yield key

    @staticmethod
    async def _keys_of(
        client: Client, pattern: str, seen: set[bytes]
    ) -> AsyncGenerator[str]:
        cursor = b"0"
        while True:
            command: list[Argument] = ["SCAN", cursor, "MATCH", pattern]
            reply = await client.execute_command(*command, "COUNT", _AT_ONCE)
            cursor, keys = cast("tuple[bytes, list[bytes]]", reply)
            for key in keys:
                if key not in seen:  # SCAN may tell of one twice
                    seen.add(key)
                    yield key.decode()
            if cursor == b"0":
                return

    async def _all(self, *commands: Sequence[Argument]) -> list[Reply]:
        """Ask for the answer to each command, of whoever has its key."""
        parts: dict[Client, list[int]] = {}
        for number, command in enumerate(commands):
            client = self._server.client_for(cast("str", command[1]))
            parts.setdefault(client, []).append(number)
        replies: list[Reply] = [None] * len(commands)
        for client, numbers in parts.items():
            pipeline = client.pipeline(transaction=False)
            for number in numbers:
                pipeline.execute_command(*commands[number])
            found = await pipeline.execute(raise_on_error=True)
            for number, reply in zip(numbers, found, strict=True):
                replies[number] = cast("Reply", reply)
        return replies


@asynccontextmanager
async def inspecting(url: str) -> AsyncGenerator[Inspector]:
    """Look at the server of a URL.

    Raises:
        RuntimeSettingError: The URL is none.
        EngineUnavailableError: It does not answer.
    """
    server = server_of(url, "fast")
    try:
        await server.reach()
        yield Inspector(server)
    except (*BROKEN, RedisError) as error:
        raise EngineUnavailableError(server.said, said(error)) from None
    finally:
        await server.close()


def _unit(member: str) -> str:
    return member.partition("|")[2]


def _letters(flat: Sequence[bytes]) -> list[Letter]:
    found: list[Letter] = []
    for data in flat:
        try:
            found.append(unpack(data))
        except ValueError:
            continue
    return found


def _dead(place: str, data: bytes) -> Dead:
    end = 4 + int.from_bytes(data[:4])
    letter = unpack(data[end:])
    error = data[4:end].decode(errors="replace")
    return Dead(letter.mail.id, FailedMail(letter.key, letter.mail, error), place, data)


def _line(
    kind: str, key: str, name: str = "", body: bytes = b"", error: str = ""
) -> str:
    entry = {
        "kind": kind,
        "key": key,
        "id": name,
        "body": body.decode(errors="replace"),
        "error": error,
    }
    known = {field: value for field, value in entry.items() if value}
    return json.dumps(known, ensure_ascii=False)
