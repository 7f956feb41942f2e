"""The example with two copies of a bot, as a user runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from duologue.transport.sandbox import Control
from tests.servers import valkey_program

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "two_replicas.sh"

pytestmark = [pytest.mark.real_time, pytest.mark.slow]


async def test_when_one_copy_is_ended_the_other_goes_on(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SERVER": valkey_program(),
        "PYTHON": sys.executable,
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        str(SCRIPT),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(60):
            while said.count("polling as") < 2:
                said += (await process.stdout.readline()).decode()
        url = re.findall(r"  control url +(\S+)", said)[0]
        token = re.findall(r"  control token +(\S+)", said)[0]
        copies = [int(pid) for pid in re.findall(r"is process (\d+);", said)]
        async with Control(url, token) as control:
            ann = await control.add_user("Ann")
            await control.say(ann, "/start")
            window = await control.wait_for(
                lambda entry: entry.text == "Счётчик: 0", timeout=60
            )
            os.kill(copies[0], signal.SIGTERM)
            await asyncio.sleep(2)
            assert window.message_id is not None
            await control.click(ann, window.message_id, text="Старт")
            await control.wait_for(lambda entry: entry.text == "Счётчик: 1", timeout=60)
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            await process.communicate()
    assert process.returncode == 0
    assert not os.listdir(tmp_path)  # noqa: PTH208  # a loop runs
