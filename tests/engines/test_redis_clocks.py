"""A server that goes back: its clock is set, or it forgets what it did last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from hashlib import blake2b
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from duologue.actors.testing import VirtualLoop
from duologue.errors import EngineUnavailableError, FencedError
from duologue.transport.redis._wire._calls import Call
from duologue.transport.redis._wire._link import Link
from tests.engines.conftest import Desk, letter
from tests.servers import RedisServer, TestedEngine, server, valkey_program

CHAT = "dialog/b:1:2"


@pytest.fixture
def address() -> RedisServer:
    return server(valkey_program())


class Place:
    """One namespace of a server."""

    def __init__(self, address: RedisServer, name: str, stack: AsyncExitStack) -> None:
        self._address = address
        self.name = name
        self._stack = stack

    async def process(self) -> TestedEngine:
        engine = TestedEngine(self._address.url, namespace=self.name, shards=1)
        return await self._stack.enter_async_context(engine)

    def forget_kinds(self) -> None:
        self._address.ask("DEL", f"duologue:{{{self.name}}}:kinds")

    def ask(self, command: str, what: str, *words: str) -> bytes:
        key = f"duologue:{{{self.name}:00}}:{what}"
        return self._address.ask(command, key, *words)


@pytest.fixture
async def place(address: RedisServer, tmp_path: Path) -> AsyncIterator[Place]:
    name = blake2b(str(tmp_path).encode(), digest_size=8).hexdigest()
    async with AsyncExitStack() as stack:
        yield Place(address, name, stack)


def leave_in_the_middle(place: Place, process: str) -> None:
    """Have a process have left a chat without letting it go."""
    place.ask("DEL", "rdy:dialog/b")
    place.ask("HSET", "own", "dialog/b|b:1", process)
    place.ask("ZADD", "lea", "1000", "dialog/b|b:1")


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the clock back by an hour."""

    def set_it() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        before = loop.wall_time
        monkeypatch.setattr(loop, "wall_time", lambda: before() - 3600)

    return set_it


async def test_a_chat_that_waits_does_not_wait_for_the_time_that_was(
    place: Place, set_back: Callable[[], None]
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])

    set_back()

    assert await Desk(engine, "dialog", "screen").leased() == [CHAT]


async def test_the_lease_of_a_dead_process_ends_though_the_clock_was_set_back(
    place: Place, set_back: Callable[[], None]
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    lease = engine._now()
    place.ask("DEL", "rdy:dialog/b")
    place.ask("HSET", "own", "dialog/b|b:1", "dead")
    place.ask("ZADD", "lea", lease, "dialog/b|b:1")
    set_back()
    desk = Desk(engine, "dialog", "screen")

    early = await desk.leased()
    await asyncio.sleep(60)
    engine._sweep_all()

    assert (early, await desk.leased()) == ([], [CHAT])


async def test_leases_of_kinds_that_nobody_serves_hide_no_others(place: Place) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    place.ask("DEL", "rdy:dialog/b")
    for number in range(200):
        place.ask("ZADD", "lea", f"{number}", f"dialog/other|other:{number}")
    place.ask("HSET", "own", "dialog/b|b:1", "dead")
    place.ask("ZADD", "lea", "1000", "dialog/b|b:1")

    assert await Desk(engine, "dialog/b", "screen/b").leased() == [CHAT]


async def test_who_held_a_name_holds_it_no_longer_than_before(
    place: Place, set_back: Callable[[], None]
) -> None:
    engine = await place.process()
    await engine.hold("poller/b", "dead", 8.0)
    set_back()

    await engine.hold("poller/b", "another", 8.0)


async def test_calls_of_the_time_that_was_keep_nobody_from_calling(
    place: Place, set_back: Callable[[], None]
) -> None:
    engine = await place.process()
    assert await engine.allow("b", 10, 1.0, 10, 0.0) == (10, 0.0)
    set_back()

    assert await engine.allow("b", 10, 1.0, 10, 0.0) == (10, 0.0)


async def test_a_chat_of_which_the_server_has_forgotten_the_last_goes_on(
    place: Place,
) -> None:
    engine = await place.process()
    desk = Desk(engine, "dialog", "screen")
    await engine.enqueue([letter(CHAT, f"m{number}") for number in range(3)])
    turn = await desk.begin(CHAT)
    place.ask("HSET", "u:b:1", "n", "0")
    place.ask("DEL", "m:b:1")

    await engine.enqueue([letter(CHAT, "new")])

    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"{}")
    await asyncio.sleep(60)
    engine._sweep_all()
    assert await desk.leased() == [CHAT]
    assert (await desk.open(CHAT)).mail.id == "new"


async def test_the_end_of_a_turn_is_not_that_of_a_message_that_has_its_number_now(
    place: Place,
) -> None:
    engine, other = await place.process(), await place.process()
    desk = Desk(engine, "dialog", "screen")
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    place.ask("HSET", "u:b:1", "n", "0")
    place.ask("DEL", "m:b:1")
    await other.enqueue([letter(CHAT, "new")])

    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"{}")

    assert place.ask("HLEN", "m:b:1") == b":1\r\n"


async def test_a_message_that_the_server_has_forgotten_is_handled_when_it_comes_again(
    place: Place,
) -> None:
    engine = await place.process()
    desk = Desk(engine, "dialog", "screen")
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    # As after a fail-over to a replica that has never heard of it, nor of its id.
    place.ask("DEL", "m:b:1")
    place.ask("DEL", f"d:{CHAT}")

    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"once")

    assert await engine.read(CHAT) is None
    await asyncio.sleep(60)
    await engine.enqueue([letter(CHAT, "m1")])
    engine._sweep_all()
    assert await desk.leased() == [CHAT]
    assert (await desk.open(CHAT)).snapshot is None


async def test_kinds_that_the_server_has_forgotten_are_told_again(
    place: Place,
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    place.forget_kinds()

    await asyncio.sleep(120)
    other = await place.process()

    assert await Desk(other, "dialog", "screen").leased() == [CHAT]


async def test_who_only_loses_a_chat_has_not_died_of_its_message(place: Place) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, "dead")
    turn = await Desk(engine, "dialog", "screen").begin(CHAT)
    early = place.ask("HGET", "u:b:1", "a1")

    place.ask("HSET", "u:b:1", "tok", "of another process")
    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"{}")
    await asyncio.sleep(1)

    assert early == b"$1\r\n1\r\n"
    assert place.ask("HGET", "u:b:1", "a1") == b"$-1\r\n"


async def test_who_has_lost_a_chat_leaves_no_count_of_deaths_behind(
    place: Place,
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, "dead")
    desk = Desk(engine, "dialog", "screen")
    assert await desk.leased() == [CHAT]
    place.ask("DEL", "u:b:1")  # another process has handled all of it meanwhile

    with pytest.raises(FencedError):
        await desk.open(CHAT)
    await asyncio.sleep(1)

    assert place.ask("EXISTS", "u:b:1") == b":0\r\n"


async def test_a_start_that_is_told_twice_counts_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, "dead")
    link = engine._link
    assert isinstance(link, Link)
    transfer = link.transfer

    async def as_when_an_answer_is_lost(calls: Sequence[Call]) -> list[object]:
        await transfer(calls)
        return await transfer(calls)

    desk = Desk(engine, "dialog", "screen")
    assert await desk.leased() == [CHAT]
    monkeypatch.setattr(link, "transfer", as_when_an_answer_is_lost)
    await desk.open(CHAT)

    assert place.ask("HGET", "u:b:1", "a1") == b"$1\r\n1\r\n"


async def test_a_process_is_not_dead_that_lost_its_own_chat_for_a_while(
    place: Place,
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, engine.name)

    await Desk(engine, "dialog", "screen").begin(CHAT)

    assert place.ask("HGET", "u:b:1", "a1") == b"$-1\r\n"


async def test_nobody_counts_as_dead_whose_lease_ended_while_the_server_was_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, "another")
    desk = Desk(engine, "dialog", "screen")

    async def away(_: Link, calls: Sequence[Call]) -> list[object]:
        del calls
        raise RedisConnectionError("nobody listens")

    with monkeypatch.context() as patched:
        patched.setattr(Link, "transfer", away)
        await asyncio.sleep(150)  # two looks
    await asyncio.sleep(60)
    await desk.begin(CHAT)

    assert place.ask("HGET", "u:b:1", "a1") == b"$-1\r\n"


async def test_a_process_that_loses_a_suspect_while_it_asks_to_be_alone_is_not_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await place.process(), await place.process()
    await one.enqueue([letter(CHAT, "m1")])
    leave_in_the_middle(place, "dead")
    hold, asked, is_lost = one.hold, asyncio.Event(), asyncio.Event()

    async def hold_slowly(
        name: str, token: str, seconds: float, *, value: bytes | None = None
    ) -> bytes | None:
        found = await hold(name, token, seconds, value=value)
        asked.set()
        await is_lost.wait()
        return found

    monkeypatch.setattr(one, "hold", hold_slowly)
    desk = Desk(one, "dialog", "screen")
    assert await desk.leased() == [CHAT]
    opening = asyncio.get_running_loop().create_task(desk.open(CHAT))
    await asked.wait()
    (unit,) = one._units.values()
    one._lose(unit)
    is_lost.set()
    with pytest.raises(FencedError):
        await opening
    await asyncio.sleep(30)

    # Suspects of others do not wait for it.
    await two.hold("suspects", two.name, 1)


async def test_news_that_came_to_a_chat_just_before_it_was_lost_stands_in_no_ones_way(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1")])
    desk = Desk(engine, "dialog", "screen")
    await engine.commit(await desk.begin(CHAT), snapshot=b"{}")
    (unit,) = engine._units.values()
    transfer = Link.transfer

    async def lose_it_then(link: Link, calls: Sequence[Call]) -> list[object]:
        replies = await transfer(link, calls)
        engine._read_anew(unit)
        return replies

    with monkeypatch.context() as patched:
        patched.setattr(Link, "transfer", lose_it_then)
        await engine.drawn("screen/b:1", [], letters=[letter(CHAT, "news")])

    assert await desk.rest() == ["news"]


async def test_what_no_replica_has_does_not_tell_what_became_of_a_turn(
    place: Place,
) -> None:
    engine = await place.process()
    await engine.enqueue([letter(CHAT, "m1"), letter(CHAT, "m2")])
    desk = Desk(engine, "dialog", "screen")
    turn = await desk.begin(CHAT)
    place.ask("COPY", "m:b:1", f"duologue:{{{place.name}:00}}:before")
    assert isinstance(engine._link, Link)
    engine._link._wait = ("WAIT", 1, 1), 1  # and there is none
    with pytest.raises(EngineUnavailableError):
        await engine.commit(turn, snapshot=b"{}")
    with pytest.raises(EngineUnavailableError):
        await engine.open(CHAT)

    # A replica that has heard nothing of the turn takes over.
    place.ask("DEL", "m:b:1")
    place.ask("COPY", "before", f"duologue:{{{place.name}:00}}:m:b:1")
    place.ask("DEL", f"s:{CHAT}")
    engine._link._wait = None
    with suppress(FencedError):
        assert await engine.open(CHAT) is None

    assert (await desk.begin(CHAT)).mail.id == "m1"


async def test_a_state_knows_what_it_was_told_behind_much_that_it_was_told_since(
    place: Place,
) -> None:
    engine, state = await place.process(), "state/Total:b"
    first = letter(state, "m0")
    await engine.enqueue([first, first])
    await engine.enqueue([letter(state, f"m{number}") for number in range(1, 301)])

    # As whoever has the chat next brings what may have arrived.
    await engine.enqueue([first])

    assert place.ask("HLEN", f"m:{state}") == b":301\r\n"
