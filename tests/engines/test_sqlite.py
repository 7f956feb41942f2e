"""What the engine in a file promises beyond what every engine does."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import closing
from pathlib import Path

import pytest

from duologue.actors import Owed
from duologue.dialogs import Dispatcher, Message
from duologue.dialogs.routing import Router
from duologue.errors import EngineClosedError, EngineUnavailableError, FencedError
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine
from tests.engines.conftest import A, B, Desk, desk, letter

DAY = 24 * 60 * 60


class Watched(SqliteEngine):
    """Notes what is written.

    Attributes:
        written: The statements of each group, with the rows that they changed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written: list[str] = []

    def _connect(self, database: str) -> sqlite3.Connection:
        connection = super()._connect(database)
        connection.set_trace_callback(self._note)
        return connection

    def _note(self, statement: str) -> None:
        if statement.startswith(("INSERT", "DELETE", "COMMIT")):
            self.written.append(" ".join(statement.split()[:3]))

    def take(self) -> list[str]:
        """What has been written since the last look."""
        written = self.written.copy()
        self.written.clear()
        return written


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(tmp_path / "state.db") as engine:
        engine.take()
        yield engine


def spawn(group: asyncio.TaskGroup, work: Coroutine[object, object, None]) -> None:
    """Do something beside the rest."""
    group.create_task(work)


async def test_accepted_mail_and_state_survive_the_process(tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        some = await desk(engine, "1", "2", "3")
        turn = await some.begin()
        owed = Owed("screen/1", "o", b"body")
        await engine.commit(turn, snapshot=b"one", owed=[owed], keep=True)
        await engine.drawn("screen/2", [], row=b"row")
        await engine.hold("poller/max.1", "token", 1, value=b"marker")
        is_durable = engine.durable

    async with SqliteEngine(tmp_path / "state.db") as engine:
        after = await Desk(engine).begin()

        assert is_durable
        assert (after.mail.id, after.snapshot, after.attempt) == ("2", b"one", 1)
        assert engine.waiting() == 2
        assert await engine.owed("screen/1") == ((owed,), None)
        assert await engine.owed("screen/2") == ((), b"row")
        assert await engine.hold("poller/max.1", "another", 1) == b"marker"


async def test_mail_that_is_handled_within_its_tick_is_written_once_as_a_state(
    watched: Watched,
) -> None:
    async def handle(key: str) -> None:
        turn = await watched.open(key)
        assert turn is not None
        await watched.commit(turn, snapshot=key.encode())

    async with asyncio.TaskGroup() as group:

        def ready(key: str) -> None:
            group.create_task(handle(key))

        watched.serve(["x"], 10, ready)
        await watched.read(A)
        await watched.read(B)
        watched.take()
        await watched.enqueue([letter(A, "1"), letter(B, "1")])

    assert watched.take() == ["INSERT INTO snapshots"] * 2 + ["COMMIT"]


async def test_what_comes_and_goes_without_a_change_is_not_written_at_all(
    watched: Watched,
) -> None:
    some = Desk(watched)
    await watched.read(A)

    async with asyncio.TaskGroup() as group:
        group.create_task(watched.enqueue([letter(A, "1")]))
        await asyncio.sleep(0)
        turn = await some.open()
        await watched.commit(turn, snapshot=None)

    assert watched.take() == []


async def test_turns_of_a_batch_that_do_not_wait_are_written_together(
    watched: Watched,
) -> None:
    keys = [f"x/{number}" for number in range(40)]
    for key in keys:
        await watched.read(key)
    watched.take()
    async with asyncio.TaskGroup() as turns:

        async def turn(key: str) -> None:
            # A loop lets some actors work in each of its rounds.
            for _ in range(1 + keys.index(key) // 10):
                await asyncio.sleep(0)
            opened = await watched.open(key)
            assert opened is not None
            await watched.commit(opened, snapshot=b"state")

        watched.serve(["x"], len(keys), lambda key: spawn(turns, turn(key)))
        await watched.enqueue([letter(key, "1") for key in keys])

    written = watched.take()
    assert written.count("COMMIT") == 1
    assert "INSERT INTO mail" not in written


async def test_changes_without_end_are_written_all_the_same(watched: Watched) -> None:
    number = 0
    async with asyncio.TaskGroup() as others:
        written = others.create_task(watched.enqueue([letter(A, "first")]))

        while not written.done() and number < 10_000:
            number += 1
            spawn(others, watched.enqueue([letter(f"x/{number}", "1")]))
            await asyncio.sleep(0)
            time.sleep(0)  # noqa: ASYNC251  # so that the thread which writes has its turn

    assert number < 10_000


async def test_what_is_drawn_rides_with_the_next_group(watched: Watched) -> None:
    some = await desk(watched, "1", "2")
    turn = await some.begin()
    owed = [Owed("screen/1", "o", b"body")]
    await watched.commit(turn, snapshot=None, owed=owed)
    second = await some.begin()
    watched.take()

    await watched.drawn("screen/1", ["o"])
    at_once = watched.take()
    await watched.commit(second, snapshot=b"two")
    with_it = watched.take()

    assert at_once == []
    assert with_it.count("COMMIT") == 1
    assert "DELETE FROM owed" in with_it


async def test_what_is_drawn_is_written_after_a_second_by_itself(
    watched: Watched,
) -> None:
    await watched.drawn("screen/1", [], row=b"row")
    await asyncio.sleep(0.9)
    early = watched.take()
    await asyncio.sleep(0.2)

    assert early == []
    assert watched.take() == ["INSERT OR REPLACE", "COMMIT"]


async def test_one_message_of_a_user_is_one_sync(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "state.db")
    router = Router()

    @router.message()
    async def echo(message: Message) -> None:
        await message.answer(message.text or "")

    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    async with Playground(dispatcher, engine=watched) as chat:
        await chat.say(1, "first")
        await chat.settled()
        watched.take()

        await chat.say(1, "second")
        await chat.settled()

        assert chat.screen(1).text == "second"
        assert watched.take().count("COMMIT") == 1


async def test_a_cancelled_commit_is_written_and_ends_its_lease(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        some = await desk(engine, "1", "2")
        turn = await some.begin()
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(engine.commit(turn, snapshot=b"one"))
            await asyncio.sleep(0)
            committing.cancel()

        following = await some.begin()

        assert following.mail.id == "2"
        assert following.snapshot == b"one"


async def test_a_new_file_was_nobody_elses(tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        assert engine.alone_for > DAY


async def test_it_knows_how_long_ago_the_process_before_has_ended(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, db:
        db.execute("UPDATE meta SET value = value - 60000 WHERE name = 'ended'")

    async with SqliteEngine(tmp_path / "state.db") as engine:
        at_first = engine.alone_for
        await asyncio.sleep(100)

        assert 60 <= at_first < DAY
        assert engine.alone_for == pytest.approx(at_first + 100)


async def test_of_a_process_that_was_killed_it_knows_only_that_the_file_was_free(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db"):
        for ending in ("", "-wal"):  # what a kill now would leave
            shutil.copy(tmp_path / f"state.db{ending}", tmp_path / f"copy.db{ending}")

    async with SqliteEngine(tmp_path / "copy.db") as engine:
        assert engine.alone_for == 0


async def test_a_clock_that_went_back_counts_for_nothing(tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, db:
        db.execute("UPDATE meta SET value = value + 60000 WHERE name = 'ended'")

    async with SqliteEngine(tmp_path / "state.db") as engine:
        assert engine.alone_for == 0


async def test_a_turn_of_an_earlier_run_can_change_nothing(tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        late = await (await desk(engine, "1")).begin()

    async with SqliteEngine(tmp_path / "state.db") as engine:
        await Desk(engine).begin()

        with pytest.raises(FencedError):
            await engine.commit(late, snapshot=b"late")


async def test_a_key_is_not_opened_before_its_commit_is_written(
    watched: Watched,
) -> None:
    some = await desk(watched, "1", "2")
    turn = await some.begin()

    async with asyncio.TaskGroup() as group:
        group.create_task(watched.commit(turn, snapshot=b"one"))
        await asyncio.sleep(0)
        early = await watched.open(A)

    assert early is not None
    assert (early.mail.id, early.snapshot) == ("2", b"one")


async def test_what_is_read_is_what_has_been_written(watched: Watched) -> None:
    turn = await (await desk(watched, "1")).begin()
    watched.take()

    async with asyncio.TaskGroup() as group:
        group.create_task(watched.commit(turn, snapshot=b"one"))
        await asyncio.sleep(0)
        read = await watched.read(A)
        written = watched.take()

    assert read == b"one"
    assert "COMMIT" in written


async def test_a_commit_that_is_cancelled_when_it_is_written_ends_its_lease(
    watched: Watched,
) -> None:
    some = await desk(watched, "1", "2")
    turn = await some.begin()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.commit(turn, snapshot=b"one"))
        for _ in range(1000):
            if "COMMIT" in watched.written:
                break
            await asyncio.to_thread(time.sleep, 0.001)
        # It is in the file; whether the task has heard of it does not matter.
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()

    assert (await some.begin()).snapshot == b"one"


@pytest.mark.parametrize("cache_bytes", [0, 10, 1000])
async def test_a_snapshot_is_the_same_bytes_while_there_is_room_for_it(
    tmp_path: Path, cache_bytes: int
) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path, cache_bytes=cache_bytes) as engine:
        some = Desk(engine)
        snapshots = {key: key.encode() * 3 for key in (A, B)}
        for key, snapshot in snapshots.items():
            await engine.enqueue([letter(key, "1"), letter(key, "2")])
            await engine.commit(await some.open(key), snapshot=snapshot)

        second = {key: (await some.open(key)).snapshot for key in snapshots}

    assert second == snapshots
    same = [second[key] is snapshot for key, snapshot in snapshots.items()]
    assert same == [cache_bytes == 1000] * 2  # room for both


async def test_what_is_drawn_while_a_group_is_written_is_written_too(
    watched: Watched,
) -> None:
    turn = await (await desk(watched, "1")).begin()

    async with asyncio.TaskGroup() as group:
        group.create_task(watched.commit(turn, snapshot=b"one"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await watched.drawn("screen/1", [], row=b"row")
    watched.take()
    await asyncio.sleep(2)

    assert watched.take() == ["INSERT OR REPLACE", "COMMIT"]


async def test_mail_before_the_beginning_waits_for_it(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path / "state.db")
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(engine.enqueue([letter(A, "1")]))
        await asyncio.sleep(5)
        early = sending.done()
        async with engine:
            await sending
            waiting = engine.waiting()

    assert (early, waiting) == (False, 1)


async def test_after_the_end_nobody_is_told_that_anything_is_safe(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        turn = await (await desk(engine, "1")).begin()
    await engine.__aexit__()

    with pytest.raises(EngineUnavailableError):
        await engine.commit(turn, snapshot=b"late")
    with pytest.raises(EngineClosedError):
        await engine.enqueue([letter(A, "2")])
