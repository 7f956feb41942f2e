"""Several processes on one server: what one leaves behind, and what another makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from duologue.actors import Letter, Mail, Opened, Owed, TimedLetter
from duologue.actors._engine._timed import wall_time
from duologue.errors import FencedError
from duologue.state._batches import ASKED
from duologue.state._values import Values
from duologue.transport.redis._mail._parcels import Origin
from duologue.transport.redis._server import Server
from duologue.transport.redis._wire._calls import Call
from duologue.transport.redis._wire._envelopes import pack, pack_owed
from duologue.transport.redis._wire._link import Link
from duologue.transport.redis._wire._scripts import (
    ACQUIT,
    COMMIT,
    ENQUEUE,
    EXTEND,
    FORGET,
    LEASE,
    NEWS,
    RELEASE,
    Script,
)
from tests.engines.conftest import Desk, letter
from tests.engines.test_states import Cart, states_on
from tests.servers import (
    PatientLink,
    RedisServer,
    TestedEngine,
    _PatientServer,
    server,
    valkey_program,
)

CHAT, OTHER = "dialog/b:1:1", "dialog/b:2:2"
KINDS = ("dialog/b", "screen/b")


class _Anew:
    """A server that begins anew when a script comes."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.is_away = asyncio.Event()
        self.is_back = asyncio.Event()


class _FaultyLink(PatientLink):
    """Loses the connection when certain scripts are to be sent."""

    refused: tuple[Script, ...] = ()
    unanswered: Script | None = None
    anew: _Anew | None = None

    async def _pipelined(self, calls: Sequence[Call]) -> list[object]:
        anew = self.anew
        if anew is not None and any(call.script is anew.script for call in calls):
            self.anew = None
            assert self._connection is not None
            await self._connection.disconnect()
            anew.is_away.set()
            await anew.is_back.wait()
            raise RedisConnectionError("it begins anew")
        return await super()._pipelined(calls)

    async def transfer(self, calls: Sequence[Call]) -> list[object]:
        if any(call.script in self.refused for call in calls):
            raise RedisConnectionError("cut off")
        replies = await super().transfer(calls)
        if self.unanswered in {call.script for call in calls if call.script}:
            self.unanswered = None
            raise RedisConnectionError("cut off before the answer")
        return replies


class _FaultyServer(_PatientServer):
    link_class: ClassVar[type[Link]] = _FaultyLink


class FaultyEngine(TestedEngine):
    _server_class: ClassVar[type[Server]] = _FaultyServer


def cut_off(engine: FaultyEngine, *scripts: Script) -> None:
    """Have the connection break at these scripts, and at no others."""
    assert isinstance(engine._link, _FaultyLink)
    engine._link.refused = scripts


def lose_an_answer(engine: FaultyEngine, script: Script) -> None:
    """Have the connection break when this script has been run."""
    assert isinstance(engine._link, _FaultyLink)
    engine._link.unanswered = script


def begin_anew(engine: FaultyEngine, script: Script) -> _Anew:
    """Have the server begin anew when this script comes."""
    assert isinstance(engine._link, _FaultyLink)
    engine._link.anew = _Anew(script)
    return engine._link.anew


class Namespace:
    """One namespace of a server, and engines that share it."""

    def __init__(self, used: RedisServer, name: str, stack: AsyncExitStack) -> None:
        self.server = used
        self._name = name
        self._stack = stack

    async def process(self) -> FaultyEngine:
        engine = FaultyEngine(self.server.url, namespace=self._name, shards=1)
        return await self._stack.enter_async_context(engine)

    def key(self, what: str) -> str:
        return f"duologue:{{{self._name}:00}}:{what}"

    def take_over(self, unit: str) -> None:
        """Have another process be the owner of a unit."""
        self.server.ask("HSET", self.key(f"u:{unit}"), "tok", "of another process")

    def tell(self, engine: TestedEngine, what: str) -> None:
        """Say to a process what another one would say."""
        self.server.ask("PUBLISH", f"duologue:{self._name}:to:{engine.name}", what)


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[Namespace]:
    name = blake2b(str(tmp_path).encode(), digest_size=8).hexdigest()
    async with AsyncExitStack() as stack:
        yield Namespace(server(valkey_program()), name, stack)


@pytest.fixture(autouse=True, scope="module")
def _started() -> None:
    server(valkey_program())  # before a loop runs, which nothing may block


def owed_from_the_dead(namespace: Namespace, unit: str, screen: str) -> None:
    """Leave what a process does that ends between its commit and the next step."""
    body = pack_owed(screen, "d1", b"view").decode()
    namespace.server.ask("HSET", namespace.key(f"x:{unit}"), "99", body)


async def test_what_the_dead_owed_to_another_chat_is_drawn_by_who_brings_it_there(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    owed_from_the_dead(namespace, "b:1", "screen/b:2")
    desk = Desk(engine, *KINDS)

    await engine.enqueue([letter(CHAT, "m1")])

    assert sorted(await desk.leased()) == [CHAT, "screen/b:2"]
    assert [one.id for one in (await engine.owed("screen/b:2", new=True))[0]] == ["d1"]


async def test_the_same_when_it_has_the_other_chat_already(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(OTHER, "m1")])
    held = await desk.begin(OTHER)
    owed_from_the_dead(namespace, "b:1", "screen/b:2")

    await engine.enqueue([letter(CHAT, "m2")])

    assert sorted(await desk.leased()) == [CHAT, "screen/b:2"]
    assert [one.id for one in (await engine.owed("screen/b:2", new=True))[0]] == ["d1"]
    assert isinstance(held, Opened)


async def test_what_an_unanswered_commit_sent_is_brought_when_it_comes_to_light(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    body = pack(letter(OTHER, "m2")).decode()
    namespace.server.ask("HSET", namespace.key("x:b:1"), "99", body)

    namespace.tell(engine, "ndialog/b|b:1")

    assert await desk.leased() == [OTHER]
    assert await desk.rest() == []
    assert namespace.server.ask("EXISTS", namespace.key("x:b:1")) == b":0\r\n"


async def test_who_has_lost_a_chat_forgets_nothing_of_what_its_next_owner_sends(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    unit = engine._units["dialog/b|b:1"]
    namespace.take_over("b:1")
    namespace.server.ask("HSET", namespace.key("x:b:1"), "1", "its letter")

    connections = engine._link.connections
    await engine._forget_out(Origin(unit, {1: b"what it had sent"}, connections))

    left = namespace.server.ask("HEXISTS", namespace.key("x:b:1"), "1")
    assert left == b":1\r\n"


async def test_what_a_forgotten_commit_has_sent_is_not_brought(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await Desk(engine, *KINDS).begin(CHAT)
    anew = begin_anew(engine, ENQUEUE)

    await engine.commit(turn, snapshot=b"{}", outbox=[letter(OTHER, "sent")])
    await anew.is_away.wait()
    ask = namespace.server.ask
    ask("HDEL", namespace.key("x:b:1"), "1")
    anew.is_back.set()
    await asyncio.sleep(5)

    assert ask("EXISTS", namespace.key("m:b:2")) == b":0\r\n"
    assert not engine._units  # nothing keeps the chat here


async def test_what_the_server_has_forgotten_to_have_is_brought_once_more(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await Desk(engine, *KINDS).begin(CHAT)
    anew = begin_anew(engine, FORGET)

    await engine.commit(turn, snapshot=b"{}", outbox=[letter(OTHER, "sent")])
    await anew.is_away.wait()
    ask, box = namespace.server.ask, namespace.key("m:b:2")
    ask("DEL", box, namespace.key(f"d:{OTHER}"))
    anew.is_back.set()
    await asyncio.sleep(5)

    assert ask("HLEN", box) == b":1\r\n"
    assert ask("EXISTS", namespace.key("x:b:1")) == b":0\r\n"


async def test_a_chat_is_let_go_though_the_server_was_away_when_it_was_to_be(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    cut_off(engine, RELEASE)
    await engine.commit(turn, snapshot=b"{}")
    await asyncio.sleep(3)

    cut_off(engine)
    await asyncio.sleep(5)

    assert namespace.server.ask("ZCARD", namespace.key("lea")) == b":0\r\n"


async def test_what_was_announced_while_the_server_was_away_is_asked_for_again(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    namespace.server.ask("HSET", namespace.key("o:b:1"), "d1", "1:view")
    cut_off(engine, NEWS)
    namespace.tell(engine, "ndialog/b|b:1")
    early = await desk.leased()

    cut_off(engine)
    await asyncio.sleep(3)

    assert (early, await desk.leased()) == ([], ["screen/b:1"])


async def test_what_one_chat_sends_to_another_keeps_its_order_through_an_outage(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1"), letter(CHAT, "m2")])
    turn: Opened | None = await desk.begin(CHAT)
    cut_off(engine, ENQUEUE)
    for name in ("first", "second"):
        assert turn is not None
        outbox = [letter(OTHER, name)]
        turn = await engine.commit(turn, snapshot=None, outbox=outbox, keep=True)
        await asyncio.sleep(0.5)
        cut_off(engine)

    assert await desk.rest() == ["first", "second"]


async def test_a_process_leaves_their_share_to_others_also_when_it_is_idle(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await asyncio.sleep(1)
    engine._peers = 1  # as it learns within a second
    letters = [letter(f"dialog/b:{number}:1", "m") for number in range(20)]

    await engine.enqueue(letters)

    assert len(await desk.leased()) == 10


async def test_the_first_of_a_kind_is_found_by_who_serves_it(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(other, *KINDS)
    await asyncio.sleep(1)
    await engine.enqueue([letter(CHAT, "m1")])

    other._sweep(0)  # as the bell has it do

    assert await desk.leased() == [CHAT]


async def test_a_commit_does_not_wait_until_it_is_noted_what_has_been_brought(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    cut_off(engine, FORGET)
    owed = [Owed("screen/b:2", "d1", b"view")]

    async with asyncio.timeout(0.5):
        await engine.commit(turn, snapshot=None, owed=owed)

    assert engine.mine("screen/b:2")


async def test_who_has_lost_a_chat_commits_nothing(namespace: Namespace) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    namespace.take_over("b:1")

    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"stale")

    assert await engine.read(CHAT) is None


async def test_who_has_lost_a_chat_notes_nothing_drawn(namespace: Namespace) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    namespace.take_over("b:1")

    with pytest.raises(FencedError):
        await engine.drawn("screen/b:1", ["d1"])


async def test_who_has_lost_a_chat_learns_of_it_when_the_lease_is_extended(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    namespace.take_over("b:1")

    await asyncio.sleep(5)

    assert not engine.mine("screen/b:1")


async def test_a_commit_whose_answer_was_lost_is_known_when_it_is_sent_again(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1"), letter(CHAT, "m2")])
    turn = await desk.begin(CHAT)
    lose_an_answer(engine, COMMIT)

    following = await engine.commit(turn, snapshot=b"new", keep=True)

    assert following is not None
    assert (following.mail.id, following.snapshot) == ("m2", b"new")


async def test_the_newest_of_many_ids_are_those_that_are_known(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    letters = [letter(CHAT, f"m{number}") for number in range(140)]
    await engine.enqueue(letters)
    await engine.enqueue(letters[-100:])

    assert await Desk(engine, *KINDS).rest() == [each.mail.id for each in letters]


async def test_mail_that_is_left_behind_waits_for_the_next(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)

    await engine.__aexit__()

    assert await Desk(other, *KINDS).rest() == ["m1"]


async def test_mail_from_another_process_goes_to_who_has_the_chat(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    elsewhere = Desk(other, *KINDS)

    await other.enqueue([letter(CHAT, "m2")])

    assert await elsewhere.leased() == []
    following = await engine.commit(turn, snapshot=None, keep=True)
    assert following is not None


async def test_a_snapshot_that_is_at_hand_counts_only_if_it_is_the_newest(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await engine.commit(await desk.begin(CHAT), snapshot=b"old")
    await asyncio.sleep(3)  # it has been let go
    elsewhere = Desk(other, *KINDS)
    await other.enqueue([letter(CHAT, "m2")])
    await other.commit(await elsewhere.begin(CHAT), snapshot=b"new")
    await asyncio.sleep(3)
    await engine.enqueue([letter(CHAT, "m3")])

    assert (await desk.begin(CHAT)).snapshot == b"new"


async def test_a_letter_for_later_that_was_put_off_does_not_come_at_its_old_time(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    later = TimedLetter("t1", CHAT, wall_time() + 10_000, b"later")
    await engine.commit(await desk.begin(CHAT), snapshot=None, timed=[later])

    engine._fire(f"{CHAT}\nt1", "1000", b"later")

    assert await desk.leased() == []


async def test_what_a_process_had_that_says_nothing_any_more_is_taken_over(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await desk.begin(CHAT)
    cut_off(engine, EXTEND, LEASE)
    elsewhere = Desk(other, *KINDS)

    await asyncio.sleep(75)

    assert CHAT in await elsewhere.leased()


async def test_what_a_dead_process_has_asked_a_state_for_holds_up_the_others_once(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    asked = [Mail(f"gone.1.{number}", ASKED) for number in range(20)]
    await engine.enqueue([Letter("state/Cart:max.1:7", mail) for mail in asked])

    async with states_on(engine) as states:
        assert await states.of(Cart, user_id=7).incr("step") == 1


async def test_each_of_many_dead_processes_holds_up_a_state_for_a_moment_only(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    asked = [Mail(f"gone{number}.1.1", ASKED) for number in range(5)]
    await engine.enqueue([Letter("state/Cart:max.1:7", mail) for mail in asked])

    async with states_on(engine) as states:
        assert await states.of(Cart, user_id=7).incr("step") == 1


async def test_the_mail_of_a_state_does_not_wait_for_a_suspect_that_may_wait_for_it(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    await engine.enqueue([letter(CHAT, "m1"), letter("state/Cart:max.1:7", "s1")])
    for member in ("dialog/b|b:1", "state/Cart|state/Cart:max.1:7"):
        namespace.server.ask("HSET", namespace.key("own"), member, "dead")
    desk = Desk(other, "state", *KINDS)
    assert sorted(await desk.leased()) == [CHAT, "state/Cart:max.1:7"]
    await desk.open(CHAT)

    async with asyncio.timeout(1):
        await desk.open("state/Cart:max.1:7")


async def test_who_asks_a_state_is_answered_though_its_process_lost_that_meanwhile(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    attempts: list[Values] = []

    def add(values: Values) -> Values:
        attempts.append(values)
        if len(attempts) == 1:
            (unit,) = engine._units.values()
            _answer = engine._let_go(unit, only_empty=False)
            engine._lose(unit)
            engine._look()
        return values | {"step": values.get("step", 0) + 1}

    async with states_on(engine) as states:
        cart = states.of(Cart, user_id=7)
        after = await cart.modify(add)

        assert after == await cart.get_all() == {"step": 1}
    assert attempts == [{}, {}]


async def test_a_snapshot_that_leaves_the_cache_while_its_chat_comes_is_not_lost(
    namespace: Namespace,
) -> None:
    engine = await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    await engine.commit(await desk.begin(CHAT), snapshot=b"kept")
    await asyncio.sleep(75)  # the chat is let go, and its snapshot is at hand

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(CHAT, "m2")]))
        await asyncio.sleep(0)
        engine._cache.drop(CHAT)
    turn = await desk.begin(CHAT)

    assert turn.snapshot == b"kept"


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_mail_is_handled_whose_numbers_a_forgetful_server_gives_out_again(
    namespace: Namespace, number: int
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "gone 1"), letter(CHAT, "gone 2")])
    turn = await desk.begin(CHAT)
    turn = await engine.commit(turn, snapshot=b"", keep=True) or turn
    namespace.server.ask("HDEL", namespace.key("u:b:1"), "n")
    namespace.server.ask("DEL", namespace.key("m:b:1"))

    for each in range(number):
        await other.enqueue([letter(CHAT, f"new {each + 1}")])
    await asyncio.sleep(0.01)
    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"")

    assert await desk.rest() == [f"new {each + 1}" for each in range(number)]


async def suspicious(namespace: Namespace) -> tuple[FaultyEngine, Desk]:
    """A process that has a message of which another one may have died, and its desk."""
    engine, other = await namespace.process(), await namespace.process()
    await engine.enqueue([letter(CHAT, "m1")])
    namespace.server.ask("HSET", namespace.key("own"), "dialog/b|b:1", "dead")
    desk = Desk(other, *KINDS)
    assert await desk.leased() == [CHAT]
    return other, desk


async def test_a_suspect_whose_turn_the_server_kept_from_ending_has_killed_nobody(
    namespace: Namespace,
) -> None:
    _other, desk = await suspicious(namespace)

    # As after commits and questions that nobody has answered.
    turns = [await desk.open(CHAT) for _ in range(5)]

    assert {turn.mail.id for turn in turns} == {"m1"}
    assert namespace.server.ask("HGET", namespace.key("u:b:1"), "a1") == b"$1\r\n1\r\n"


async def test_a_death_that_was_none_is_taken_back_though_the_server_was_away_then(
    namespace: Namespace,
) -> None:
    other, desk = await suspicious(namespace)
    await desk.open(CHAT)
    (unit,) = other._units.values()
    cut_off(other, ACQUIT)

    other._lose(unit)
    await asyncio.sleep(3)
    cut_off(other)
    await asyncio.sleep(3)

    assert namespace.server.ask("HGET", namespace.key("u:b:1"), "a1") == b"$-1\r\n"


async def test_mail_that_cannot_be_read_here_is_no_sign_of_a_forgetful_server(
    namespace: Namespace,
) -> None:
    engine, other = await namespace.process(), await namespace.process()
    desk = Desk(engine, *KINDS)
    await engine.enqueue([letter(CHAT, "m1")])
    turn = await desk.begin(CHAT)
    namespace.server.ask("HINCRBY", namespace.key("u:b:1"), "n", "1")
    namespace.server.ask("HSET", namespace.key("m:b:1"), "2", "of a newer version")

    for each in ("m3", "m4"):
        await other.enqueue([letter(CHAT, each)])
        await asyncio.sleep(0.01)
    following = await engine.commit(turn, snapshot=b"", keep=True)

    assert following is not None
    assert following.mail.id == "m3"
