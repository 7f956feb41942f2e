"""Long polling inside a program that does other things too."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from duologue import Dispatcher, LongPolling
from duologue.dialogs import (
    Dialog,
    DialogManager,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.text import Const
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

AFTERWARDS = """
import signal, sys
from duologue import Dispatcher, LongPolling
from duologue.transport.max import Bot

def on_terminate(number, frame):
    sys.exit(7)

signal.signal(signal.SIGTERM, on_terminate)
LongPolling(Dispatcher(), state_dir=sys.argv[2]).run(Bot(sys.argv[1]))
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
signal.raise_signal(signal.SIGTERM)
"""


class Greeting(StatesGroup):
    hello = State()


async def test_polling_goes_on_until_its_task_is_cancelled(tmp_path: Path) -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(Const("Hello!"), state=Greeting.hello)))

    @dispatcher.message()
    async def greet(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Greeting.hello)

    async with Sandbox() as sandbox:
        control = sandbox.control()
        bot = Bot(sandbox.token, base_url=sandbox.url)
        polling = LongPolling(dispatcher, state_dir=tmp_path)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(polling.start(bot))
            await control.say(await control.add_user("Ann"), "hi")
            await control.wait_for(lambda entry: entry.text == "Hello!")
            task.cancel()

        assert task.cancelled()
        assert (await control.position()).queued == ()


@pytest.mark.real_time
async def test_run_puts_the_handlers_of_signals_back(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", AFTERWARDS, sandbox.token, tmp_path),
            env={**os.environ, "DUOLOGUE_MAX_URL": sandbox.url},
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            await control.say(await control.add_user("Ann"), "hi")
            async with asyncio.timeout(60):
                while (await control.position()).queued:
                    pass
            process.send_signal(signal.SIGINT)

            assert await process.wait() == 7
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
