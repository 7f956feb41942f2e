"""The engine in a file, when the disk or the file is not as it should be."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from duologue import Dispatcher
from duologue.actors import TimedLetter
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    EngineUnavailableError,
    NetworkFileSystemError,
    StateDamagedError,
    StateFolderError,
    StateInUseError,
    StateLayoutError,
)
from duologue.testing import Method, Playground, RecordingBot
from duologue.transport.sqlite import SqliteEngine
from tests.engines.conftest import A, B, C, Desk, desk, idle, letter


class Shown(StatesGroup):
    one = State()


class _Connection(sqlite3.Connection):
    """Fails as it is told to."""

    before: Callable[[str], object] = staticmethod(str)
    after: Callable[[str], object] = staticmethod(str)

    def execute(  # type: ignore[override] # of all parameters, those that are used
        self, sql: str, parameters: tuple[str | bytes | int | float | None, ...] = ()
    ) -> sqlite3.Cursor:
        self.before(sql)
        cursor = super().execute(sql, parameters)
        self.after(sql)
        return cursor


class FailingEngine(SqliteEngine):
    """Has a disk that can be made to fail.

    Attributes:
        before: Is called before each statement.
        after: Is called after each statement.
    """

    before: Callable[[str], object] = staticmethod(str)
    after: Callable[[str], object] = staticmethod(str)

    def _connect(self, database: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            database,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.before = self._before
        connection.after = self._after
        return connection

    def _before(self, sql: str) -> None:
        self.before(sql)

    def _after(self, sql: str) -> None:
        self.after(sql)


def failing(statement: str, times: int) -> Callable[[str], None]:
    """What makes a statement fail some times."""
    left = times

    def fail(sql: str) -> None:
        nonlocal left
        if sql == statement and left:
            left -= 1
            raise sqlite3.OperationalError("disk I/O error")

    return fail


async def test_a_full_disk_stops_the_engine_and_it_recovers_by_itself(
    tmp_path: Path,
) -> None:
    class Small(SqliteEngine):
        connections: list[sqlite3.Connection] = []  # noqa: RUF012  # of this test

        def _connect(self, database: str) -> sqlite3.Connection:
            connection = super()._connect(database)
            self.connections.append(connection)
            return connection

    engine = Small(tmp_path / "state.db")
    async with engine:
        some = await desk(engine, "1", "2")
        limit = partial(engine.connections[0].execute)
        await asyncio.to_thread(limit, "PRAGMA max_page_count = 30")
        turn = await some.begin()
        async with asyncio.TaskGroup() as group:
            work = engine.commit(turn, snapshot=bytes(500_000))
            committing = group.create_task(work)
            sending = group.create_task(engine.enqueue([letter(B, "1")]))
            await asyncio.sleep(10)
            problem = engine.problem
            waiting = committing.done(), sending.done()
            leased = await some.leased()
            await asyncio.to_thread(limit, "PRAGMA max_page_count = 100000")
        recovered = engine.problem

    async with SqliteEngine(tmp_path / "state.db") as again:
        assert problem is not None
        assert "full" in problem
        assert waiting == (False, False)
        assert leased == [B]
        assert recovered is None
        assert await again.read(A) == bytes(500_000)
        assert again.waiting() == 2


@pytest.mark.parametrize("has_effect", [True, False])
async def test_a_failed_commit_loses_nothing_and_repeats_nothing(
    tmp_path: Path,
    has_effect: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = FailingEngine(tmp_path / "state.db")
    async with engine:
        some = await desk(engine, "1", "2")
        turn = await some.begin()
        fail = failing("COMMIT", 1)
        engine.before, engine.after = (str, fail) if has_effect else (fail, str)

        await engine.commit(turn, snapshot=b"one", outbox=[letter(B, "x")])
        took = asyncio.get_running_loop().time()
        problem = engine.problem

    async with SqliteEngine(tmp_path / "state.db") as again:
        assert problem is None
        assert (took >= 2) is not has_effect  # it was tried again
        assert await again.read(A) == b"one"
        assert again.waiting() == 2
        assert await Desk(again).rest() == ["2", "x"]


async def test_what_cannot_be_written_at_the_end_is_told_to_those_who_wait(
    tmp_path: Path,
) -> None:
    engine = FailingEngine(tmp_path / "state.db")
    await engine.__aenter__()
    engine.before = failing("BEGIN IMMEDIATE", 100)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_refused(engine.enqueue([letter(A, "1")])))
        await idle()
        later = group.create_task(_refused(engine.enqueue([letter(A, "2")])))
        await asyncio.sleep(1.5)
        await engine.__aexit__()

    assert "disk I/O error" in sending.result()
    assert "disk I/O error" in later.result()


async def _refused(work: object) -> str:
    with pytest.raises(EngineUnavailableError) as caught:
        await work  # type: ignore[misc] # a coroutine
    return caught.value.reason


async def test_a_snapshot_that_cannot_be_read_now_can_be_read_later(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        await engine.commit(await (await desk(engine, "1")).begin(), snapshot=b"one")
        await engine.enqueue([letter(A, "2")])
    engine = FailingEngine(tmp_path / "state.db")
    async with engine:
        some = Desk(engine)
        await some.leased()
        engine.before = failing("SELECT body FROM snapshots WHERE key = ?", 1)

        with pytest.raises(EngineUnavailableError) as caught:
            await engine.open(A)

        assert caught.value.key == A
        assert (await some.open(A)).snapshot == b"one"


async def test_an_end_that_is_cancelled_closes_the_file_all_the_same(
    tmp_path: Path,
) -> None:
    gate = threading.Event()
    engine = FailingEngine(tmp_path / "state.db")
    await engine.__aenter__()
    engine.before = lambda sql: sql == "COMMIT" and gate.wait(10)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(engine.enqueue([letter(A, "1")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ending = group.create_task(engine.__aexit__())
        await asyncio.sleep(0)
        ending.cancel()
        gate.set()
        await asyncio.wait([ending])
        await sending
    assert await _refused(engine.read(B)) == "it is closed"

    async with SqliteEngine(tmp_path / "state.db", patience=0) as again:
        assert again.waiting() == 1


async def test_a_file_that_cannot_be_opened_is_an_error_that_names_the_engine(
    tmp_path: Path,
) -> None:
    engine = FailingEngine(tmp_path / "state.db")
    engine.before = failing("PRAGMA synchronous = FULL", 1)

    with pytest.raises(StateFolderError, match="disk I/O error"):
        await engine.__aenter__()
    async with engine:  # and it can be tried again
        await engine.enqueue([letter(A, "1")])


async def test_a_lock_that_cannot_be_made_is_an_error_that_names_the_engine(
    tmp_path: Path,
) -> None:
    await asyncio.to_thread((tmp_path / "state.db.lock").mkdir)

    with pytest.raises(StateFolderError, match="engine="):
        await begin(tmp_path / "state.db")


async def test_a_file_where_the_folder_is_to_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()

    with pytest.raises(StateFolderError, match="folder is no folder"):
        await begin(tmp_path / "folder" / "state.db")


async def test_where_nothing_tells_of_file_systems_none_is_refused(
    tmp_path: Path,
) -> None:
    class There(SqliteEngine):
        _mounts = tmp_path / "missing"

    async with There(tmp_path / "state.db") as engine:
        assert engine.problem is None


async def test_an_error_that_no_text_can_hold_is_written_all_the_same(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        turn = await (await desk(engine, "1")).begin()

        await engine.fail(turn, error="no \ud800", retry=False)

    async with SqliteEngine(tmp_path / "state.db") as engine:
        assert [dead.error for dead in engine.dead_letters()] == ["no \\ud800"]


async def begin(path: Path) -> None:
    async with SqliteEngine(path):
        pass


async def test_a_second_engine_of_the_process_is_refused_and_takes_nothing_away(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path) as engine:
        with pytest.raises(StateInUseError, match="another engine of this process"):
            async with SqliteEngine(path, patience=1):
                raise AssertionError
        await engine.enqueue([letter(A, "1")])

    async with SqliteEngine(path, patience=0) as engine:
        assert engine.waiting() == 1


async def test_something_else_in_the_place_of_the_file_is_left_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    await asyncio.to_thread(path.write_bytes, b"not a database" * 100)

    with pytest.raises(StateDamagedError) as caught:
        await begin(path)

    assert caught.value.backup is None
    assert "no backup" in str(caught.value)
    assert "duologue state" in str(caught.value)
    assert await asyncio.to_thread(path.read_bytes) == b"not a database" * 100


async def test_the_database_of_another_program_is_left_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    await asyncio.to_thread(execute, path, "CREATE TABLE mine (a)")

    with pytest.raises(StateDamagedError, match="another program"):
        await begin(path)


async def test_a_damaged_file_is_named_with_its_newest_backup(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(A, str(n)) for n in range(500)])
    await asyncio.to_thread(
        execute, path, "UPDATE meta SET value = 0 WHERE name = 'clean'"
    )
    await asyncio.to_thread(damage, path)
    backup = tmp_path / "state.backup"
    await asyncio.to_thread(backup.touch)

    with pytest.raises(StateDamagedError) as caught:
        await begin(path)

    assert caught.value.backup == str(backup)
    assert str(backup) in str(caught.value)


async def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await begin(path)
    await asyncio.to_thread(execute, path, "PRAGMA user_version = 99")

    with pytest.raises(StateLayoutError) as caught:
        await begin(path)

    assert (caught.value.found, caught.value.known) == (99, 1)


@pytest.mark.parametrize("place", ["file/state.db", "folder"])
async def test_a_place_that_cannot_be_written_is_an_error_that_names_the_engine(
    tmp_path: Path, place: str
) -> None:
    await asyncio.to_thread((tmp_path / "file").touch)
    await asyncio.to_thread((tmp_path / "folder").mkdir)

    with pytest.raises(StateFolderError, match="engine="):
        await begin(tmp_path / place)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
async def test_a_network_file_system_is_refused_by_name(
    tmp_path: Path, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    folder = tmp_path / "far away"
    where = str(folder).replace(" ", "\\040")
    table = f"/dev/vda / ext4 rw 0 0\nserver:/x {where} {kind} rw 0 0\nodd\n"
    await asyncio.to_thread(mounts.write_text, table)

    class There(SqliteEngine):
        _mounts = mounts

    with pytest.raises(NetworkFileSystemError, match="engine=") as caught:
        async with There(folder / "state.db"):
            pass
    async with There(tmp_path / "here" / "state.db") as local:
        await local.enqueue([letter(A, "1")])

    assert caught.value.kind == kind


async def test_the_file_and_its_folder_are_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.db"

    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(A, "1")])
        modes = {
            each.name: each.stat().st_mode & 0o777
            for each in await asyncio.to_thread(lambda: [*path.parent.iterdir()])
        }

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert {"state.db", "state.db-wal"} < modes.keys()


async def test_idle_snapshots_expire_and_others_stay(tmp_path: Path) -> None:
    async with SqliteEngine(
        tmp_path / "state.db", expire_after=timedelta(days=30)
    ) as engine:
        some = Desk(engine)
        keys = (A, B, C, "x/used")
        await engine.enqueue([letter(key, "1") for key in keys])
        now = 1_767_225_600.0
        later = [TimedLetter("t", B, now + 90 * 86_400, b"")]
        for key in await some.leased():
            timed = later if key == A else ()
            await engine.commit(await some.open(key), snapshot=b"s", timed=timed)
        await engine.enqueue([letter(C, "2")])
        await asyncio.sleep(20 * 86_400)
        await engine.enqueue([letter("x/used", "2")])
        await engine.commit(await some.open("x/used"), snapshot=None)
        await asyncio.sleep(12 * 86_400)

        kept = [key for key in keys if await engine.read(key) is not None]

    assert kept == [B, C, "x/used"]


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def damage(path: Path) -> None:
    """Overwrite the middle of a file."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)


@pytest.mark.real_time
async def test_while_the_disk_hangs_a_press_is_answered_and_nothing_is_shown(
    tmp_path: Path,
) -> None:
    engine, dispatcher = FailingEngine(tmp_path / "state.db"), Dispatcher()
    gate, handled = threading.Event(), asyncio.Event()

    async def press(event: Callback, _button: Button, manager: DialogManager) -> None:
        manager.dialog_data["n"] = 1
        assert event.message is not None
        await event.message.answer("pressed")
        handled.set()

    button = Button(Const("press"), id="press", on_click=press)
    window = Window(Format("{dialog_data}"), button, state=Shown.one)
    dispatcher.include_router(Dialog(window))
    can = replace(RecordingBot().capabilities, answer_deadline=0.1)
    bot = RecordingBot(capabilities=can)
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        await (await chat.dialog(1).start(Shown.one))
        await chat.settled()
        before = len(bot.calls)
        engine.before = lambda sql: sql == "COMMIT" and gate.wait(10)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            pressing = group.create_task(chat.click(1, "press"))
            await handled.wait()
            while len(bot.calls) == before:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
            calls = [call.method for call in bot.calls[before:]]
            accepted = pressing.done()
            gate.set()
        await chat.settled()

        assert calls == [Method.ANSWER]
        assert not accepted
        assert [each.text for each in chat.messages(1)] == ["{'n': 1}", "pressed"]
