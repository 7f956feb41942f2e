"""`duologue state`: looking into a state file from outside."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from duologue.__main__ import main
from duologue.actors import Letter, Mail
from duologue.transport.sqlite import SqliteEngine
from tests.engines.conftest import DIALOG, Desk, desk, fill as fill_any, letter

FAILED, WRONG_USE = 1, 2


async def fill(engine: SqliteEngine) -> None:
    """Put one of everything there."""
    await fill_any(engine, "ValueError('no')")
    await engine.hold("poller/max.1", "token", 1, value=b"secret")


class Run(Protocol):
    def __call__(self, *arguments: str | Path) -> str: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; what it prints, the status last."""

    def command(*arguments: str | Path) -> str:
        status = main(["state", *map(str, arguments)])
        printed = capsys.readouterr()
        return f"{printed.out}{printed.err}{status}"

    return command


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        await fill(engine)
    return tmp_path / "state.db"


def test_show_counts_what_is_there(
    run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_STATE_DIR", str(state.parent))

    printed = run()

    counted = dict(line.rsplit(None, 1) for line in printed.splitlines()[1:-2])
    assert printed.splitlines()[0] == str(state)
    assert counted["  dialogs"] == counted["  mail"] == "1"
    assert counted["  owed drawings"] == counted["  letters for later"] == "1"
    assert counted["  dead letters"] == "1"
    assert "never" not in printed
    assert printed.endswith("\n0")


async def test_show_counts_states_and_tasks(run: Run, tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        engine.serve(["state", "task/count"], 10, list[str]().append)
        for key in ("state/Cart:max.1:7", "state/Cart:max.1:8", "task/count:1"):
            await engine.enqueue([Letter(key, Mail("1", b""))])
            opened = await engine.open(key)
            assert opened is not None
            await engine.commit(opened, snapshot=b"[]")

    printed = await asyncio.to_thread(run, tmp_path)

    lines = [line.split() for line in printed.splitlines()]
    assert ["States", "2"] in lines
    assert ["tasks", "1"] in lines


async def test_show_works_while_a_bot_writes(run: Run, tmp_path: Path) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        await desk(engine, "1", "2")
        printed = await asyncio.to_thread(run, "show", tmp_path / "state.db")

    assert ["mail", "2"] in [line.split() for line in printed.splitlines()]
    assert "never" in printed


def test_check_finds_nothing_in_a_sound_file(run: Run, state: Path) -> None:
    assert run("check", state) == f"{state}: all is well\n0"


def test_check_tells_of_damage(run: Run, state: Path) -> None:
    content = bytearray(state.read_bytes())
    content[-4096:] = b"\xff" * 4096
    state.write_bytes(content)

    printed = run("check", state)

    assert "damaged" in printed
    assert printed.endswith(f"\n{FAILED}")


def test_what_is_no_state_file_is_told(run: Run, tmp_path: Path) -> None:
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_bytes(b"no database" * 1000)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    assert "is damaged (file is not a database)" in run("show", text)
    assert "another program wrote it" in run("check", other)


def test_a_file_of_a_newer_version_is_told(run: Run, state: Path) -> None:
    connection = sqlite3.connect(state)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    assert "layout 99" in run("export", state)


async def test_a_backup_is_the_state_of_one_moment_and_a_bot_begins_with_it(
    run: Run, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    backup = partial(run, "backup", tmp_path / "state.db", "--to", copy)
    async with (
        SqliteEngine(tmp_path / "state.db") as engine,
        asyncio.TaskGroup() as group,
    ):
        copying = group.create_task(asyncio.to_thread(backup))
        sent = 0
        while not copying.done():
            # Two at a time: the copy has both or none.
            pair = [letter("x/a", f"{sent}"), letter("x/b", f"{sent}")]
            await engine.enqueue(pair)
            sent += 1

    async with SqliteEngine(copy) as engine:
        names = await Desk(engine).rest()

    assert copying.result() == f"{copy}\n0"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert len(names) % 2 == 0
    assert len(names) <= 2 * sent


def test_a_backup_goes_beside_the_file_and_over_nothing(run: Run, state: Path) -> None:
    (copy,) = run("backup", state).splitlines()[:-1]

    again = run("backup", state, "--to", copy)

    assert Path(copy).parent == state.parent
    assert Path(copy).suffix == ".backup"
    assert "exists already" in again
    assert again.endswith(f"\n{FAILED}")


def test_a_backup_that_cannot_be_made_is_told(run: Run, state: Path) -> None:
    printed = run("backup", state, "--to", state / "in a file")

    assert "Not a directory" in printed
    assert printed.endswith(f"\n{FAILED}")


def test_export_writes_lines_of_json_without_what_may_be_secret(
    run: Run, state: Path
) -> None:
    *lines, status = run("export", state).splitlines()

    entries = [json.loads(line) for line in lines]
    assert status == "0"
    assert entries == [
        {"kind": "snapshot", "key": DIALOG, "body": '{"name": "Zoë"}'},
        {"kind": "mail", "key": DIALOG, "id": "3", "body": "3"},
        {
            "kind": "dead letter",
            "key": DIALOG,
            "id": "2",
            "body": "2",
            "error": "ValueError('no')",
        },
    ]
    assert not any("secret" in line for line in lines)


def test_a_place_may_be_named_in_every_way_that_programs_name_one(
    run: Run, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_STATE_DIR", str(tmp_path / "nowhere"))
    shown = run("show", state)
    folder = tmp_path / "copy"
    folder.mkdir()

    assert shown.endswith("\n0")
    assert run(state) == shown
    assert run(tmp_path) == shown
    assert run("show", f"sqlite:///{state}") == shown
    assert run("backup", "--to", folder / "b.db", state).endswith("b.db\n0")
    assert run(folder).endswith("\n0")
    monkeypatch.setenv("DUOLOGUE_ENGINE", f"sqlite:///{state}")
    assert run() == shown
    monkeypatch.setenv("DUOLOGUE_ENGINE", "sqlite")
    assert run().endswith(f"name the file\n{WRONG_USE}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("chek",), "invalid choice: 'chek'"),
        (("check", "--to", "x"), "unrecognized arguments: --to"),
        (("show", "--requeue", "1"), "unrecognized arguments: --requeue"),
        (("dead", "--requeue", "1", "--drop", "1"), "not allowed with"),
    ],
)
def test_what_an_action_does_not_have_is_told(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    told: str,
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)

    assert ended.value.code == WRONG_USE
    assert told in capsys.readouterr().err


def test_without_a_file_the_command_says_what_to_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DUOLOGUE_STATE_DIR", raising=False)
    nothing = run()
    folder = tmp_path / ".duologue"
    folder.mkdir()
    for name in ("a.db", "b.db"):
        (folder / name).touch()

    assert "there is no *.db; name the file" in nothing
    assert nothing.endswith(f"\n{WRONG_USE}")
    assert "a.db, b.db" in run()
    assert run("show", "missing.db").endswith(f"there is no such file\n{WRONG_USE}")
