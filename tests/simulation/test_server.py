"""The simulated server does what a real one does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from fakeredis._helpers import SimpleError, SimpleString
from redis.asyncio import UnixDomainSocketConnection
from redis.exceptions import ResponseError

from duologue.transport.redis._wire._scripts import ALL
from tests.servers import server, valkey_program
from tests.simulation.run import run_seed
from tests.simulation.server import Said, SimulatedServer

NUMBER = re.compile(rb"\d+\.\d+(e\+\d+)?")
SCRIPTS = {script.sha.encode(): script.name for script in ALL}
# What changes or tells what is kept; not who listens, waits or has connected.
COMPARED = {
    *(
        b"EVALSHA",
        b"GET",
        b"HGETALL",
        b"HMGET",
        b"HSET",
        b"HSETNX",
        b"SADD",
        b"SMEMBERS",
    ),
    *(b"ZADD", b"ZCARD", b"ZCOUNT", b"ZRANGE", b"ZREM"),
}


def is_compared(words: Sequence[bytes]) -> bool:
    """Whether a command is none of the ways in which a process finds out its rights."""
    return words[0] in COMPARED and not words[1].endswith((b":probe", b"0" * 40))


def words_of(said: Said, namespace: bytes) -> list[bytes]:
    """The command, in another namespace and at the time at which it was run."""
    words = [word.replace(b"{main", b"{" + namespace) for word in said.words]
    if words[0] == b"EVALSHA":
        first = 3 + int(words[2])
        words[first] = words[first] or b"%d" % said.at
    return words


def plain(reply: object) -> object:
    """An answer as both tell it, in no order: a hash has none."""
    match reply:
        case SimpleString():
            return reply.value
        case SimpleError() | ResponseError():
            return "error"
        case list():
            return sorted((plain(each) for each in reply), key=repr)
        case bytes() if NUMBER.fullmatch(reply):
            return float(reply)  # there are several ways of writing it
        case _:
            return reply


async def replay(
    transcript: Iterable[Said], socket: Path, namespace: bytes
) -> Sequence[tuple[list[bytes], object, object]]:
    """Ask a real server the same; give what it has answered otherwise."""
    connection = UnixDomainSocketConnection(path=str(socket), protocol=2)
    await connection.connect()  # type: ignore[no-untyped-call] # theirs
    others: list[tuple[list[bytes], object, object]] = []
    try:
        for said in transcript:
            words = words_of(said, namespace)
            await connection.send_command(*words)
            try:
                found = await connection.read_response()
            except ResponseError as error:
                found = error
            if plain(found) != plain(said.reply):
                others.append((words, found, said.reply))
    finally:
        await connection.disconnect()
    return others


def test_a_real_server_answers_the_same() -> None:
    simulated = SimulatedServer()
    simulated.transcript = []
    faults = "kill", "pause", "stop"
    result = run_seed("1", messages=40, chosen=faults, server=simulated)
    transcript = [said for said in simulated.transcript if is_compared(said.words)]
    real = server(valkey_program())
    for script in ALL:
        real.ask("SCRIPT", "LOAD", script.text)

    others = asyncio.run(replay(transcript, real.socket, b"simulated"))

    assert result.faults == []
    assert others == []
    scripts = {SCRIPTS.get(said.words[1]) for said in transcript}
    assert scripts >= {"enqueue", "lease", "open", "commit", "drawn", "release"}
    assert scripts >= {"extend", "forget", "hold", "news", "acquit"}
