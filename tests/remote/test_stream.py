"""A program beside the bot, over a stream of its server: told, asked, set aside, moved."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, cast

import pytest
import redis.asyncio as redis

from duologue.actors import ActorSystem, AsyncActor, Bounded, MemoryEngine
from duologue.dialogs import Dispatcher
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import HandlerData, NextHandler
from duologue.errors import (
    AskTimeoutError,
    NoContextError,
    OutcomeUnknownError,
    RemoteRefusedError,
    RemoteUnavailableError,
    RuntimeSettingError,
    SecretTooShortError,
    SignatureError,
    UnknownMessageError,
    UnknownRefError,
)
from duologue.messages import Signer
from duologue.messages._refs import shard_of
from duologue.messages._signatures import sign
from duologue.remote import RemoteRuntime
from duologue.state import AsyncState
from duologue.testing import Playground
from duologue.transport.redis import RedisEngine
from tests.dialogs.test_told import Shop, shop
from tests.messages.shop import Cart, GetCart, OrderPaid
from tests.servers import RedisServer, server, valkey_program

pytestmark = pytest.mark.real_time

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  # of this test
ALL = ("tell:*", "ask:*", "dialog:*", "message:*")
REF = "dialog/test.1:1:1"
ACL = Path(__file__).parents[2] / "deploy/redis/users.acl"
Stream = dict[bytes, bytes]


class Beside:
    """The bot, its server, and the program beside it."""

    def __init__(self, chat: Playground, url: str, namespace: str) -> None:
        self.chat = chat
        self.url = url
        self.namespace = namespace
        self.raw = redis.Redis.from_url(url, protocol=2)
        self.remote = RemoteRuntime.redis(
            url, secret=SECRET, namespace=namespace, source="//tests", patience=5
        )
        self.dialog = self.remote.dialog("test.1", chat_id=1, user_id=1)

    def key(self, what: str, ref: str = REF) -> str:
        return f"duologue:{{{self.namespace}:{shard_of(ref, 16):02d}}}:{what}"

    async def write(self, key: str, **fields: str | bytes) -> None:
        """Write an entry, as anybody may who can XADD."""
        await self.raw.xadd(key, {**fields})  # type: ignore[dict-item] # invariant

    async def aside(self) -> list[str]:
        """Why entries were set aside."""
        found = await self.raw.xrange(self.key("aside"))
        entries = cast("list[tuple[bytes, Stream]]", found)
        return [fields[b"reason"].decode() for _, fields in entries]

    async def empty(self) -> None:
        """Wait until nothing is left in the stream."""
        keys = [f"duologue:{{{self.namespace}:{n:02d}}}:in" for n in range(16)]
        while any([await self.raw.xlen(key) for key in keys]):  # noqa: ASYNC110  # it is elsewhere
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)

    def count(self, outcome: str) -> float:
        return self.chat.counts.of("messages_offered", source="redis", outcome=outcome)


@asynccontextmanager
async def beside(
    *scopes: str,
    dispatcher: Dispatcher | None = None,
    unsigned: tuple[str, ...] = (),
    capacity: int = 1000,
) -> AsyncGenerator[Beside]:
    url, namespace = server(valkey_program()).url, f"t{time.monotonic_ns()}"
    engine = RedisEngine(url, namespace=namespace, capacity=capacity)
    signer = Signer("shop", [SECRET], scopes or ALL)
    async with Playground(dispatcher or shop(), engine=engine) as chat:
        door = chat.runtime.stream_refs(signer, unsigned=unsigned)
        program = Beside(chat, url, namespace)
        async with door, program.remote, program.raw:
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            yield program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def paid(number: int) -> OrderPaid:
    return OrderPaid(number, Decimal("1.50"))


def event(**fields: object) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "//shop",
            "type": "shop.order_paid.v1",
            "subject": REF,
            "time": datetime.now(UTC).isoformat(),
            "data": {"order": 7},
            **fields,
        }
    ).encode()


async def test_a_dialog_is_told_and_asked_over_a_stream() -> None:
    async with beside() as program:
        await program.dialog.tell(paid(1), id="one")
        await program.dialog.tell(paid(2), id="two")
        await program.dialog.tell(paid(1), id="one")

        assert await program.dialog.ask(GetCart(), Cart) == Cart(["1", "2"])
        assert program.count("accepted") == 4


async def test_the_calls_have_their_outcomes_over_a_stream() -> None:
    async with beside() as program:
        updated = await (await program.dialog.update({"n": 1}))
        await (await program.dialog.done())
        with pytest.raises(NoContextError):
            await (await program.dialog.update({"n": 1}))

        assert updated.status == "committed"
        with pytest.raises(UnknownMessageError):
            await program.dialog.ask(paid(1))
        with pytest.raises(UnknownRefError):
            await (await program.remote.dialog("test.1", chat_id=2).update({}))


async def test_the_order_of_the_stream_is_that_of_the_mailbox() -> None:
    async with beside(capacity=3) as program:
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(program.dialog.tell(paid(number)))
        await program.empty()

        cart = await program.dialog.ask(GetCart(), Cart)
        assert cart.items == [str(number) for number in range(40)]


async def test_a_full_mailbox_holds_up_nobody_else_of_its_stream() -> None:
    dispatcher, go_on = shop(), asyncio.Event()

    @dispatcher.told.outer_middleware
    async def slowly(handler: NextHandler, told: Json, data: HandlerData) -> Json:
        if told.order < 1000:
            await go_on.wait()
        return await handler(told, data)

    async with beside(dispatcher=dispatcher, capacity=60) as program:
        await program.chat.say(2, "hello", chat_id=1)
        await program.chat.settled()
        for number in range(170):
            await program.dialog.tell(paid(number))
        neighbour = program.remote.dialog("test.1", chat_id=1, user_id=2)
        await neighbour.tell(paid(1000))

        counts = program.chat.counts
        while not counts.of("messages_told", outcome="untaken"):  # noqa: ASYNC110  # of another task
            await asyncio.sleep(0.02)
        go_on.set()
        await program.empty()
        cart = await program.dialog.ask(GetCart(), Cart)
        assert cart.items == [str(number) for number in range(170)]


async def test_two_processes_read_a_stream_and_nothing_is_doubled() -> None:
    async with beside() as program:
        engine = RedisEngine(server(valkey_program()).url, namespace=program.namespace)
        async with Playground(shop(), engine=engine) as other:
            signer = Signer("shop", [SECRET], ALL)
            async with other.runtime.stream_refs(signer) as _:
                for number in range(30):
                    await program.dialog.tell(paid(number))
                await program.empty()
                cart = await program.dialog.ask(GetCart(), Cart)

        assert cart.items == [str(number) for number in range(30)]


async def test_another_process_goes_on_where_the_first_has_ended() -> None:
    async with beside() as program:
        async with AsyncExitStack() as stack:
            engine = RedisEngine(
                server(valkey_program()).url, namespace=program.namespace
            )
            other = await stack.enter_async_context(Playground(shop(), engine=engine))
            signer = Signer("shop", [SECRET], ALL)
            await stack.enter_async_context(other.runtime.stream_refs(signer))
            await program.dialog.tell(paid(1))
            await program.empty()
        await program.dialog.tell(paid(2))

        assert await program.dialog.ask(GetCart(), Cart) == Cart(["1", "2"])


async def test_what_may_not_come_in_is_set_aside_and_counted() -> None:
    async with beside() as program:
        key, good = program.key("in"), event()
        old = event(time="2026-01-01T00:00:00Z")
        await program.write(key, ce=good)
        await program.write(key, ce=good, sig="v1,AAAA")
        await program.write(key, ce=old, sig=sign(SECRET, old))
        await program.write(key, nothing="")
        for one in (
            event(data="x" * 65536),
            event(type="shop.unknown.v1"),
            event(data={"order": "7"}),
            event(specversion="0.3"),
            event(replyto="somewhere"),
            b"{",
        ):
            await program.write(key, ce=one, sig=sign(SECRET, one))
        timeless = {n: v for n, v in json.loads(good).items() if n != "time"}
        bare = json.dumps(timeless).encode()
        await program.write(key, ce=bare, sig=sign(SECRET, bare))
        await program.empty()

        assert [reason.partition(":")[0] for reason in await program.aside()] == [
            "SignatureError",
            "SignatureError",
            "SignatureError",
            "EnvelopeError",
            "MessageTooLargeError",
            "UnknownMessageError",
            "MessageShapeError",
            "EnvelopeError",
            "EnvelopeError",
            "EnvelopeError",
            "EnvelopeError",
        ]
        assert program.count("forbidden") == 3
        assert program.count("refused") == 8
        assert await program.dialog.ask(GetCart(), Cart) == Cart([])


async def test_whoever_waits_is_told_why_nothing_comes_in() -> None:
    async with beside("ask:dialog/test.2:*", "message:*") as program:
        with pytest.raises(RemoteRefusedError, match="of shop have no ask of dialog/t"):
            await program.dialog.ask(GetCart())
        receipt = await program.dialog.update({})
        with pytest.raises(RemoteRefusedError, match="403: the scopes of shop have no"):
            await receipt
        assert (await program.aside())[0].endswith(f"no ask of {REF}")
        url, namespace = program.url, program.namespace
        for secret in (None, SECRET[::-1]):
            other = RemoteRuntime.redis(url, secret=secret, namespace=namespace)
            async with other:
                with pytest.raises(SignatureError):
                    await other.ref(REF).ask(GetCart())


async def test_a_signed_message_that_is_replayed_is_handled_once() -> None:
    async with beside() as program:
        body = event()
        for _ in range(3):
            await program.write(program.key("in"), ce=body, sig=sign(SECRET, body))
        await program.empty()

        assert await program.dialog.ask(GetCart(), Cart) == Cart(["7"])


async def test_an_entry_in_a_wrong_stream_is_moved_once() -> None:
    async with beside(unsigned=ALL) as program:
        await program.write(program.key("in", "dialog/test.1:2:2"), ce=event())
        await program.empty()

        assert await program.dialog.ask(GetCart(), Cart) == Cart(["7"])
        assert program.count("misrouted") == 1


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("tell:dialog/test.1:*", "message:shop.order*"), True),
        (("tell:dialog/test.1:*",), False),
        (("tell:dialog/test.2:*", "message:*"), False),
        (("ask:*", "dialog:*", "message:*"), False),
    ],
)
async def test_a_signer_reaches_what_its_scopes_name(
    scopes: tuple[str, ...],
    may: bool,  # noqa: FBT001  # of the table
) -> None:
    async with beside(*scopes) as program:
        await program.dialog.tell(paid(1))
        await program.empty()

        assert program.count("accepted") == may
        assert program.count("forbidden") == (not may)


async def test_messages_wait_in_the_stream_while_no_bot_runs() -> None:
    url, namespace = server(valkey_program()).url, f"t{time.monotonic_ns()}"
    async with RemoteRuntime.redis(url, namespace=namespace, patience=0.5) as remote:
        dialog = remote.dialog("test.1", chat_id=1, user_id=1)
        await dialog.tell(paid(1))
        receipt = await dialog.update({})
        with pytest.raises(OutcomeUnknownError):
            await receipt
        with pytest.raises(AskTimeoutError):
            await dialog.ask(GetCart(), timeout=0.3)

        engine = RedisEngine(url, namespace=namespace)
        async with Playground(shop(), engine=engine) as chat:
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            async with chat.runtime.stream_refs(unsigned=ALL):
                assert await dialog.ask(GetCart(), Cart) == Cart(["1"])


async def test_a_server_that_cannot_be_reached_is_told_of_in_the_end() -> None:
    remote = RemoteRuntime.redis("redis://127.0.0.1:9", patience=0.3)
    async with remote:
        with pytest.raises(RemoteUnavailableError):
            await remote.dialog("test.1", chat_id=1).tell(paid(1))
    assert repr(remote) == "<RemoteRuntime redis://127.0.0.1:9>"


async def test_sentinels_say_where_the_stream_is(tmp_path: Path) -> None:
    program, ports = valkey_program(), [free_port() for _ in range(3)]
    first, second = (
        RedisServer(program, "--port", str(port), "--bind", "127.0.0.1")
        for port in ports[:2]
    )
    settings = tmp_path / "sentinel.conf"
    settings.write_text(f"sentinel monitor shop 127.0.0.1 {ports[0]} 1\n", "utf-8")
    options = ("--port", str(ports[2]), "--bind", "127.0.0.1", "--sentinel")
    sentinel = RedisServer(program, *options, folder=tmp_path, settings=settings)
    url = f"redis+sentinel://127.0.0.1:{ports[2]}/shop?namespace=own&shards=1"
    try:
        for each in (first, second, sentinel):
            each.start()
        async with RemoteRuntime.redis(url, patience=10) as remote:
            await remote.ref(REF).tell(paid(1))
            assert first.ask("XLEN", "duologue:{own:00}:in") == b":1\r\n"

            first.kill()  # and another one takes its place
            sentinel.ask("SENTINEL", "REMOVE", "shop")
            sentinel.ask("SENTINEL", "MONITOR", "shop", "127.0.0.1", str(ports[1]), "1")
            await remote.ref(REF).tell(paid(2))
            assert second.ask("XLEN", "duologue:{own:00}:in") == b":1\r\n"
    finally:
        for each in (first, second, sentinel):
            each.stop()


@pytest.mark.parametrize(("durability", "is_kept"), [("strict", True), ("safe", False)])
async def test_a_message_is_accepted_when_it_is_kept_as_it_should_be(
    durability: str, *, is_kept: bool
) -> None:
    url = f"{server(valkey_program()).url}?durability={durability}"

    async with RemoteRuntime.redis(url, patience=0.3, namespace="kept") as remote:
        told = remote.ref(REF).tell(paid(1), id="1")
        if is_kept:
            assert (await told).id == "1"
        else:
            with pytest.raises(RemoteUnavailableError, match="too few of its copies"):
                await told


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://ann:hunter2@bot.internal", "begins with one of redis://"),
        ("redis://ann:hunter2@a,b", "names one host"),
        ("redis://ann:hunter2/@db", "port in its URL is no number"),
        ("redis://ann:hunter2@db?shards=many", "shards="),
        ("redis://ann:hunter2@db?namespace={a}", "namespace="),
        ("redis://ann:hunter2@db?durability=soon", "durability="),
        ("redis+cluster://ann:hunter2@db/1", "a cluster has no databases"),
    ],
)
def test_a_url_that_no_engine_takes_is_refused_without_its_secret(
    url: str, problem: str
) -> None:
    with pytest.raises(RuntimeSettingError, match=problem) as refused:
        RemoteRuntime.redis(url)

    assert "hunter2" not in f"{refused.value!r} {refused.value}"


async def test_what_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(SecretTooShortError):
        RemoteRuntime.redis("redis://host", secret="short")  # noqa: S106  # that is it
    async with Playground(shop(), engine=MemoryEngine()) as chat:
        with pytest.raises(RuntimeSettingError, match="nothing could come in"):
            async with chat.runtime.stream_refs():
                pass
        with pytest.raises(RuntimeSettingError, match="redis"):
            async with chat.runtime.stream_refs(unsigned=ALL):
                pass


async def test_the_users_of_deploy_may_write_and_ask_and_nothing_else(
    tmp_path: Path,
) -> None:
    users = tmp_path / "users.acl"
    users.write_text(ACL.read_text("utf-8"), "utf-8")
    guarded = RedisServer(valkey_program(), "--aclfile", str(users))
    guarded.start()
    try:
        bot = f"unix://bot:change-me@{guarded.socket}"
        engine = RedisEngine(bot)
        async with Playground(shop(), engine=engine) as chat:
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            async with chat.runtime.stream_refs(Signer("shop", [SECRET], ALL)):
                for name, may_ask in (("writer", False), ("asker", True)):
                    url = f"unix://{name}:change-me-{name}@{guarded.socket}"
                    async with RemoteRuntime.redis(url, secret=SECRET) as remote:
                        dialog = remote.ref(REF)
                        await dialog.tell(paid(1), id=name)
                        if may_ask:
                            cart = await dialog.ask(GetCart(), Cart)
                            assert len(cart.items) == 2
                        else:
                            with pytest.raises(RemoteRefusedError, match="403"):
                                await dialog.ask(GetCart())
                    async with redis.Redis.from_url(url) as raw:
                        for command in (
                            ("GET", f"duologue:{{main:00}}:s:{REF}"),
                            ("XRANGE", "duologue:{main:00}:in", "-", "+"),
                            ("XADD", "duologue:{main:00}:aside", "*", "a", "b"),
                            ("KEYS", "*"),
                        ):
                            with pytest.raises(redis.ResponseError):
                                await raw.execute_command(*command)  # type: ignore[no-untyped-call] # it has no types
            async with RemoteRuntime.redis(
                f"unix://writer:wrong@{guarded.socket}"
            ) as remote:
                with pytest.raises(RemoteRefusedError):
                    await remote.ref(REF).tell(paid(1))
    finally:
        guarded.stop()


class Slow(AsyncActor):
    """An actor that handles nothing before it is told to go on."""

    mailbox: ClassVar[Bounded | None] = Bounded(1, overflow="wait")
    gate: ClassVar[asyncio.Event]
    seen: ClassVar[list[int]]

    async def on_receive(self, message: object) -> object:
        if isinstance(message, OrderPaid):
            await self.gate.wait()
            self.seen.append(message.order)
        return Cart([str(order) for order in self.seen])


async def test_an_actor_that_is_full_holds_up_nobody_else() -> None:
    Slow.gate, Slow.seen = asyncio.Event(), []
    async with ActorSystem() as system, beside_actors(system) as remote:
        system.directory.register(Slow, lambda _key: Slow())
        system.directory.expose(Slow, told=[OrderPaid], asked=[GetCart])
        slow, other = remote.actor("Slow", "1"), remote.actor("Slow", "2")
        for number in range(6):
            await slow.tell(paid(number))

        assert await other.ask(GetCart(), Cart) == Cart([])
        assert Slow.seen == []

        Slow.gate.set()
        while len(Slow.seen) < 6:  # noqa: ASYNC110  # of another task
            await asyncio.sleep(0.01)
        assert Slow.seen == [*range(6)]


@asynccontextmanager
async def beside_actors(system: ActorSystem) -> AsyncGenerator[RemoteRuntime]:
    """A program beside a bot whose stream leads to the actors of a system."""
    url, namespace = server(valkey_program()).url, f"t{time.monotonic_ns()}"
    engine = RedisEngine(url, namespace=namespace, shards=1)
    async with (
        Playground(shop(), engine=engine) as chat,
        chat.runtime.stream_refs(unsigned=ALL, directory=system.directory),
        RemoteRuntime.redis(url, namespace=namespace, shards=1) as remote,
    ):
        yield remote


async def test_an_answer_that_comes_too_late_is_counted() -> None:
    go_on, dispatcher = asyncio.Event(), shop()

    @dispatcher.asked.outer_middleware
    async def slowly(handler: NextHandler, told: object, data: HandlerData) -> object:
        await go_on.wait()
        return await handler(told, data)

    async with beside(dispatcher=dispatcher) as program:
        with pytest.raises(AskTimeoutError):
            await program.dialog.ask(GetCart(), timeout=0.2)
        go_on.set()
        told = program.chat.counts
        while not told.of("messages_told", outcome="late"):  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(0.01)


async def test_actors_and_state_are_reached_over_a_stream_too() -> None:
    class Visits(AsyncState):
        pass

    class Books(AsyncActor):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.orders = [key]

        def on_receive(self, message: object) -> object:
            if isinstance(message, OrderPaid):
                self.orders.append(str(message.order))
                return None
            return Cart([*self.orders])

    url, namespace = server(valkey_program()).url, f"t{time.monotonic_ns()}"
    scopes = ("tell:Books/*", "ask:Books/*", "message:*", "state.write:state/Visits")
    async with ActorSystem() as system:
        system.directory.register(Books, Books)
        system.directory.expose(Books, told=[OrderPaid], asked=[GetCart])
        engine = RedisEngine(url, namespace=namespace)
        async with (
            Playground(shop(), engine=engine) as chat,
            chat.runtime.stream_refs(
                unsigned=scopes, directory=system.directory, states=[Visits]
            ),
            RemoteRuntime.redis(url, namespace=namespace) as remote,
        ):
            await remote.actor("Books", "7").tell(paid(1))

            assert await remote.actor("Books", "7").ask(GetCart(), Cart) == Cart(
                ["7", "1"]
            )
            assert await remote.state("Visits").incr("n") == 1
            offered = {"source": "redis", "outcome": "accepted"}
            while chat.counts.of("messages_offered", **offered) < 3:  # noqa: ASYNC110  # of another task
                await asyncio.sleep(0.01)
