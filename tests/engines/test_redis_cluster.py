"""A cluster: servers that fail, slots that move, and what is asked of all of them."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue.__main__ import main
from duologue.errors import EngineServerError, EngineUnavailableError, FencedError
from duologue.messages._refs import shard_of
from duologue.remote import RemoteRuntime
from duologue.testing import Playground
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._engine import engine_of
from duologue.transport.redis._keys import Names
from duologue.transport.redis._wire._calls import Call
from duologue.transport.redis._wire._lanes import Lanes
from tests.clusters import RedisCluster, free_ports
from tests.dialogs.test_told import Shop, shop
from tests.engines.conftest import Desk, fill, letter
from tests.messages.shop import Cart, GetCart, OrderPaid
from tests.servers import RedisServer, valkey_program

pytestmark = pytest.mark.real_time
SECRET = "hunter2"  # noqa: S105  # that of no one
FAILOVER = 1.0
CERTIFICATES = Path(__file__).parents[1] / "transport" / "tls"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Three primaries with a replica each; whoever ends one begins it again."""
    one = RedisCluster(valkey_program(), failover=FAILOVER)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def url(cluster: RedisCluster) -> str:
    cluster.settle()
    return cluster.url


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path.name, 64)


class Reader:
    """Takes the mail of some boxes, and notes it in the state of each."""

    def __init__(self, engine: RedisEngine) -> None:
        self._engine = engine
        self._tasks: set[asyncio.Task[None]] = set()
        engine.serve(("x",), 100, self._begin)

    def _begin(self, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self._handle(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, key: str) -> None:
        while True:
            try:
                turn = await self._engine.open(key)
                if turn is None:
                    return
                known = turn.snapshot or b""
                after = known + turn.mail.id.encode() + b" "
                await self._engine.commit(turn, snapshot=after)
            except EngineUnavailableError:
                await asyncio.sleep(0.1)
            else:
                return

    async def has(self, keys: list[str], each: bytes) -> dict[str, bytes | None]:
        """What the boxes have, when they have all, or 20 s later."""
        deadline = time.monotonic() + 20
        found: dict[str, bytes | None] = {}
        while time.monotonic() < deadline:
            try:
                found = {key: await self._engine.read(key) for key in keys}
            except EngineUnavailableError:
                continue
            if all(value == each for value in found.values()):
                break
            await asyncio.sleep(0.05)
        return found


async def send_all(
    engine: RedisEngine, keys: list[str], rounds: int, pause: float
) -> None:
    """Send each box a message a round; one that may have got lost is sent again."""
    for number in range(rounds):
        letters = [letter(key, f"m{number}") for key in keys]
        while True:
            try:
                await engine.enqueue(letters)
            except EngineUnavailableError:
                await asyncio.sleep(0.05)
            else:
                break
        await asyncio.sleep(pause)


async def send_on(engine: RedisEngine, key: str, rounds: int, pause: float) -> None:
    """Send a box a message a round, before what was sent last has arrived."""
    async with asyncio.TaskGroup() as group:
        for number in range(rounds):
            group.create_task(engine.enqueue([letter(key, f"m{number}")]))
            await asyncio.sleep(pause)


def told(rounds: int) -> bytes:
    return b"".join(b"m%d " % number for number in range(rounds))


def test_boxes_are_spread_over_all_servers(url: str, names: Names) -> None:
    keys = [f"x/{number}" for number in range(60)]

    async def use() -> int:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            reader = Reader(engine)
            await send_all(engine, keys, 2, 0.0)
            assert set((await reader.has(keys, told(2))).values()) == {told(2)}
            assert engine.problem is None
            assert isinstance(engine._link, Lanes)
            return len(engine._link._links)

    assert asyncio.run(use()) == 3


@pytest.mark.slow
def test_what_is_sent_to_a_server_that_fails_is_there_once_and_in_order(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    keys = [f"x/{number}" for number in range(30)]
    rounds = 60

    async def use() -> dict[str, bytes | None]:
        # With `safe` what a replica does not have is not acknowledged.
        engine = RedisEngine(url, namespace=names.namespace, durability="safe")
        async with engine:
            reader = Reader(engine)
            async with asyncio.TaskGroup() as group:
                group.create_task(send_all(engine, keys, rounds, 0.02))
                await asyncio.sleep(0.3)
                number = (await asyncio.to_thread(cluster.primaries))[0]
                await asyncio.to_thread(cluster.nodes[number].kill)
                await asyncio.sleep(2 * FAILOVER)
                await asyncio.to_thread(cluster.nodes[number].start)
            return await reader.has(keys, told(rounds))

    found = asyncio.run(use())

    assert set(found.values()) == {told(rounds)}


@pytest.mark.slow
def test_what_a_replica_never_heard_of_is_not_taken_for_something_else(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    key = "x/1"
    state = names.state(names.shard_of(key), key)

    async def use() -> list[str]:
        ready: asyncio.Queue[str] = asyncio.Queue()
        async with RedisEngine(url, namespace=names.namespace) as engine:
            engine.serve(("x",), 100, ready.put_nowait)
            await engine.enqueue([letter(key, "first")])
            turn = await engine.open(await ready.get())
            assert turn is not None
            await asyncio.sleep(0.2)
            number = await asyncio.to_thread(cluster.primary_of, state)
            replica = await asyncio.to_thread(cluster.replica_of, number)
            os.kill(cluster.nodes[replica].pid, signal.SIGSTOP)
            cluster.nodes[number].ask("CLIENT", "KILL", "TYPE", "replica")
            await engine.enqueue([letter(key, "gone with the server")])
            await asyncio.to_thread(cluster.nodes[number].kill)
            os.kill(cluster.nodes[replica].pid, signal.SIGCONT)
            await engine.enqueue([letter(key, "second")])  # with the same number
            with pytest.raises(FencedError):
                await engine.commit(turn, snapshot=b"")
            handled: list[str] = []
            while len(handled) < 2:
                again = await engine.open(await asyncio.wait_for(ready.get(), 10))
                while again is not None:
                    handled.append(again.mail.id)
                    again = await engine.commit(again, snapshot=b"", keep=True)
            await asyncio.to_thread(cluster.nodes[number].start)
            await asyncio.sleep(1.5)
            assert engine.waiting() == 0
            return handled

    assert asyncio.run(use()) == ["first", "second"]


def move(cluster: RedisCluster, slot: int, key: str) -> None:
    """Move a slot to another server, key by key, as an operator does."""
    source = cluster.primary_of(key)
    target = next(each for each in cluster.primaries() if each != source)
    old, new = cluster.nodes[source], cluster.nodes[target]
    number = str(slot)
    assert (
        new.ask("CLUSTER", "SETSLOT", number, "IMPORTING", cluster.id_of(source))
        == b"+OK\r\n"
    )
    assert (
        old.ask("CLUSTER", "SETSLOT", number, "MIGRATING", cluster.id_of(target))
        == b"+OK\r\n"
    )
    port = str(cluster.ports[target])
    while keys := words(old.ask("CLUSTER", "GETKEYSINSLOT", number, "1")):
        moved = old.ask("MIGRATE", "127.0.0.1", port, "", "0", "5000", "KEYS", *keys)
        assert moved in (b"+OK\r\n", b"+NOKEY\r\n")
        time.sleep(0.02)
    for node in (new, old):
        node.ask("CLUSTER", "SETSLOT", number, "NODE", cluster.id_of(target))


def words(answer: bytes) -> list[str]:
    """The texts of an answer that is a list of them."""
    return [part.decode() for part in answer.split(b"\r\n")[2::2] if part]


def test_what_is_sent_while_a_slot_moves_is_there_once_and_in_order(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    key, rounds = "x/moved", 400
    state = names.state(names.shard_of(key), key)
    answer = cluster.nodes[0].ask("CLUSTER", "KEYSLOT", state)
    slot = int(answer[1:])

    async def use() -> dict[str, bytes | None]:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            reader = Reader(engine)
            before = await asyncio.to_thread(cluster.primary_of, state)
            async with asyncio.TaskGroup() as group:
                group.create_task(send_on(engine, key, rounds, 0.002))
                await asyncio.sleep(0.2)
                await asyncio.to_thread(move, cluster, slot, state)
            assert await asyncio.to_thread(cluster.primary_of, state) != before
            return await reader.has([key], told(rounds))

    assert asyncio.run(use()) == {key: told(rounds)}


@pytest.mark.parametrize("told", ["ip", "unknown-endpoint"])
def test_calls_keep_their_order_though_their_slots_have_moved(
    cluster: RedisCluster, url: str, names: Names, told: str
) -> None:
    for node in cluster.nodes:  # whether it says where a slot is, or only its port
        node.ask("CONFIG", "SET", "cluster-preferred-endpoint-type", told)
    keys = [f"{names.counts(shard)}:order" for shard in range(8)]

    async def use() -> list[object]:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            wire = engine._link
            before = wire.connections
            for key in keys:
                await wire.ask(Call(key, ["RPUSH", key, 0]))
                slot = cluster.nodes[0].ask("CLUSTER", "KEYSLOT", key)[1:]
                await asyncio.to_thread(move, cluster, int(slot), key)
            pushes: list[asyncio.Future[object]] = []
            for key in keys:
                for number in range(1, 1000):
                    pushes.append(wire.send(Call(key, ["RPUSH", key, number])))
                    # Some leave while the first are on their way.
                    await asyncio.sleep(0)
            await asyncio.gather(*pushes)
            assert wire.connections > before  # who answers now may know less
            calls = [Call(key, ["LRANGE", key, 0, -1]) for key in keys]
            return [await wire.ask(call) for call in calls]

    pushed = asyncio.run(use())
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "cluster-preferred-endpoint-type", "ip")

    assert pushed == [[b"%d" % number for number in range(1000)]] * 8


@pytest.mark.slow
def test_a_server_that_stays_away_is_told_and_the_others_go_on(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    keys = [f"x/{number}" for number in range(30)]

    async def use() -> None:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            await send_all(engine, keys, 1, 0.0)
            place = {
                key: await asyncio.to_thread(
                    cluster.primary_of, names.state(names.shard_of(key), key)
                )
                for key in keys
            }
            gone = place[keys[0]]
            well = next(key for key in keys if place[key] != gone)
            for node in cluster.nodes:  # nobody takes its place
                node.ask("CONFIG", "SET", "cluster-replica-no-failover", "yes")
                node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
            await asyncio.to_thread(cluster.nodes[gone].kill)
            began = time.monotonic()
            with pytest.raises(EngineUnavailableError):
                await engine.enqueue([letter(keys[0], "late")])
            waited = time.monotonic() - began
            problem = engine.problem
            await engine.enqueue([letter(well, "other")])
            began = time.monotonic()
            with pytest.raises(EngineUnavailableError):  # at once, from now on
                await engine.enqueue([letter(keys[0], "late")])
            assert time.monotonic() - began < 2 < waited
            assert problem is not None
            await asyncio.to_thread(cluster.nodes[gone].start)
            for node in cluster.nodes:
                node.ask("CONFIG", "SET", "cluster-replica-no-failover", "no")
                node.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")
            await asyncio.to_thread(cluster.settle)
            await asyncio.sleep(2.5)
            assert engine.problem is None
            await engine.enqueue([letter(keys[0], "late")])

    asyncio.run(use())


def test_an_engine_ends_though_a_server_is_away(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    async def use() -> None:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            Desk(engine)
            await engine.enqueue([letter(f"x/{number}", "m") for number in range(9)])
            number = (await asyncio.to_thread(cluster.primaries))[0]
            await asyncio.to_thread(cluster.nodes[number].kill)
        await asyncio.to_thread(cluster.nodes[number].start)

    asyncio.run(asyncio.wait_for(use(), 25))


@pytest.fixture
def alone() -> Iterator[RedisServer]:
    """A cluster of one server, by its socket; `alone.url` names the cluster."""
    (port,) = free_ports(1)
    place = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    one = RedisServer(valkey_program(), *place, "--cluster-node-timeout", "500")
    one.url = f"redis+cluster://127.0.0.1:{port}"
    one.start()
    one.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    while b"cluster_state:ok" not in one.ask("CLUSTER", "INFO"):
        time.sleep(0.02)
    yield one
    one.stop()


def test_what_nobody_serves_for_a_moment_waits(alone: RedisServer) -> None:
    keys = [f"x/{number}" for number in range(9)]

    async def use() -> None:
        async with RedisEngine(alone.url) as engine:
            reader = Reader(engine)
            alone.ask("CLUSTER", "DELSLOTSRANGE", "1000", "16383")
            async with asyncio.TaskGroup() as group:
                for key in keys:
                    group.create_task(engine.enqueue([letter(key, "m0")]))
                await asyncio.sleep(0.3)
                alone.ask("CLUSTER", "ADDSLOTSRANGE", "1000", "16383")
                alone.kill()
                await asyncio.sleep(0.3)
                await asyncio.to_thread(alone.start)
            assert set((await reader.has(keys, told(1))).values()) == {told(1)}

    asyncio.run(use())


def test_what_is_refused_for_another_reason_is_told_at_once(alone: RedisServer) -> None:
    async def use() -> None:
        async with RedisEngine(alone.url) as engine:
            alone.ask("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(EngineUnavailableError, match="OutOfMemoryError"):
                await asyncio.wait_for(engine.enqueue([letter("x/a", "1")]), 2)
            assert "OutOfMemoryError" in str(engine.problem)
            alone.ask("CONFIG", "SET", "maxmemory", "0")

    asyncio.run(use())


def test_whoever_waits_for_a_server_hears_that_the_program_ends(
    alone: RedisServer,
) -> None:
    async def use() -> None:
        engine = RedisEngine(alone.url)
        await engine.__aenter__()
        alone.kill()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(outcome(engine))
            assert isinstance(engine._link, Lanes)
            while not sending.done():  # what it waits for changes all the time
                await asyncio.sleep(0.01)
                if engine._link._search is not None:
                    engine._link._search.cancel()
            assert await sending == "the program ends"

    async def outcome(engine: RedisEngine) -> str:
        with pytest.raises(EngineUnavailableError) as error:
            await engine.enqueue([letter("x/a", "1")])
        return error.value.reason

    asyncio.run(use())


def test_a_replica_that_is_away_keeps_nobody_from_starting(
    cluster: RedisCluster, url: str, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    primaries = cluster.primaries()
    number = next(number for number in range(6) if number not in primaries)
    cluster.nodes[number].kill()

    async def use() -> None:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            await engine.enqueue([letter("x/a", "1")])

    asyncio.run(use())
    cluster.nodes[number].start()

    assert f"the replica 127.0.0.1:{cluster.ports[number]}: " in caplog.text


def test_scripts_that_a_server_has_lost_are_given_to_it_again(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    keys = [f"x/{number}" for number in range(30)]

    async def use() -> None:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            for number in cluster.primaries():
                cluster.nodes[number].ask("SCRIPT", "FLUSH")
            reader = Reader(engine)
            await send_all(engine, keys, 1, 0.0)
            assert set((await reader.has(keys, told(1))).values()) == {told(1)}

    asyncio.run(use())


def test_processes_hear_of_one_another_and_hand_chats_on(
    url: str, names: Names
) -> None:
    chat = "dialog/max.1:5:7"

    async def use() -> list[str]:
        async with (
            RedisEngine(url, namespace=names.namespace) as one,
            RedisEngine(url, namespace=names.namespace) as two,
        ):
            first: asyncio.Queue[str] = asyncio.Queue()
            second: asyncio.Queue[str] = asyncio.Queue()
            heard: asyncio.Queue[bytes] = asyncio.Queue()
            one.serve(("dialog", "screen"), 10, first.put_nowait)
            one.listen(heard.put_nowait, lambda _: None)
            two.tell(one.name, b"hello")
            assert await asyncio.wait_for(heard.get(), 5) == b"hello"
            await two.enqueue([letter(chat, "1")])  # the bell wakes the other
            assert await asyncio.wait_for(first.get(), 5) == chat
            two.serve(("dialog", "screen"), 10, second.put_nowait)
            turn = await one.open(chat)
            assert turn is not None
            assert not await one.hand(turn, "nobody")
            assert await one.hand(turn, two.name)
            return [await asyncio.wait_for(second.get(), 5)]

    assert asyncio.run(use()) == [chat]


def test_state_shows_what_all_servers_have(
    url: str, names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"{url}?namespace={names.namespace}"

    async def use(do: Callable[[RedisEngine], Awaitable[None]]) -> None:
        async with RedisEngine(url, namespace=names.namespace) as engine:
            await do(engine)

    async def begin(engine: RedisEngine) -> None:
        await fill(engine, "ValueError")
        await engine.enqueue([letter(f"x/{number}", "m") for number in range(20)])

    def show(*arguments: str) -> str:
        status = main(["state", *arguments])
        return f"{capsys.readouterr().out}{status}"

    asyncio.run(use(begin))
    counted = show("show", place)
    checked = show("check", place)
    exported = show("export", place)
    dead = show("dead", place)
    again = show("dead", place, "--requeue", "all")
    after = show("dead", place)

    assert "64 shards" in counted
    assert "  mail                                21\n" in counted
    assert "  units ready                         21\n" in counted
    assert "all is well" in checked
    assert exported.count('"kind": "mail"') == 21
    assert "dead letters: 1" in dead
    assert "ValueError" in dead
    assert ": 1 again" in again
    assert "dead letters: 0" in after


async def refusal(url: str, **options: object) -> EngineServerError:
    engine = RedisEngine(url, **options)  # type: ignore[arg-type]  # as tests name them
    with pytest.raises(EngineServerError) as refused:
        async with engine:
            pass
    assert SECRET not in f"{refused.value!r} {refused.value}"
    return refused.value


@pytest.mark.parametrize("part", ["primary", "replica"])
def test_each_server_is_checked_and_named(
    cluster: RedisCluster, url: str, part: str
) -> None:
    primaries = cluster.primaries()
    number = next(n for n in range(6) if (n in primaries) is (part == "primary"))
    node = cluster.nodes[number]
    node.ask("CONFIG", "SET", "maxmemory", "100mb")
    node.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        refused = asyncio.run(refusal(url))
    finally:
        node.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        node.ask("CONFIG", "SET", "maxmemory", "0")

    assert refused.problem.startswith(f"127.0.0.1:{cluster.ports[number]}: it throws")


def test_a_server_of_a_cluster_by_itself_is_refused(
    cluster: RedisCluster, url: str
) -> None:
    del url  # all is well
    refused = asyncio.run(refusal(f"redis://127.0.0.1:{cluster.ports[0]}"))

    assert refused.problem == "it is one of a cluster"
    assert refused.advice == "Name the cluster: redis+cluster://"


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def ciphered(port: int, before: RedisServer) -> AsyncIterator[None]:
    """What a server does that speaks TLS on a port; it is built without that here."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(
        CERTIFICATES / "localhost.pem", CERTIFICATES / "localhost.key"
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(before.socket)
        async with asyncio.TaskGroup() as group:
            group.create_task(carry(reader, outer))
            group.create_task(carry(inner, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", port, ssl=context):
        yield


def test_the_servers_of_a_cluster_are_reached_by_tls() -> None:
    port, outside = free_ports(2)
    place = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    told = ("--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port")
    one = RedisServer(valkey_program(), *place, *told, str(outside))
    one.start()
    one.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    while b"cluster_state:ok" not in one.ask("CLUSTER", "INFO"):
        time.sleep(0.05)
    where = f"rediss+cluster://127.0.0.1:{outside}"

    async def use() -> bytes | None:
        async with ciphered(outside, one):
            with pytest.raises(EngineUnavailableError, match="certificate"):
                async with RedisEngine(where):
                    pass  # nobody has said that it may be trusted
            trusted = f"{where}?ssl_ca_certs={CERTIFICATES / 'localhost.pem'}"
            async with RedisEngine(trusted) as engine:
                reader = Reader(engine)
                await send_all(engine, ["x/1"], 1, 0.0)
                return (await reader.has(["x/1"], b"m0 "))["x/1"]

    try:
        assert asyncio.run(use()) == b"m0 "
    finally:
        one.stop()


def test_a_server_that_is_no_cluster_is_refused() -> None:
    (port,) = free_ports(1)
    one = RedisServer(valkey_program(), "--port", str(port), "--bind", "127.0.0.1")
    one.start()
    try:
        refused = asyncio.run(refusal(f"redis+cluster://127.0.0.1:{port}"))
    finally:
        one.stop()

    assert refused.problem == "it is no cluster"
    assert refused.advice == "Name it by redis://"


def test_a_cluster_that_lacks_slots_is_refused() -> None:
    (port,) = free_ports(1)
    place = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    one = RedisServer(valkey_program(), *place)
    one.start()
    try:
        one.ask("CLUSTER", "ADDSLOTSRANGE", "0", "9999")
        refused = asyncio.run(refusal(f"redis+cluster://127.0.0.1:{port}"))
    finally:
        one.stop()

    assert refused.problem == "6384 of its 16384 slots have no server"


def test_a_cluster_that_is_away_is_told_by_its_address() -> None:
    first, second = free_ports(2)
    url = f"redis+cluster://ann:{SECRET}@127.0.0.1:{first},127.0.0.1:{second}"

    async def use() -> None:
        with pytest.raises(EngineUnavailableError, match=str(second)) as away:
            async with RedisEngine(url):
                pass
        assert SECRET not in f"{away.value!r} {away.value}"

    asyncio.run(use())


async def test_another_program_writes_to_whoever_has_the_stream_now(
    cluster: RedisCluster, url: str, names: Names
) -> None:
    place = f"{url}?namespace={names.namespace}&durability=safe"
    # One of those that it names is away.
    named = place.replace("//", f"//127.0.0.1:{free_ports(1)[0]},")
    async with (
        Playground(shop(), engine=engine_of(place)) as chat,
        chat.runtime.stream_refs(unsigned=["tell:*", "ask:*", "message:*"]),
        RemoteRuntime.redis(named, patience=30) as remote,
    ):
        for user in range(1, 7):
            await (await chat.dialog(user).start(Shop.cart)).drawn()
        dialogs = [remote.dialog("test.1", chat_id=n, user_id=n) for n in range(1, 7)]
        for dialog in dialogs:
            await dialog.tell(OrderPaid(1))
        stream = names.stream(shard_of(str(dialogs[0]), 64))[0]
        primary = cluster.primary_of(stream)
        heir = cluster.nodes[cluster.replica_of(primary)]
        heir.ask("CLUSTER", "FAILOVER")
        while b"role:master" not in heir.ask("INFO", "replication"):  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(0.05)
        for dialog in dialogs:
            await dialog.tell(OrderPaid(2))

        for dialog in dialogs:
            assert await dialog.ask(GetCart(), Cart, timeout=20) == Cart(["1", "2"])
