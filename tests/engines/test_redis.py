"""What the engine on a server promises beyond what every engine does: several processes.

Here they are several engines of one program; real processes are in `tests/chaos`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from duologue.actors import Letter, Mail, Owed
from duologue.errors import (
    EngineServerError,
    EngineUnavailableError,
    FencedError,
    RuntimeSettingError,
)
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._wire._link import Link
from tests.engines.conftest import Desk, idle, letter
from tests.servers import RedisServer, TestedEngine, server, stand_still, valkey_program

CHAT, SCREEN = "dialog/max.1:5:7", "screen/max.1:5"
OTHER = "dialog/max.1:6:7"
LEASE = 10.0


class Deaf(TestedEngine):
    """An engine that does not hear the first time that it is to stop."""

    async def _wait_for_bell(self) -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


class Dying(TestedEngine):
    """An engine whose process can die."""

    def die(self) -> None:
        """Do nothing any more, and let go of nothing."""
        for task in self._tasks:
            task.cancel()
        for timer in (self._extension, self._rest_timer, self._renewal):
            if timer is not None:
                timer.cancel()
        self._units.clear()
        self._is_leaving = True


@pytest.fixture
def address() -> RedisServer:
    return server(valkey_program())


NewProcess = Callable[[], Awaitable[Dying]]


@pytest.fixture
async def another(address: RedisServer, tmp_path: Path) -> AsyncIterator[NewProcess]:
    """Begins another process on the same state; each ends with its test."""
    async with AsyncExitStack() as stack:

        async def begin() -> Dying:
            engine = Dying(address.url, namespace=tmp_path.name, shards=2, lease=LEASE)
            return await stack.enter_async_context(engine)

        yield begin


async def told(desk: Desk) -> list[str]:
    """What a process leases when another one has told it; that takes real time."""
    for _ in range(100):
        if keys := await desk.leased():
            return keys
    return []


def dialogs(engine: RedisEngine) -> Desk:
    return Desk(engine, "dialog", "screen")


async def test_a_chat_belongs_to_one_process_at_a_time(another: NewProcess) -> None:
    one, two = await another(), await another()
    first, second = dialogs(one), dialogs(two)

    await one.enqueue([letter(CHAT, "1")])
    turn = await first.begin(CHAT)
    await two.enqueue([letter(CHAT, "2")])
    await two.enqueue([letter("dialog/max.1:5:8", "3")])

    assert await second.leased() == []
    assert await told(first) == ["dialog/max.1:5:8"]
    following = await one.commit(turn, snapshot=b"one", keep=True)
    assert following is not None
    assert following.mail.id == "2"


async def test_a_chat_that_rests_is_for_whoever_needs_it_next(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first, second = dialogs(one), dialogs(two)
    await one.enqueue([letter(CHAT, "1")])
    await one.commit(await first.begin(CHAT), snapshot=b"one")
    await asyncio.sleep(5)
    two._peers = 0  # it is alone when it brings the next mail

    await two.enqueue([letter(CHAT, "2")])

    turn = await second.begin(CHAT)
    assert turn.snapshot == b"one"
    assert await first.leased() == []


async def test_what_a_dead_process_had_is_taken_over_when_its_lease_ends(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first = dialogs(one)
    owed = Owed(SCREEN, "o", b"view")
    await one.enqueue([letter(CHAT, "1"), letter(CHAT, "2")])
    turn = await one.commit(
        await first.begin(CHAT), snapshot=b"one", owed=[owed], keep=True
    )
    assert turn is not None
    one.die()
    second = dialogs(two)

    early = await second.leased()
    await asyncio.sleep(LEASE)
    two._sweep_all()
    late = await second.leased()

    assert early == []
    assert late == [SCREEN, CHAT]
    assert await two.owed(SCREEN, new=True) == ((owed,), None)
    again = await second.open(CHAT)
    assert (again.mail.id, again.snapshot) == ("2", b"one")


async def test_a_process_looks_again_when_the_lease_of_a_dead_one_ends(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first, second = dialogs(one), dialogs(two)
    await one.enqueue([letter(CHAT, "1")])
    await first.begin(CHAT)
    one.die()
    await asyncio.sleep(LEASE - 3)
    two._sweep_all()

    early = await second.leased()
    await asyncio.sleep(3)  # the next look is a minute away

    assert early == []
    assert await second.leased() == [CHAT]


async def test_what_a_dead_process_never_heard_of_waits_for_no_suspect(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first = dialogs(one)
    await one.enqueue([letter(CHAT, "1"), letter(OTHER, "2")])
    assert sorted(await first.leased()) == [CHAT, OTHER]
    await first.open(CHAT)
    await one.commit(await first.open(OTHER), snapshot=b"two")
    one.die()
    await two.enqueue([letter(OTHER, "3")])
    second = dialogs(two)
    await asyncio.sleep(LEASE)
    two._sweep_all()
    assert sorted(await second.leased()) == [CHAT, OTHER]
    suspect = await second.open(CHAT)

    turn = await asyncio.wait_for(second.open(OTHER), LEASE)

    assert (suspect.mail.id, turn.mail.id) == ("1", "3")


async def test_what_a_dead_process_had_heard_of_from_others_waits_for_other_suspects(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first = dialogs(one)
    await one.enqueue([letter(CHAT, "1"), letter(OTHER, "2")])
    assert sorted(await first.leased()) == [CHAT, OTHER]
    await first.open(CHAT)
    await one.commit(await first.open(OTHER), snapshot=b"two")
    await two.enqueue([letter(OTHER, "3")])
    assert await told(first) == [OTHER]
    one.die()
    second = dialogs(two)
    await asyncio.sleep(LEASE)
    two._sweep_all()
    assert sorted(await second.leased()) == [CHAT, OTHER]
    await second.open(CHAT)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.open(OTHER), LEASE)


async def test_whoever_was_taken_over_changes_nothing(
    another: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await another(), await another()
    first, second = dialogs(one), dialogs(two)
    await one.enqueue([letter(CHAT, "1")])
    late = await first.begin(CHAT)
    lost: list[str] = []
    one.listen(lambda _: None, lost.append)
    stand_still(one, monkeypatch)
    await asyncio.sleep(LEASE + 1)
    two._sweep_all()
    turn = await second.begin(CHAT)

    with pytest.raises(FencedError):
        await one.commit(late, snapshot=b"late")  # its message is there still
    await two.commit(turn, snapshot=b"two")
    with pytest.raises(FencedError):
        await one.drawn(SCREEN, ["o"], row=b"late")

    assert await two.read(CHAT) == b"two"
    assert lost == [SCREEN]


async def test_a_key_is_handed_on_with_all_its_mail(another: NewProcess) -> None:
    one, two = await another(), await another()
    first, second = dialogs(one), dialogs(two)
    await one.enqueue([letter(CHAT, "1"), letter(CHAT, "2")])
    turn = await first.begin(CHAT)

    handed = await one.hand(turn, two.name)

    assert handed
    assert await told(second) == [CHAT]
    assert await second.open(CHAT) == turn.__class__(
        CHAT, two._boxes[CHAT].token or "", None, turn.mail, 1
    )
    assert await first.leased() == []


async def test_a_key_is_not_handed_to_nobody(another: NewProcess) -> None:
    one = await another()
    first = dialogs(one)
    await one.enqueue([letter(CHAT, "1")])
    turn = await first.begin(CHAT)

    assert not await one.hand(turn, "nobody")
    await one.commit(turn, snapshot=b"one")
    assert await one.read(CHAT) == b"one"


async def test_what_one_process_tells_another_arrives(another: NewProcess) -> None:
    one, two = await another(), await another()
    heard: list[bytes] = []
    two.listen(heard.append, lambda _: None)

    one.tell(two.name, b"hello")
    for _ in range(100):
        if heard:
            break
        await idle()

    assert heard == [b"hello"]


async def test_a_message_is_a_dead_letter_after_three_deaths_alone(
    another: NewProcess,
) -> None:
    names: list[str] = []
    first = await another()
    desk = dialogs(first)
    await first.enqueue([letter(CHAT, "1"), letter(CHAT, "2")])
    names.append((await desk.begin(CHAT)).mail.id)
    first.die()
    for _ in range(3):
        engine = await another()
        await asyncio.sleep(LEASE + 1)
        desk = dialogs(engine)
        engine._sweep_all()
        names.append((await desk.begin(CHAT)).mail.id)
        engine.die()

    last = await another()
    await asyncio.sleep(LEASE + 1)
    desk = dialogs(last)
    last._sweep_all()
    turn = await desk.begin(CHAT)

    assert names == ["1", "1", "1", "1"]
    assert turn.mail.id == "2"
    assert [dead.mail.id for dead in last.dead_letters()] == ["1"]


async def test_a_message_that_was_given_back_is_not_suspect_for_that(
    another: NewProcess,
) -> None:
    first = await another()
    await first.enqueue([letter(CHAT, "1")])
    await dialogs(first).begin(CHAT)
    first.die()
    for _ in range(5):
        engine = await another()
        await asyncio.sleep(LEASE + 1)
        desk = dialogs(engine)
        engine._sweep_all()
        turn = await desk.begin(CHAT)
        await engine.fail(turn, error="cut off", retry=True)
        await engine.__aexit__()

    last = await another()
    turn = await dialogs(last).begin(CHAT)
    assert turn.mail.id == "1"


async def test_mail_that_was_sent_twice_is_there_once(another: NewProcess) -> None:
    engine = await another()
    desk = dialogs(engine)
    await engine.enqueue([letter(CHAT, "1")])
    await engine.enqueue([letter(CHAT, "1"), letter(CHAT, "2")])

    await desk.leased()
    turn = await desk.open(CHAT)
    assert turn.mail.id == "1"
    following = await engine.commit(turn, snapshot=None, keep=True)
    assert following is not None
    assert following.mail.id == "2"
    assert await engine.commit(following, snapshot=None, keep=True) is None


async def test_two_namespaces_on_one_server_know_nothing_of_each_other(
    address: RedisServer, tmp_path: Path
) -> None:
    async with (
        TestedEngine(address.url, namespace=f"{tmp_path.name}a", shards=1) as one,
        TestedEngine(address.url, namespace=f"{tmp_path.name}b", shards=1) as two,
    ):
        second = dialogs(two)
        await one.enqueue([letter(CHAT, "1")])

        assert await second.leased() == []
        assert (one.waiting(), two.waiting()) == (1, 0)


async def test_another_number_of_shards_is_refused(
    address: RedisServer, tmp_path: Path
) -> None:
    async with TestedEngine(address.url, namespace=tmp_path.name, shards=1):
        pass

    engine = TestedEngine(address.url, namespace=tmp_path.name, shards=2)
    with pytest.raises(EngineServerError, match="has shards 1, and this program"):
        await engine.__aenter__()


def test_a_url_of_something_else_is_refused() -> None:
    with pytest.raises(
        RuntimeSettingError, match="its URL begins with one of redis://"
    ):
        RedisEngine("http://127.0.0.1")


def test_a_password_is_never_shown() -> None:
    engine = RedisEngine("redis://user:secret@127.0.0.1:6379/0")

    assert engine.place == "redis://127.0.0.1:6379/0"
    assert "secret" not in repr(engine)


async def test_letters_to_a_unit_are_in_one_order_whoever_brings_them(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    first = dialogs(one)
    await one.enqueue([letter(CHAT, "start")])
    turn = await first.begin(CHAT)
    for number in range(20):
        sender = (one, two)[number % 2]
        await sender.enqueue([Letter(CHAT, Mail(f"n{number}", b"x"))])
    for _ in range(100):
        if len(one._boxes[CHAT].mail) > 20:
            break
        await idle()

    names: list[str] = []
    following = await one.commit(turn, snapshot=None, keep=True)
    while following is not None:
        names.append(following.mail.id)
        following = await one.commit(following, snapshot=None, keep=True)

    assert names == [f"n{number}" for number in range(20)]


async def test_a_row_that_nobody_with_a_lease_has_written_is_leased_as_any_other(
    another: NewProcess,
) -> None:
    engine = await another()
    await engine.drawn(SCREEN, [], row=b"row")
    await engine.enqueue([letter(CHAT, "1")])

    desk = dialogs(engine)

    assert await told(desk) == [SCREEN, CHAT]
    assert await engine.owed(SCREEN) == ((), b"row")


async def test_a_chat_is_let_go_though_no_replica_had_what_was_written(
    another: NewProcess,
) -> None:
    engine = await another()
    desk = dialogs(engine)
    await engine.enqueue([letter(CHAT, "1")])
    turn = await desk.begin(CHAT)

    assert isinstance(engine._link, Link)
    engine._link._wait = ("WAIT", 1, 1), 1  # and there is none
    for write in (
        engine.enqueue([letter(CHAT, "2")]),
        engine.drawn(SCREEN, [], row=b""),
        engine.commit(turn, snapshot=b"one"),
    ):
        with pytest.raises(EngineUnavailableError):
            await write
    engine._link._wait = None
    following = await engine.open(CHAT)  # it has happened all the same
    assert following is not None
    await engine.commit(following, snapshot=None)
    await asyncio.sleep(5)

    assert following.mail.id == "2"
    assert not engine._units
    assert not any(engine._awaited.values())


async def test_a_turn_that_was_the_last_one_is_over_though_no_replica_had_it(
    another: NewProcess,
) -> None:
    engine = await another()
    desk = dialogs(engine)
    await engine.enqueue([letter(CHAT, "1")])
    turn = await desk.begin(CHAT)

    assert isinstance(engine._link, Link)
    engine._link._wait = ("WAIT", 1, 1), 1  # and there is none
    with pytest.raises(EngineUnavailableError):
        await engine.commit(turn, snapshot=b"one")
    engine._link._wait = None
    following = await engine.open(CHAT)  # there is nothing left to handle
    await asyncio.sleep(5)

    assert following is None
    assert await engine.read(CHAT) == b"one"
    assert not engine._units
    assert not engine._boxes


async def test_what_a_turn_has_let_out_leaves_though_no_replica_had_it(
    another: NewProcess,
) -> None:
    engine, elsewhere = await another(), "dialog/max.1:6:7"
    desk = dialogs(engine)
    await engine.enqueue([letter(CHAT, "1")])
    turn = await desk.begin(CHAT)
    owed = Owed(SCREEN, "o", b"view")

    assert isinstance(engine._link, Link)
    engine._link._wait = ("WAIT", 1, 1), 1  # and there is none
    with pytest.raises(EngineUnavailableError):
        await engine.commit(
            turn, snapshot=b"one", outbox=[letter(elsewhere, "2")], owed=[owed]
        )
    engine._link._wait = None
    await engine.open(CHAT)

    # Whoever asked for it has been told that nobody knows, and will not see to it.
    assert sorted(await told(desk)) == [elsewhere, SCREEN]
    assert await engine.owed(SCREEN, new=True) == ((owed,), None)


async def test_a_chat_that_is_here_again_goes_on_behind_a_commit_that_nobody_knows_of(
    another: NewProcess,
) -> None:
    engine = await another()
    desk = dialogs(engine)
    await engine.enqueue([letter(CHAT, "1"), letter(CHAT, "2")])
    turn = await desk.begin(CHAT)
    assert isinstance(engine._link, Link)
    engine._link._wait = ("WAIT", 1, 1), 1  # and there is none
    with pytest.raises(EngineUnavailableError):
        await engine.commit(turn, snapshot=b"one")
    engine._link._wait = None
    (unit,) = engine._units.values()
    _answer = engine._let_go(unit, only_empty=False)
    engine._lose(unit)
    engine._sweep_all()

    first = await desk.leased()
    with pytest.raises(FencedError):
        await engine.open(CHAT)  # of the turn before

    assert first == [CHAT]
    assert await desk.leased() == [CHAT]
    assert (await desk.open(CHAT)).mail.id == "2"


async def test_what_waits_for_a_bot_is_counted_whoever_has_accepted_it(
    another: NewProcess,
) -> None:
    one, two = await another(), await another()
    await one.enqueue([letter(f"dialog/max.9:{n}:1", f"{n}") for n in range(600)])
    assert await two.unserved("dialog/max.9") == 600

    await two.enqueue([letter(f"dialog/max.9:{n}:1", f"{n}") for n in range(600, 1010)])

    assert await one.unserved("dialog/max.9") > 1000


async def test_it_ends_though_its_client_forgets_a_cancellation(
    address: RedisServer, tmp_path: Path
) -> None:
    async with asyncio.timeout(60):
        async with Deaf(address.url, namespace=tmp_path.name):
            await asyncio.sleep(0)
