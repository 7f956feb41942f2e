"""Two programs of one bot in one folder: the second waits, then says who was first."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue.actors import LoopClock
from duologue.runtime._lock import StateLocks
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, Sandbox
from tests.processes.conftest import Bench, Gate

pytestmark = pytest.mark.real_time

# Takes the lock, leaves a fork behind that has its descriptors, and is killed.
FORKS = """
import asyncio, os, signal, sys, time
from pathlib import Path
from duologue.actors import LoopClock
from duologue.runtime._lock import StateLocks
from duologue.transport.max import Bot

async def main():
    bot = Bot(sys.argv[1])
    await bot.start()
    locks = StateLocks(Path(sys.argv[2]), drain=0, clock=LoopClock())
    await locks.take(bot)
    child = os.fork()
    if child == 0:
        os.close(1)
        time.sleep(600)
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def _shows(control: Control, text: str) -> None:
    await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )


async def test_a_second_copy_ends_with_the_name_of_the_first(bench: Bench) -> None:
    async with Sandbox(limits=False) as sandbox:
        first = await bench.start(sandbox.url, sandbox.token)
        await first.says("polling as")
        second = await bench.start(sandbox.url, sandbox.token, drain=0.1)

        code = await second.ended()

    assert code == 1
    assert re.search(
        r"BotRunsElsewhereError: max\.777001 is run by process \d+ \(bot\.py\) already",
        second.log.splitlines()[-1],
    )
    assert sandbox.token not in second.log


async def test_a_restart_that_overlaps_waits_for_the_end_of_the_one_before(
    bench: Bench, gate: Gate
) -> None:
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        first = await bench.start(sandbox.url, sandbox.token)
        await control.say(ann, "hold-it")
        await gate.arrival()
        first.signal(signal.SIGTERM)
        second = await bench.start(sandbox.url, sandbox.token)
        await second.says("waiting for its end")
        gate.let_through()
        assert await first.ended() == 0
        await control.say(ann, "again")
        await _shows(control, "again")

    assert bench.journal == ["hold-it", "again"]


async def test_a_fork_does_not_keep_what_its_parent_has_held(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, AsyncExitStack() as ends:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        ends.push_async_callback(bot.close)
        await bot.start()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FORKS, sandbox.token, str(tmp_path)),
            env={**os.environ, "DUOLOGUE_MAX_URL": sandbox.url},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        ends.callback(os.kill, int(await process.stdout.readline()), signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        locks = StateLocks(tmp_path, drain=-5, clock=LoopClock())

        await locks.take(bot)

        locks.release()
