"""What engines tell of their own work to whoever watches: on a real server, and of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from duologue import Dispatcher, Runtime
from duologue.actors import Counts, Engine
from duologue.dialogs import MessageCreated
from duologue.errors import EngineUnavailableError, FencedError
from duologue.testing import RecordingBot
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._wire._link import Link
from duologue.transport.sqlite import SqliteEngine
from tests.engines.conftest import A, B, Desk, letter
from tests.engines.test_sqlite_failures import FailingEngine, failing
from tests.servers import RedisServer, TestedEngine, server, stand_still, valkey_program

LEASE = 10.0


@pytest.fixture
def address() -> RedisServer:
    return server(valkey_program())


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A server of this test alone."""
    one = RedisServer(valkey_program())
    one.start()
    yield one
    one.stop()


def engine(
    url: str, folder: Path, observer: Counts | None, **options: object
) -> TestedEngine:
    made = TestedEngine(
        url,
        namespace=folder.name,
        shards=2,
        lease=LEASE,
        **options,  # type: ignore[arg-type] # as tests name them
    )
    if observer is not None:
        made.observe(observer)
    return made


def of(engine: RedisEngine | SqliteEngine, gauge: str) -> float:
    return engine.gauges()[gauge]()


async def test_each_script_is_measured_by_its_name(
    address: RedisServer, tmp_path: Path
) -> None:
    numbers = Counts()
    async with engine(address.url, tmp_path, numbers) as one:
        desk = Desk(one)
        for name in ("1", "2", "3"):
            await one.enqueue([letter(A, name)])
        await desk.rest()

    calls = "engine_call_seconds"
    assert len(numbers.recorded(calls, call="enqueue")) == 3
    assert len(numbers.recorded(calls, call="commit")) == 3
    assert numbers.recorded(calls, call="command")
    assert all(0 <= seconds < LEASE for seconds in numbers.recorded(calls))
    assert numbers.of("engine_errors") == 0


async def test_leases_are_counted_by_what_became_of_them(
    address: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, others = Counts(), Counts()
    async with (
        engine(address.url, tmp_path, numbers) as one,
        engine(address.url, tmp_path, others) as two,
    ):
        first, second = Desk(one), Desk(two)
        await one.enqueue([letter(A, "1")])
        late = await first.begin()
        held = of(one, "leases_held")
        stand_still(one, monkeypatch)
        await asyncio.sleep(LEASE + 1)
        two._sweep_all()
        await second.begin()
        with pytest.raises(FencedError):
            await one.commit(late, snapshot=b"late")

        assert held == 1
        assert (of(one, "leases_held"), of(two, "leases_held")) == (0, 1)
    counted = {
        outcome: (
            numbers.of("leases", outcome=outcome),
            others.of("leases", outcome=outcome),
        )
        for outcome in ("begun", "expired", "taken_over", "lost")
    }
    assert counted == {
        "begun": (1, 0),
        "expired": (0, 1),
        "taken_over": (0, 1),
        "lost": (1, 0),
    }


async def test_what_is_ready_is_told_with_its_age(
    address: RedisServer, tmp_path: Path
) -> None:
    async with engine(address.url, tmp_path, Counts()) as one:
        before = of(one, "units_ready"), of(one, "oldest_ready_seconds")
        await one.enqueue([letter("x/a", "1"), letter("x/b", "1"), letter("x/c", "1")])
        await asyncio.sleep(3600)

        waiting = of(one, "units_ready")
        oldest = of(one, "oldest_ready_seconds")
        await Desk(one).rest()
        await asyncio.sleep(3600)
        after = of(one, "units_ready"), of(one, "oldest_ready_seconds")

    assert [*before, waiting, *after] == [0, 0, 3, 0, 0]
    assert 3000 < oldest <= 3600


async def test_nothing_is_looked_at_where_nobody_watches(
    address: RedisServer, tmp_path: Path
) -> None:
    async with engine(address.url, tmp_path, None) as one:
        await one.enqueue([letter(A, "1")])
        await asyncio.sleep(3600)

        assert of(one, "units_ready") == 0


@pytest.mark.real_time
def test_errors_are_counted_by_their_class(own: RedisServer) -> None:
    numbers = Counts()

    async def use() -> None:
        one = RedisEngine(own.url)
        one.observe(numbers)
        async with one:
            own.ask("CONFIG", "SET", "maxmemory", "1")
            with pytest.raises(EngineUnavailableError):
                await one.enqueue([letter(A, "1")])
            own.kill()
            with pytest.raises(EngineUnavailableError):
                await one.enqueue([letter(A, "2")])
            await asyncio.to_thread(own.start)

    asyncio.run(use())

    assert numbers.of("engine_errors", error="OutOfMemoryError") >= 1
    assert numbers.of("engine_errors", error="ConnectionError") >= 2


async def test_a_write_that_no_replica_has_is_counted(
    address: RedisServer, tmp_path: Path
) -> None:
    numbers = Counts()
    async with engine(address.url, tmp_path, numbers) as one:
        assert isinstance(one._link, Link)
        one._link._wait = ("WAIT", 1, 1), 1  # and there is none
        with pytest.raises(EngineUnavailableError):
            await one.enqueue([letter(A, "1")])
        one._link._wait = None

    assert numbers.of("replicas_short") == 1


async def test_writes_to_a_file_are_measured_and_what_fails_is_counted(
    tmp_path: Path,
) -> None:
    numbers = Counts()
    async with FailingEngine(tmp_path / "state.db") as one:
        one.observe(numbers)
        desk = Desk(one, slots=1)
        await one.enqueue([letter(A, "1"), letter(B, "1")])
        await desk.begin()
        waits = of(one, "leases_held"), of(one, "units_ready")
        well = len(numbers.recorded("engine_call_seconds", call="write"))
        one.before = failing("BEGIN IMMEDIATE", 1)
        await one.enqueue([letter(A, "2")])

    assert [*waits, well] == [1, 1, 1]
    assert len(numbers.recorded("engine_call_seconds", call="write")) >= 3
    assert numbers.of("engine_errors", error="OperationalError") == 1


@pytest.mark.parametrize("kind", ["server", "file"])
async def test_a_runtime_shows_them_with_its_other_metrics(
    address: RedisServer, tmp_path: Path, kind: str
) -> None:
    registry = CollectorRegistry()
    dispatcher, bot = Dispatcher(), RecordingBot()

    async def answer(message: MessageCreated) -> None:
        await message.answer("hello")

    dispatcher.message.register(answer)
    chosen: Engine = (
        SqliteEngine(tmp_path / "state.db")
        if kind == "file"
        else engine(address.url, tmp_path, None)
    )
    async with Runtime(
        dispatcher, [bot], polling=None, engine=chosen, registry=registry
    ) as runtime:
        await runtime.accept(bot, bot.wrote(1, 1, "hi"))
        await runtime.settled()

        call = "write" if kind == "file" else "commit"
        number = registry.get_sample_value(
            "duologue_engine_call_seconds_count", {"call": call}
        )
        held = registry.get_sample_value("duologue_leases_held")

    assert number
    assert held is not None
