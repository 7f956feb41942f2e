"""The page restarts.md: its program survives, and the command prints what it shows."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from duologue import Dispatcher, LongPolling, Runtime
from duologue.testing import RecordingBot
from duologue.transport.sandbox import Control, Sandbox
from tests.docs.conftest import running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/restarts.md").read_text("utf-8")
CHOICES, PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SHOWN = re.findall(r"```\n(duologue state.*?)\n(.*?)```", PAGE, flags=re.DOTALL)
FILE = "/var/lib/bot/state.db"


async def _shown(control: Control, text: str) -> str:
    """Wait for a view and give the id of its message."""
    entry = await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )
    assert entry.message_id is not None
    return entry.message_id


def _masked(output: str) -> str:
    """What the command prints, without what differs from run to run."""
    words = re.sub(r"max-[\w.-]+", "FILE", output)
    words = re.sub(r"\S*FILE", "FILE", words)
    return re.sub(r"[ \d:,-]+\n", " N\n", words)


@pytest.mark.real_time
async def test_the_program_of_the_page_goes_on_after_a_kill(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (first, *_) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "bot.py").write_text(first, "utf-8")
    assert PROGRAM.count(FILE) == 1
    state = str(tmp_path / "state.db")
    (tmp_path / "kept.py").write_text(PROGRAM.replace(FILE, state), "utf-8")

    async with Sandbox() as sandbox:
        control = sandbox.control()
        ann = await control.add_user("Ann")
        async with running(tmp_path, "kept.py", sandbox=sandbox) as program:
            await control.say(ann, "/start")
            message = await _shown(control, "You pressed 0 times.")
            await control.click(ann, message, text="Press")
            await _shown(control, "You pressed 1 times.")
            program.send_signal(signal.SIGKILL)
            await program.wait()
        await control.click(ann, message, text="Press")
        async with running(tmp_path, "kept.py", sandbox=sandbox) as program:
            assert await _shown(control, "You pressed 2 times.") == message
            program.terminate()
            _, errors = await program.communicate()

    assert program.returncode == 0
    assert f"state in {state}; Ctrl+C ends it" in errors.decode()


@pytest.mark.real_time
async def test_the_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path / ".duologue"
    async with Runtime(
        Dispatcher(), [RecordingBot()], engine=f"sqlite:///{folder}/max-1-0.db"
    ):
        pass

    assert len(SHOWN) == 3
    for command, output in SHOWN:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command.split()),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        with_a_use = printed.decode().replace("never", "2026-11-30 09:25:35")
        assert _masked(with_a_use) == _masked(output)


def test_each_way_to_name_an_engine_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {
        "LongPolling": LongPolling,
        "Runtime": Runtime,
        "dispatcher": Dispatcher(),
        "bot": RecordingBot(),
    }

    exec(CHOICES, dict(names))  # noqa: S102  # our own page

    assert len(CHOICES.splitlines()) == 5
    assert list(tmp_path.iterdir()) == []
