"""The listings about long polling run as programs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from duologue.transport.sandbox import Control, LogEntry, Sandbox

pytestmark = pytest.mark.real_time

LISTINGS = Path(__file__).with_name("listings")

# What the page leaves out: a bot, and a dispatcher that repeats what it is told.
DEFINITIONS = """
from duologue import Dispatcher
from duologue.dialogs import Dialog, State, StatesGroup, Window
from duologue.dialogs.widgets.text import Format
from duologue.transport.max import Bot

class SG(StatesGroup):
    echo = State()

bot = Bot("...")
dispatcher = Dispatcher()

@dispatcher.message()
async def repeat(event, dialog_manager):
    await dialog_manager.start(SG.echo, event.text)

dispatcher.include_router(Dialog(Window(Format("{start_data}!"), state=SG.echo)))
"""


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox, None]:
    # Whether a poll comes too early for the rates depends on how busy the machine is.
    async with Sandbox(token="...", limits=False) as running:  # noqa: S106  # of the page
        yield running


@asynccontextmanager
async def _program(
    folder: Path, sandbox: Sandbox, *parts: str
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Run a program; its messages are for the one who reads a failed test."""
    (folder / "program.py").write_text("\n".join(parts), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "program.py"),
        cwd=folder,
        env={**os.environ, "DUOLOGUE_MAX_URL": sandbox.url},
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _caught_up(control: Control) -> None:
    """Wait until the program has acknowledged everything."""
    async with asyncio.timeout(60):
        while (await control.position()).queued:
            pass


def _refusals(entries: list[LogEntry]) -> list[LogEntry]:
    return [entry for entry in entries if entry.kind == "refused"]


def _listing(name: str) -> str:
    return (LISTINGS / f"{name}.txt").read_text(encoding="utf-8")


async def test_the_first_program_fetches_updates_until_it_is_told_to_stop(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    control = sandbox.control()
    ann = await control.add_user("Ann")
    await control.say(ann, "one")

    async with _program(tmp_path, sandbox, _listing("polling")) as program:
        await _caught_up(control)
        await control.say(ann, "two")
        await _caught_up(control)
        program.send_signal(signal.SIGTERM)
        code = await program.wait()

    assert code == 0
    assert _refusals(await control.log()) == []


@pytest.mark.parametrize("name", ["polling_options", "polling_drop"])
async def test_a_program_that_drops_pending_updates_answers_only_later_ones(
    tmp_path: Path, sandbox: Sandbox, name: str
) -> None:
    control = sandbox.control()
    ann = await control.add_user("Ann")
    await control.say(ann, "old")

    async with _program(tmp_path, sandbox, DEFINITIONS, _listing(name)) as program:
        await _caught_up(control)
        await control.say(ann, "new")
        await control.wait_for(lambda entry: entry.text == "new!", timeout=60)
        program.send_signal(signal.SIGTERM)
        code = await program.wait()

    log = await control.log()
    assert code == 0
    assert _refusals(log) == []
    assert [entry.text for entry in log if entry.kind == "message"] == ["new!"]
