"""States of a runtime, and of one that was killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from duologue.dialogs import Dispatcher, bot_key
from duologue.errors import RuntimeNotStartedError, StateEndedError, StateScopeError
from duologue.runtime import Runtime
from duologue.state import AsyncState
from duologue.testing import Playground, RecordingBot

COUNTER = """
import asyncio, sys
from duologue.dialogs import Dispatcher
from duologue.runtime import Runtime
from duologue.state import AsyncState
from duologue.testing import RecordingBot

class Count(AsyncState, scope="user"):
    pass

async def main():
    engine = "sqlite:///" + sys.argv[1]
    async with Runtime(Dispatcher(), [RecordingBot()], engine=engine, polling=None):
        while True:
            print(await Count.of(user_id=7).incr("n"), flush=True)

asyncio.run(main())
"""


class Count(AsyncState, scope="user"):
    pass


class PerBot(AsyncState, scope="bot"):
    pass


async def test_a_runtime_keeps_states() -> None:
    async with Playground(Dispatcher()) as chat:
        await Count.of(user_id=7).incr("n")

        assert await Count.of(bot=chat.bot, user_id=7).get("n") == 1
        assert await chat.runtime.states.of(Count, user_id=7).get("n") == 1


async def test_there_are_none_outside_of_its_block() -> None:
    runtime = Runtime(Dispatcher(), [RecordingBot()], polling=None)

    with pytest.raises(RuntimeNotStartedError):
        _ = runtime.states
    async with runtime:
        count = Count.of(user_id=7)

    with pytest.raises(StateEndedError):
        await count.get("n")


async def test_where_there_are_several_bots_one_must_be_named() -> None:
    bots = [RecordingBot(), RecordingBot(2)]
    async with Runtime(Dispatcher(), bots, polling=None):
        with pytest.raises(StateScopeError, match="write bot="):
            PerBot.of()
        with pytest.raises(StateScopeError):
            PerBot.of(bot=RecordingBot(3))

        await PerBot.of(bot=bots[1]).set("a", 1)

        assert await PerBot.of(bot=bots[0]).get("a") is None
        assert await PerBot.of(bot=bot_key(bots[1])).get("a") == 1


@pytest.mark.real_time
async def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COUNTER, str(path), stdout=PIPE, cwd=tmp_path
    )
    assert program.stdout is not None
    told = [int(await program.stdout.readline()) for _ in range(20)]
    program.send_signal(signal.SIGKILL)
    rest = [int(line) for line in (await program.stdout.read()).split()]
    await program.wait()

    engine = f"sqlite:///{path}"
    async with Runtime(Dispatcher(), [RecordingBot()], engine=engine, polling=None):
        found = await Count.of(user_id=7).get("n")

    assert told == list(range(1, 21))
    assert found >= [*told, *rest][-1]
