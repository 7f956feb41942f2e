"""Processes that use one state file: killed, one after another, and forked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from duologue.errors import StateInUseError
from duologue.transport.sqlite import SqliteEngine
from duologue.transport.sqlite._layout import MIGRATIONS
from tests.engines.conftest import A, Desk, desk, letter

pytestmark = pytest.mark.real_time

# Counts in the state of each key what it has handled, and says what it was promised.
WRITER = """
import asyncio, json, sys
from duologue.actors import Letter, Mail, Owed
from duologue.transport.sqlite import SqliteEngine

def say(*what):
    print(json.dumps(what), flush=True)

async def main():
    async with SqliteEngine(sys.argv[1]) as engine, asyncio.TaskGroup() as group:
        async def handle(key):
            turn = await engine.open(key)
            while turn is not None:
                state = json.loads(turn.snapshot or b"[]") + [turn.mail.id]
                owed = [Owed("screen/" + key, turn.mail.id, b"view")]
                turn = await engine.commit(
                    turn, snapshot=json.dumps(state).encode(), owed=owed, keep=True
                )
                say("handled", key, state[-1])

        async def send(key):
            number = 0
            while True:
                number += 1
                name = f"{sys.argv[2]}.{key}.{number}"
                await engine.enqueue([Letter(key, Mail(name, b"body"))])
                say("accepted", key, name)

        engine.serve(["x"], 100, lambda key: group.create_task(handle(key)))
        say("begun")
        for number in range(8):
            group.create_task(send(f"x/{number}"))

asyncio.run(main())
"""
HOLDER = """
import asyncio, os, sys
from duologue.transport.sqlite import SqliteEngine

async def main():
    async with SqliteEngine(sys.argv[1]):
        if sys.argv[2] == "fork" and os.fork() == 0:
            os.execvp("sleep", ["sleep", "60"])
        print("begun", flush=True)
        await asyncio.sleep(float(sys.argv[3]))

asyncio.run(main())
"""


@asynccontextmanager
async def program(text: str, *arguments: str | Path) -> AsyncGenerator[Process]:
    """A program in a group of its own, which is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        text,
        *map(str, arguments),
        stdout=PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.stdout.read()
        await process.wait()


async def told(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


async def test_what_was_promised_before_a_kill_is_there_afterwards_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    promised: dict[str, Counter[tuple[str, str]]] = {
        "accepted": Counter(),
        "handled": Counter(),
    }
    for run in range(4):
        async with program(WRITER, path, str(run)) as process:
            for _ in range(300):  # then it is killed, whatever it is doing
                what, *about = json.loads(await told(process))
                if about:
                    promised[what][about[0], about[1]] += 1

    async with SqliteEngine(path) as engine:
        keys = [f"x/{number}" for number in range(8)]
        states: dict[str, list[str]] = {
            key: json.loads(await engine.read(key) or b"[]") for key in keys
        }
        owed = {
            key: [one.id for one in (await engine.owed(f"screen/{key}"))[0]]
            for key in keys
        }
        waiting: dict[str, list[str]] = {key: [] for key in keys}
        leased: asyncio.Queue[str] = asyncio.Queue()
        engine.serve(["x"], 100, leased.put_nowait)
        while engine.waiting():
            key = await leased.get()
            turn = await engine.open(key)
            while turn is not None:
                waiting[key].append(turn.mail.id)
                turn = await engine.commit(turn, snapshot=None, keep=True)
        assert not engine.dead_letters()

    assert sum(promised["handled"].values()) > 100  # it did its work
    for key in keys:
        there = states[key] + waiting[key]
        assert there == sorted(set(there), key=_order)  # once, and in order
        assert states[key] == owed[key]
    for kind, place in (("handled", states), ("accepted", None)):
        for key, name in promised[kind]:
            assert name in (place[key] if place else states[key] + waiting[key])


def _order(name: str) -> tuple[int, int]:
    run, _, number = name.split(".")
    return int(run), int(number)


async def test_a_second_process_waits_for_the_first_and_then_names_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    async with program(HOLDER, path, "no fork", "60") as process:
        await told(process)

        with pytest.raises(StateInUseError) as caught:
            async with SqliteEngine(path, patience=0.2):
                pass

    assert caught.value.process.startswith(f"process {process.pid} ")
    async with SqliteEngine(path, patience=0) as engine:
        assert engine.problem is None


async def test_a_process_that_ends_in_time_hands_the_file_over(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with program(HOLDER, path, "no fork", "0.3") as process:
        await told(process)

        async with SqliteEngine(path, patience=30) as engine:
            await engine.enqueue([letter(A, "1")])


async def test_a_fork_of_the_owner_does_not_keep_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with program(HOLDER, path, "fork", "60") as process:
        await told(process)
        process.kill()  # the fork lives on

        async with SqliteEngine(path, patience=5) as engine:
            await engine.enqueue([letter(A, "1")])


async def test_the_file_is_never_touched_on_the_thread_of_the_loop(
    tmp_path: Path,
) -> None:
    threads: set[int] = set()

    class Noting(SqliteEngine):
        def _connect(self, database: str) -> sqlite3.Connection:
            connection = super()._connect(database)
            connection.set_trace_callback(lambda _: threads.add(threading.get_ident()))
            return connection

    async with Noting(tmp_path / "state.db") as engine:
        await engine.commit(await (await desk(engine, "1")).begin(), snapshot=b"one")
        await engine.enqueue([letter(A, "2")])
    async with Noting(tmp_path / "state.db") as engine:
        cold = await Desk(engine).begin()

    assert cold.snapshot == b"one"
    assert len(threads) > 1
    assert threading.get_ident() not in threads


async def test_before_the_tables_change_the_file_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(A, "1")])

    def add_a_table(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE added (a)")

    class Newer(SqliteEngine):
        _migrations = (*MIGRATIONS, add_a_table)

    async with Newer(path) as engine:
        waiting = engine.waiting()
    copy = Path(f"{path}.layout-1.backup")
    async with SqliteEngine(copy) as engine:
        assert engine.waiting() == waiting == 1
    assert (await asyncio.to_thread(copy.stat)).st_mode & 0o777 == 0o600


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(A, "1")])

    def fail_halfway(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE mail")
        raise ZeroDivisionError

    class Newer(SqliteEngine):
        _migrations = (*MIGRATIONS, fail_halfway)

    with pytest.raises(ZeroDivisionError):
        async with Newer(path):
            pass
    async with SqliteEngine(path, patience=5) as engine:
        assert engine.waiting() == 1
