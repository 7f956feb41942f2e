"""Whose state is in which file of a state folder, and what earlier versions left there."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duologue import Runtime
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, LogEntry, NoMarker, Sandbox
from tests.processes.bot import Journal, make_dispatcher
from tests.processes.conftest import Bench, Program

pytestmark = pytest.mark.real_time


async def _shows(control: Control, words: str) -> None:
    """Wait until the newest window of the only user has all these words."""

    def is_it(entry: LogEntry) -> bool:
        return entry.kind in {"message", "edit"} and entry.text == words

    await control.wait_for(is_it, timeout=60)


async def _kill(program: Program) -> None:
    program.signal(signal.SIGKILL)
    assert await program.ended() == -signal.SIGKILL


def _names(folder: Path, pattern: str) -> list[str]:
    """The accounts that files of the folder are named after."""
    return sorted(path.name.split("-")[1] for path in folder.glob(pattern))


async def test_programs_of_different_bots_share_a_folder(bench: Bench) -> None:
    async with (
        Sandbox(limits=False, bot_id=1) as one,
        Sandbox(limits=False, bot_id=2) as other,
    ):
        controls = one.control(), other.control()
        users = [await control.add_user("Ann") for control in controls]
        for life in ("first", "first second"):
            programs = [
                await bench.start(box.url, box.token, engine="sqlite")
                for box in (one, other)
            ]
            for control, user in zip(controls, users, strict=True):
                await control.say(user, life.split()[-1])
                await _shows(control, life)
            for program in programs:
                await _kill(program)

    assert _names(bench.state, "max-*.db") == ["1", "2"]
    assert sorted(bench.journal) == ["first", "first", "second", "second"]


class _NoJournal(Journal):
    """Notes nothing; a program in this process may not block."""

    def __init__(self) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@asynccontextmanager
async def _running(folder: Path, *sandboxes: Sandbox) -> AsyncGenerator[Runtime, None]:
    """Run one program with the bots of these messengers."""
    async with Runtime(
        make_dispatcher(_NoJournal(), 0),
        [Bot(sandbox.token, base_url=sandbox.url) for sandbox in sandboxes],
        engine="sqlite",
        state_dir=folder / "state",
    ) as runtime:
        yield runtime


async def test_bots_of_one_program_share_the_file_that_is_named_after_the_first(
    tmp_path: Path,
) -> None:
    async with (
        Sandbox(limits=False, bot_id=1) as one,
        Sandbox(limits=False, bot_id=2) as other,
    ):
        controls = one.control(), other.control()
        users = [await control.add_user("Ann") for control in controls]
        for life in ("first", "first second"):
            async with _running(tmp_path, other, one):
                for control, user in zip(controls, users, strict=True):
                    await control.say(user, life.split()[-1])
                    await _shows(control, life)

        async with _running(tmp_path, one, other):
            await controls[0].say(users[0], "alone")
            await _shows(controls[0], "alone")

    # Whose bot comes first decides: with another first one the program begins anew.
    assert _names(tmp_path / "state", "max-*.db") == ["1", "2"]
    assert _names(tmp_path / "state", "max-*.json") == []


@pytest.mark.parametrize("no_marker", NoMarker)
async def test_the_marker_file_of_an_earlier_version_is_taken_over(
    bench: Bench, no_marker: NoMarker
) -> None:
    async with Sandbox(limits=False, no_marker=no_marker) as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        before = await bench.start(sandbox.url, sandbox.token, engine="memory")
        await control.say(ann, "old")
        await _shows(control, "old")
        before.signal(signal.SIGTERM)
        assert await before.ended() == 0
        (left,) = bench.state.glob("max-*.json")
        marker = left.read_bytes()
        for text in ("missed", "too"):
            await control.say(ann, text)

        first = await bench.start(sandbox.url, sandbox.token, engine="sqlite")
        await _shows(control, "missed too")
        await _kill(first)

        assert left.read_bytes() == marker
        left.write_text("nobody reads it any more")
        await control.say(ann, "now")
        await bench.start(sandbox.url, sandbox.token, engine="sqlite")
        await _shows(control, "missed too now")

    assert bench.journal == ["old", "missed", "too", "now"]
