"""What a server has to be like, and what its user has to be allowed to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from duologue._redis import Durability

RIGHTS: Final = "Give the user of the URL the rights in deploy/redis/users.acl"

_OLDEST: Final = {"redis": (7, 0), "valkey": (7, 2)}
_SYNCING: Final = (7, 2)  # the first version with WAITAOF

# What scripts and calls use, with arguments that change nothing: the key is of no type
# that these work with, so whoever may run them is told of that.
_USED: Final[Sequence[str]] = (
    "BLPOP {key} 0.01",
    "EXISTS {key}",
    "EXPIRE {key} 60",
    "GETRANGE {key}:none 0 1",
    "GET {key}:none",
    "DEL {key}:none",
    "HDEL {key} f",
    "HGET {key} f",
    "HGETALL {key}",
    "HINCRBY {key} f 1",
    "HLEN {key}",
    "HMGET {key} f",
    "HSET {key} f v",
    "HSETNX {key} f v",
    "HVALS {key}",
    "LTRIM {key} 0 1",
    "PEXPIRE {key} 60000",
    "PTTL {key}",
    "RPUSH {key} v",
    "SADD {key} v",
    "SETRANGE {key}:none 0 ",
    "SMEMBERS {key}",
    "TIME",
    "XADD {key} * f v",
    "XDEL {key} 0-1",
    "XRANGE {key} - +",
    "XREAD COUNT 1 STREAMS {key} 0",
    "ZADD {key} 1 v",
    "ZCARD {key}",
    "ZCOUNT {key} 0 1",
    "ZRANGE {key} 0 1",
    "ZRANGEBYSCORE {key} 0 1",
    "ZREM {key} v",
    "ZREMRANGEBYRANK {key} 0 1",
    "ZREMRANGEBYSCORE {key} 0 1",
    "ZSCORE {key} v",
    "PUBLISH {channel} hello",
    "PUBSUB NUMSUB {channel}",
    "EVALSHA 0000000000000000000000000000000000000000 0",
)


Part: TypeAlias = Literal["server", "primary", "replica"]
"""What a server is: one by itself, or a part of a cluster."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a server cannot be used.

    Attributes:
        problem: What is wrong with it.
        advice: What to do.
    """

    problem: str
    advice: str


def probes(key: str, channel: str) -> list[list[str]]:
    """Commands that need all rights and do nothing.

    Args:
        key: A key that is set to a text.
        channel: A channel on which nobody listens.
    """
    return [
        [part.format(key=key, channel=channel) for part in command.split(" ")]
        for command in _USED
    ]


def fault_of(
    info: Mapping[str, str], durability: Durability, part: Part = "server"
) -> Fault | None:
    """What is wrong with a server, by what its INFO says; None if nothing is."""
    return (
        _version(info, durability)
        or _kind(info, part)
        or _role(info, durability, part)
        or _memory(info)
        or _file(info, durability)
    )


def lacks_file(info: Mapping[str, str]) -> bool:
    """Whether a server keeps nothing of what it is told when it ends."""
    return info.get("aof_enabled") != "1"


def _version(info: Mapping[str, str], durability: Durability) -> Fault | None:
    which = info.get("server_name", "redis")
    found = info.get(f"{which}_version", info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    oldest = _OLDEST.get(which, _OLDEST["redis"])
    if numbers < oldest:
        return Fault(
            f"it is {which} {found}, and {_dotted(oldest)} is the oldest that works",
            "Use a newer server",
        )
    if durability == "strict" and numbers < _SYNCING:
        return Fault(
            f'it is {which} {found}, and "strict" needs {_dotted(_SYNCING)}',
            'Use a newer server, or choose "fast"',
        )
    return None


def _kind(info: Mapping[str, str], part: Part) -> Fault | None:
    is_one = info.get("cluster_enabled") == "1"
    if part == "server" and is_one:
        return Fault("it is one of a cluster", "Name the cluster: redis+cluster://")
    if part != "server" and not is_one:
        return Fault("it is none of a cluster", "Name it by redis://")
    return None


def _role(info: Mapping[str, str], durability: Durability, part: Part) -> Fault | None:
    if part == "replica":
        return None
    if info.get("role") != "master" and part == "server":
        return Fault(
            "it is a replica, which takes no writes",
            "Name the master, or let sentinels find it: redis+sentinel://",
        )
    if durability == "safe" and info.get("connected_slaves", "0") == "0":
        return Fault(
            'no replica is connected, so nothing is ever "safe"',
            'Connect one and set min-replicas-to-write 1, or choose "fast"',
        )
    return None


def _memory(info: Mapping[str, str]) -> Fault | None:
    policy = info.get("maxmemory_policy", "noeviction")
    if int(info.get("maxmemory", "0")) and policy != "noeviction":
        return Fault(
            f"it throws state away when its memory is full ({policy})",
            "Set maxmemory-policy noeviction",
        )
    return None


def _file(info: Mapping[str, str], durability: Durability) -> Fault | None:
    if lacks_file(info) and durability != "fast":
        return Fault(
            f'it keeps no file of what it is told (appendonly no), as "{durability}" '
            "needs it",
            "Set appendonly yes",
        )
    return None


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))
