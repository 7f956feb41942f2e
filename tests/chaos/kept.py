"""What a server keeps, read by nobody's engine."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from typing import cast

import redis.asyncio as redis

_TAGGED = re.compile(
    rb"duologue:\{[^}]*:\d+\}:(?P<what>[^:]+)(?::(?P<rest>.*))?", re.DOTALL
)
_PATIENCE = 60.0
_CLUSTER = "redis+cluster://"
_POISON = re.compile(r"poison (p\d+) ")
_AT_REST = {
    b"m": "mail",
    b"o": "owed drawings",
    b"x": "outbox",
    b"tmr": "timers",
    b"lea": "leases",
    b"own": "owners",
    b"rdy": "ready",
    b"dead": "dead letters",
}
"""What there is nothing of, when all is done and the processes have ended."""


async def left_over(url: str) -> Counter[str]:
    """What is on its way, or leased, or set aside."""
    found: Counter[str] = Counter()
    async with _client(url) as client:
        async for key in client.scan_iter(count=1000):
            tagged = _TAGGED.fullmatch(key)
            if tagged is None:
                continue
            if tagged["what"] in _AT_REST:
                found[_AT_REST[tagged["what"]]] += await _size(client, key)
            elif tagged["what"] == b"n":
                mail = int(await client.hget(key, "mail") or 0)
                found["mail counted"] += abs(mail)
    return +found


def _client(url: str) -> redis.Redis:
    """One that is patient: the machine may be busy; of a cluster, one of all of it."""
    if url.startswith(_CLUSTER):
        host, _, port = url.removeprefix(_CLUSTER).partition(",")[0].partition(":")
        cluster = redis.RedisCluster(host, int(port), socket_timeout=_PATIENCE)
        return cast("redis.Redis", cluster)  # what is used of it here is the same
    return redis.Redis.from_url(url, socket_timeout=_PATIENCE)


async def _ask(client: redis.Redis, *words: str | bytes) -> object:
    return await client.execute_command(*words)  # type: ignore[no-untyped-call] # theirs


async def _size(client: redis.Redis, key: bytes) -> int:
    commands = {b"hash": "HLEN", b"zset": "ZCARD", b"list": "LLEN"}
    kind = cast("bytes", await _ask(client, "TYPE", key))
    if kind not in commands:  # it is gone
        return 0
    return cast("int", await _ask(client, commands[kind], key))


async def snapshots(url: str, kind: str = "dialog") -> Mapping[str, str]:
    """The snapshots of a kind, by their keys."""
    found: dict[str, str] = {}
    async with _client(url) as client:
        async for key in client.scan_iter(match=f"duologue:*:s:{kind}/*", count=1000):
            tagged = _TAGGED.fullmatch(key)
            assert tagged is not None
            value = cast("bytes", await _ask(client, "GET", key))
            found[tagged["rest"].decode()] = value[16:].decode()
    return found


async def set_aside(url: str) -> Counter[str]:
    """How often a message of each name that ends processes was set aside."""
    found: Counter[str] = Counter()
    async with _client(url) as client:
        async for key in client.scan_iter(match="duologue:*:dead", count=1000):
            letters = cast("list[bytes]", await _ask(client, "LRANGE", key, "0", "-1"))
            found.update(_POISON.findall(b"".join(letters).decode(errors="replace")))
    return found


async def until_it_leases(url: str, name: str) -> None:
    """Wait until a process has something leased."""
    async with _client(url) as client:
        while not await _leases(client, name):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


async def holds_a_lease(url: str, name: str) -> bool:
    """Whether a process has something leased."""
    async with _client(url) as client:
        return await _leases(client, name)


async def _leases(client: redis.Redis, name: str) -> bool:
    async for key in client.scan_iter(match="duologue:*:own", count=10_000):
        if name.encode() in cast("list[bytes]", await _ask(client, "HVALS", key)):
            return True
    return False


async def let_others_poll(url: str) -> None:
    """Forget who polls, so that one polls who does not know that another still does."""
    async with _client(url) as client:
        async for key in client.scan_iter(match="duologue:*:h:poller*:by", count=1000):
            await client.delete(key)


async def dump(url: str) -> str:
    """Everything but rings, for reading."""
    lines: list[str] = []
    async with _client(url) as client:
        async for key in client.scan_iter(count=1000):
            value: object
            kind = await client.type(key)
            if kind == b"hash":
                value = await client.hgetall(key)
            elif kind == b"zset":
                value = await client.zrange(key, 0, -1, withscores=True)
            elif kind == b"list":
                value = await client.lrange(key, 0, -1)
            elif kind == b"set":
                value = await client.smembers(key)
            elif b":d:" in key:
                continue
            else:
                value = await client.get(key)
            lines.append(f"{key!r} {value!r}")
    return "\n".join(sorted(lines))
