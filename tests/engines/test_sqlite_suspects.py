"""Messages that end the process are set aside, and no others."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duologue.actors import Letter, Mail
from duologue.transport.sqlite import SqliteEngine
from tests.engines.conftest import A, B, C, Desk, letter

HANDLER = """
import asyncio, os, signal, sys
from duologue.actors import Letter, Mail
from duologue.transport.sqlite import SqliteEngine

async def main():
    keys = asyncio.Queue()
    async with SqliteEngine(sys.argv[1]) as engine:
        engine.serve(["x"], 10, keys.put_nowait)
        while engine.waiting():
            turn = await engine.open(await keys.get())
            while turn is not None:
                if turn.mail.body == b"deadly":
                    os.kill(os.getpid(), signal.SIGKILL)
                print(turn.key, turn.mail.id, flush=True)
                turn = await engine.commit(turn, snapshot=None, keep=True)

asyncio.run(main())
"""


async def killed(engine: SqliteEngine, path: Path) -> None:
    """Leave behind at a path what the death of the process would leave."""
    await asyncio.sleep(2)  # until all is written
    for suffix in ("", "-wal"):
        await asyncio.to_thread(
            shutil.copy, f"{engine.path}{suffix}", f"{path}{suffix}"
        )


@pytest.mark.real_time
async def test_the_message_that_ends_the_process_is_set_aside_after_three_deaths_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(key, "healthy") for key in (A, B)])
        await engine.enqueue([Letter(C, Mail("killer", b"deadly"))])
        await engine.enqueue([letter(key, "next") for key in (A, B, C)])
    lines: list[str] = []
    statuses: list[int] = []

    while not statuses or statuses[-1]:
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", HANDLER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        lines += ended.stdout.splitlines()
        statuses.append(ended.returncode)

    async with SqliteEngine(path) as engine:
        (dead,) = engine.dead_letters()
    # The first death is nobody's: nothing was recorded then.
    assert statuses == [-signal.SIGKILL] * 4 + [0]
    assert sorted(lines) == sorted(
        [f"{key} healthy" for key in (A, B)] + [f"{key} next" for key in (A, B, C)]
    )
    assert (dead.key, dead.mail.id) == (C, "killer")
    assert "three times" in dead.error


async def test_suspects_are_handled_one_at_a_time_beside_other_turns(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "before.db") as engine:
        await engine.enqueue([letter(key, "1") for key in (A, B)])
        await killed(engine, tmp_path / "state.db")

    async with SqliteEngine(tmp_path / "state.db") as engine:
        some = Desk(engine)
        first = await some.leased()
        await engine.enqueue([letter(C, "1")])
        beside = await some.leased()
        await engine.commit(await some.open(A), snapshot=None)
        second = await some.leased()

    assert (first, beside, second) == ([A], [C], [B])


async def deaths(tmp_path: Path, numbers: int, **turns: int) -> list[str]:
    """What is set aside when a process dies again and again during some turns."""
    path = tmp_path / "0.db"
    async with SqliteEngine(path) as engine:
        await engine.enqueue([letter(A, "1")])
        await killed(engine, tmp_path / "1.db")
    for number in range(1, numbers + 1):
        async with SqliteEngine(tmp_path / f"{number}.db") as engine:
            some = Desk(engine)
            for _ in range(turns.get("others", 0)):
                await engine.enqueue([letter(f"x/{number}", "other")])
            for key in await some.leased():
                await some.open(key)
            for _ in range(turns.get("parked", 0)):
                await engine.park(await some.open(A), 1)
            await killed(engine, tmp_path / f"{number + 1}.db")
    async with SqliteEngine(tmp_path / f"{numbers + 1}.db") as engine:
        return [dead.mail.id for dead in engine.dead_letters()]


async def test_two_deaths_set_nothing_aside(tmp_path: Path) -> None:
    assert await deaths(tmp_path, 2) == []


async def test_the_third_death_alone_sets_a_message_aside(tmp_path: Path) -> None:
    assert await deaths(tmp_path, 3) == ["1"]


async def test_a_death_beside_other_turns_counts_for_nobody(tmp_path: Path) -> None:
    assert await deaths(tmp_path, 4, others=1) == []


async def test_a_death_while_a_message_is_parked_does_not_count(
    tmp_path: Path,
) -> None:
    assert await deaths(tmp_path, 4, parked=1) == []


async def test_after_a_clean_end_nothing_is_suspect_and_nothing_recorded(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "state.db") as engine:
        await engine.enqueue([letter(key, "1") for key in (A, B)])

    async with SqliteEngine(tmp_path / "state.db") as engine:
        assert await Desk(engine).leased() == [A, B]


async def test_a_suspect_that_is_given_back_comes_again_after_the_others(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "before.db") as engine:
        await engine.enqueue([letter(key, "1") for key in (A, B, "y/1")])
        await killed(engine, tmp_path / "state.db")

    async with SqliteEngine(tmp_path / "state.db") as engine:
        some = Desk(engine)
        order = await some.leased()
        await engine.fail(await some.open(A), error="drained", retry=True)
        order += await some.leased()
        await engine.commit(await some.open(B), snapshot=None)
        order += await some.leased()
        later = Desk(engine, "y")
        unserved = await later.leased()
        await engine.commit(await some.open(A), snapshot=None)

        assert order == [A, B, A]
        assert unserved == []
        assert await later.leased() == ["y/1"]


async def test_what_was_being_handled_at_a_death_waits_for_the_others(
    tmp_path: Path,
) -> None:
    async with SqliteEngine(tmp_path / "0.db") as engine:
        await engine.enqueue([letter(key, "1") for key in (A, B)])
        await killed(engine, tmp_path / "1.db")
    async with SqliteEngine(tmp_path / "1.db") as engine:
        some = Desk(engine)
        assert await some.leased() == [A]
        await some.open(A)
        await killed(engine, tmp_path / "2.db")

    async with SqliteEngine(tmp_path / "2.db") as engine:
        assert await Desk(engine).leased() == [B]
