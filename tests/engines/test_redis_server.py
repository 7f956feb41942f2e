"""Servers that are not what the engine needs: each is told by what is wrong and what to do."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from duologue.actors import Letter, Mail
from duologue.errors import EngineServerError, EngineUnavailableError
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._server import Durability
from duologue.transport.redis._server._checks import Fault, fault_of
from tests.engines.conftest import Desk, letter
from tests.servers import RedisServer, server, valkey_program

pytestmark = pytest.mark.real_time

SECRET = "hunter2"  # noqa: S105  # that of no one
A, B = "x/a", "x/b"


class Start(Protocol):
    """Starts a server with some options."""

    def __call__(self, *options: str) -> RedisServer: ...


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers with options of their own."""
    started: list[RedisServer] = []

    def begin(*options: str) -> RedisServer:
        one = RedisServer(valkey_program(), *options)
        started.append(one)
        one.start()
        return one

    yield begin
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def common() -> RedisServer:
    """The server of all tests of this process, which has no faults."""
    return server(valkey_program())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def with_login(one: RedisServer, login: str) -> str:
    return one.url.replace("unix://", f"unix://{login}@")


async def refusal(url: str, **options: object) -> EngineServerError:
    """What the start says of a server."""
    engine = RedisEngine(url, **options)  # type: ignore[arg-type]  # as tests name them
    with pytest.raises(EngineServerError) as refused:
        async with engine:
            pass
    assert SECRET not in f"{refused.value!r} {refused.value}"
    return refused.value


async def test_a_server_that_is_away_is_told_by_its_address(tmp_path: Path) -> None:
    engine = RedisEngine(f"unix://ann:{SECRET}@{tmp_path}/none.sock")

    with pytest.raises(EngineUnavailableError, match=r"none\.sock") as away:
        async with engine:
            pass

    assert SECRET not in f"{away.value!r} {away.value}"


async def test_a_host_that_nobody_knows_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(EngineUnavailableError, match=r"redis://nowhere\.invalid"):
        async with RedisEngine(f"redis://ann:{SECRET}@nowhere.invalid"):
            pass

    assert SECRET not in caplog.text


async def test_sentinels_that_are_away_are_told() -> None:
    port = free_port()
    url = f"redis+sentinel://ann:{SECRET}@127.0.0.1:{port}/shop"

    with pytest.raises(EngineUnavailableError, match="/shop") as away:
        async with RedisEngine(url):
            pass

    assert SECRET not in f"{away.value!r} {away.value}"


def test_what_has_no_append_only_file_is_refused_unless_it_may_be_lost(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    url = start("--appendonly", "no").url

    async def use() -> None:
        refused = await refusal(url, durability="strict")
        assert refused.problem.startswith("it keeps no file")
        assert refused.advice == "Set appendonly yes"
        with caplog.at_level(logging.WARNING, "duologue.redis"):
            async with RedisEngine(url):
                pass

    asyncio.run(use())

    assert "all dialogs end when it does; set appendonly yes" in caplog.text


def test_a_server_that_throws_state_away_is_refused(start: Start) -> None:
    url = start("--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl").url

    refused = asyncio.run(refusal(url))

    assert "throws state away" in refused.problem
    assert "volatile-ttl" in refused.problem
    assert refused.advice == "Set maxmemory-policy noeviction"


def test_a_replica_is_refused_and_safe_needs_one(start: Start) -> None:
    port = free_port()
    master = start("--port", str(port), "--bind", "127.0.0.1")
    refused = asyncio.run(refusal(master.url, durability="safe"))
    assert "no replica is connected" in refused.problem

    replica = start("--replicaof", f"127.0.0.1 {port}")
    refused = asyncio.run(refusal(replica.url))
    assert "it is a replica" in refused.problem
    assert "redis+sentinel://" in refused.advice

    async def use() -> None:
        while b"state=online" not in master.ask("INFO", "replication"):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.05)
        async with RedisEngine(master.url, durability="safe") as engine:
            await engine.enqueue([letter(A, "1")])
            assert engine.problem is None
            replica.kill()
            with pytest.raises(EngineUnavailableError, match="not enough replicas"):
                await engine.enqueue([letter(A, "2")])
            assert engine.problem is not None

    asyncio.run(use())


@pytest.mark.parametrize("sync", ["always", "everysec"])
def test_strict_returns_when_the_disk_has_it(start: Start, sync: str) -> None:
    one = start("--appendfsync", sync)

    async def use() -> None:
        async with RedisEngine(one.url, durability="strict") as engine:
            await engine.enqueue([letter(A, "1")])
            one.kill()

    asyncio.run(use())
    one.start()

    async def look() -> None:
        async with RedisEngine(one.url) as engine:
            assert await Desk(engine).rest() == ["1"]

    asyncio.run(look())


def test_strict_says_so_while_the_disk_does_not_have_it(start: Start) -> None:
    one = start("--appendfsync", "everysec")

    async def use() -> None:
        async with RedisEngine(one.url, durability="strict") as engine:
            one.ask("CONFIG", "SET", "appendonly", "no")
            with pytest.raises(EngineUnavailableError, match="the disk does not have"):
                await engine.enqueue([letter(A, "1")])

    asyncio.run(use())


INFO = {
    "role": "master",
    "redis_version": "7.2.4",
    "aof_enabled": "1",
    "maxmemory": "0",
    "connected_slaves": "1",
}


@pytest.mark.parametrize(
    ("more", "durability", "problem"),
    [
        (
            {"redis_version": "6.2.14"},
            "fast",
            "it is redis 6.2.14, and 7.0 is the oldest",
        ),
        ({"redis_version": "7.0.15"}, "fast", None),
        ({"redis_version": "7.0.15"}, "strict", '"strict" needs 7.2'),
        ({"redis_version": "10.0.0"}, "strict", None),
        ({"server_name": "valkey", "valkey_version": "7.1.9"}, "fast", "valkey 7.1.9"),
        ({"server_name": "valkey", "valkey_version": "8.0.1"}, "strict", None),
        ({"server_name": "other"}, "fast", None),
        ({"redis_version": "odd"}, "fast", "it is redis odd"),
        ({"maxmemory": "1", "maxmemory_policy": "allkeys-lru"}, "fast", "allkeys-lru"),
        ({"maxmemory": "0", "maxmemory_policy": "allkeys-lru"}, "fast", None),
        ({"maxmemory": "1", "maxmemory_policy": "noeviction"}, "safe", None),
        ({"aof_enabled": "0"}, "safe", "appendonly no"),
        ({"aof_enabled": "0"}, "fast", None),
    ],
)
def test_what_a_server_says_of_itself_is_checked(
    more: dict[str, str], durability: Durability, problem: str | None
) -> None:
    fault = fault_of({**INFO, **more}, durability)

    if problem is None:
        assert fault is None
    else:
        assert isinstance(fault, Fault)
        assert problem in fault.problem
        assert fault.advice


def test_a_wrong_password_is_told_and_not_shown(start: Start) -> None:
    one = start()
    one.ask("CONFIG", "SET", "requirepass", SECRET)

    for login in (f":{SECRET}0", f"ann:{SECRET}"):
        refused = asyncio.run(refusal(with_login(one, login)))
        assert "does not let this user in" in refused.problem
        assert "password in the URL" in refused.advice
    refused = asyncio.run(refusal(one.url))
    assert "does not let this user in" in refused.problem

    async def use() -> None:
        async with RedisEngine(with_login(one, f":{SECRET}")) as engine:
            assert SECRET not in engine.place

    asyncio.run(use())


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("~duologue:* &duologue:* +@all -info", "info"),
        ("~duologue:* &duologue:* +@all -zadd -hvals", "HVALS, ZADD"),
        ("~other:* &duologue:* +@all", "permissions to access"),
        ("~duologue:* &other:* +@all", "PUBLISH"),
        ("~duologue:* &duologue:* +@all -subscribe", "may not listen"),
        ("~duologue:* &duologue:* +@all -evalsha", "EVALSHA"),
        ("~duologue:* &duologue:* +@all -script", "script"),
    ],
)
def test_a_user_that_may_too_little_is_told_what_it_may_not(
    start: Start, rules: str, problem: str
) -> None:
    one = start()
    one.ask("ACL", "SETUSER", "bot", "on", f">{SECRET}", *rules.split())

    refused = asyncio.run(refusal(with_login(one, f"bot:{SECRET}")))

    assert problem in refused.problem
    assert "deploy/redis/users.acl" in refused.advice


async def test_another_layout_or_number_of_shards_is_refused(
    common: RedisServer, tmp_path: Path
) -> None:
    namespace = tmp_path.name
    async with RedisEngine(common.url, namespace=namespace, shards=4):
        pass

    refused = await refusal(common.url, namespace=namespace, shards=8)
    assert "has shards 4, and this program writes 8" in refused.problem
    assert "the same shards" in refused.advice

    common.ask("HSET", f"duologue:{{{namespace}}}:meta", "layout", "99")
    refused = await refusal(common.url, namespace=namespace, shards=4)
    assert "has layout 99" in refused.problem


async def test_a_key_of_something_else_in_its_place_is_told(
    common: RedisServer, tmp_path: Path
) -> None:
    namespace = tmp_path.name
    common.ask("SET", f"duologue:{{{namespace}}}:meta", "hello")

    refused = await refusal(common.url, namespace=namespace)

    assert "is a key of something else" in refused.problem
    assert "namespace=" in refused.advice


async def test_a_mailbox_that_is_something_else_holds_up_nobody_but_itself(
    common: RedisServer, tmp_path: Path
) -> None:
    namespace = tmp_path.name
    foreign = f"duologue:{{{namespace}:00}}:m:{A}"
    common.ask("SET", foreign, "hello")

    async with RedisEngine(common.url, namespace=namespace, shards=1) as engine:
        with pytest.raises(EngineUnavailableError, match="WRONGTYPE"):
            await engine.enqueue([letter(A, "1")])
        await engine.enqueue([letter(B, "2")])
        assert engine.problem is None
        common.ask("DEL", foreign)
        await engine.enqueue([letter(A, "1")])
        some = Desk(engine)
        assert sorted(await some.leased()) == [A, B]


async def test_two_namespaces_of_one_server_know_nothing_of_each_other(
    common: RedisServer, tmp_path: Path
) -> None:
    names = [f"{tmp_path.name}-{number}" for number in (1, 2)]
    async with (
        RedisEngine(common.url, namespace=names[0], shards=4) as first,
        RedisEngine(common.url, namespace=names[1], shards=8) as second,
    ):
        await first.enqueue([Letter(A, Mail("1", b"first"))])
        await second.enqueue([Letter(A, Mail("1", b"second"))])

        for engine, body in ((first, b"first"), (second, b"second")):
            some = Desk(engine)
            assert await some.leased() == [A]
            turn = await some.open(A)
            assert turn.mail.body == body
            await engine.commit(turn, snapshot=body)
        assert await first.read(A) == b"first"
        assert await second.read(A) == b"second"


def test_a_server_without_memory_takes_nothing_and_finishes_what_has_begun(
    start: Start,
) -> None:
    one = start()

    async def use() -> None:
        async with RedisEngine(one.url) as engine:
            await engine.enqueue([letter(A, "1")])
            some = Desk(engine)
            turn = await some.begin(A)
            one.ask("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(EngineUnavailableError, match="memory"):
                await engine.enqueue([letter(B, "2")])
            await engine.commit(turn, snapshot=b"done")
            one.ask("CONFIG", "SET", "maxmemory", "0")
            await engine.enqueue([letter(B, "2")])
            assert await some.leased() == [B]

    asyncio.run(use())


async def test_scripts_that_the_server_has_forgotten_are_given_to_it_again(
    common: RedisServer, tmp_path: Path
) -> None:
    async with RedisEngine(common.url, namespace=tmp_path.name) as engine:
        await engine.enqueue([letter(A, "1")])
        common.ask("SCRIPT", "FLUSH")
        await engine.enqueue([letter(A, "2")])

        assert await Desk(engine).rest() == ["1", "2"]
