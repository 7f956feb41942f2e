"""The page about embedding: its code runs as the programs that it shows."""

from __future__ import annotations

import asyncio
import queue
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import MessageCreated
from duologue.testing import RecordingBot
from duologue.transport.sandbox import Control, Sandbox
from tests.docs.conftest import known_chat, running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/embedding.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
BOT = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL
)[0]

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def _program(
    sandbox: Sandbox, folder: Path, code: str, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    (folder / "bot.py").write_text(BOT, "utf-8")
    (folder / "program.py").write_text(code, "utf-8")
    async with running(folder, "program.py", *arguments, sandbox=sandbox) as process:
        yield process


def test_the_page_has_the_programs_that_are_played_here() -> None:
    assert len(BLOCKS) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_program_until_a_signal_ends_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with Sandbox() as sandbox:
        control = sandbox.control()
        user = await control.add_user("Ann")
        async with _program(sandbox, tmp_path, BLOCKS[0]) as process:
            await control.start(user)
            await _shown(control, "You pressed 0 times.")
            process.send_signal(number)
            output = await process.communicate()
        queued = (await control.position()).queued

    assert (process.returncode, output) == (0, (b"", b""))
    assert queued == ()


async def test_the_program_with_threads_changes_the_dialog(tmp_path: Path) -> None:
    # The polls of `known_chat` are not the program's, and come in the same second.
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        user = await control.add_user("Ann")
        chat = await known_chat(sandbox, user)

        arguments = (str(chat), str(user))
        async with _program(sandbox, tmp_path, BLOCKS[1], *arguments) as process:
            output = await process.communicate()
        shown = [message.text for message in await control.messages(chat)]

    assert (process.returncode, output) == (0, (b"", b""))
    assert shown == ["You pressed 101 times."]


async def test_the_program_with_threads_shows_the_progress_of_a_worker(
    tmp_path: Path,
) -> None:
    # The polls of `known_chat` are not the program's, and come in the same second.
    async with Sandbox(limits=False) as sandbox:
        control = sandbox.control()
        user = await control.add_user("Ann")
        chat = await known_chat(sandbox, user)

        arguments = (str(chat), str(user))
        async with _program(sandbox, tmp_path, BLOCKS[2], *arguments) as process:
            output = await process.communicate()
        shown = [message.text for message in await control.messages(chat)]
        log = await control.log()

    views = [entry.text or "" for entry in log if entry.kind in {"message", "edit"}]
    assert (process.returncode, output) == (0, (b"", b""))
    assert len(shown) == 1
    assert (shown[0] or "").splitlines() == [
        "The export",
        "██████████  100%",
        "file 5 of 5",
    ]
    assert len(views) > 2
    assert views[0] == "The export\n░░░░░░░░░░  …"


async def test_the_hook_of_the_page_is_told_of_a_handler_that_failed() -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def fail(_: MessageCreated) -> None:
        raise ValueError("too bad")

    bot = RecordingBot()
    names: dict[str, object] = {
        "Runtime": Runtime,
        "Bot": lambda: bot,
        "dispatcher": dispatcher,
    }
    exec(BLOCKS[3], names)  # noqa: S102  # our own page
    failures = cast("queue.SimpleQueue[tuple[str, Exception]]", names["failures"])

    async with cast("Runtime", names["runtime"]) as runtime:
        await runtime.accept(bot, bot.wrote(5, 6, "hi"))
        await runtime.settled()
    where, error = failures.get_nowait()

    assert "test.1:5:6" in where
    assert repr(error) == "ValueError('too bad')"


async def test_the_web_application_changes_the_dialog_and_tells_its_health(
    tmp_path: Path,
) -> None:
    port = _free_port()
    code = BLOCKS[4].replace("port=8080", f"port={port}")

    async with Sandbox() as sandbox, aiohttp.ClientSession() as client:
        control = sandbox.control()
        user = await control.add_user("Ann")
        async with _program(sandbox, tmp_path, code) as process:
            said = await control.say(user, "/start")
            await _shown(control, "You pressed 0 times.")
            url = f"http://127.0.0.1:{port}"
            here = f"{url}/chats/{said.chat_id}/{user}"
            async with client.put(here, json={"presses": 7}) as stored:
                answer = stored.status, await stored.json()
            nobody = f"{url}/chats/{said.chat_id}/999"
            async with client.put(nobody, json={"presses": 7}) as refused:
                conflict = refused.status
            async with client.get(f"{url}/ops/readyz") as health:
                ready = health.status
            async with client.get(f"{url}/ops/metrics") as metrics:
                numbers = await metrics.text()
            await _shown(control, "You pressed 7 times.")
            process.send_signal(signal.SIGINT)
            _, errors = await process.communicate()

    assert answer == (200, {"stored": 7})
    assert (conflict, ready) == (409, 200)
    assert "duologue_" in numbers
    assert process.returncode == 0
    assert errors == b""


async def test_the_application_with_an_open_stream_ends_at_once(tmp_path: Path) -> None:
    port = _free_port()
    code = BLOCKS[5].replace("port=8080", f"port={port}")

    async with (
        Sandbox() as sandbox,
        aiohttp.ClientSession() as client,
        _program(sandbox, tmp_path, code) as process,
    ):
        await _listening(process)
        async with client.get(f"http://127.0.0.1:{port}/work") as stream:
            first = await stream.content.readline()
            process.send_signal(signal.SIGTERM)
            # Less than the minute that aiohttp would wait for the stream.
            async with asyncio.timeout(30):
                _, errors = await process.communicate()

    assert first.startswith(b'data: {"text": ')
    assert (process.returncode, errors) == (0, b"")


async def _listening(process: asyncio.subprocess.Process) -> None:
    """Wait until `run_app` has said that it runs."""
    assert process.stdout is not None
    await process.stdout.readline()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def _shown(control: Control, text: str) -> None:
    await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )
