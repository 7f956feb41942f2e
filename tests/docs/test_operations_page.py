"""The page about operations: its code runs, in the program that it leaves to the reader."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import aiohttp
import pytest

from duologue.transport.sandbox import Sandbox
from tests.docs.conftest import running

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"```python\n(.*?)```",
    (ROOT / "docs/operations.md").read_text("utf-8"),
    flags=re.DOTALL,
)
BEFORE = """
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot import dispatcher
from duologue import LongPolling, Runtime
from duologue.transport.max import Bot

app, bot, my_registry = web.Application(), Bot(), CollectorRegistry()
runtime = Runtime(dispatcher, bots=[bot])
"""
AFTER = """
print([resource.canonical for resource in app.router.resources()])
"""

pytestmark = pytest.mark.real_time


async def test_the_doors_of_the_page_open(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (first, *_) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "bot.py").write_text(first, "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (block,) = BLOCKS
    (tmp_path / "doors.py").write_text(
        BEFORE + block.replace("metrics_port=9090", f"metrics_port={port}") + AFTER,
        "utf-8",
    )

    async with (
        Sandbox() as sandbox,
        running(tmp_path, "doors.py", sandbox=sandbox) as program,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        assert program.stderr is not None
        begun = await program.stderr.readline()
        async with session.get("/readyz") as ready:
            status = ready.status
        program.terminate()
        output, errors = await program.communicate()

    assert b"polling as" in begun
    assert status == 200
    assert (program.returncode, errors.decode()) == (0, "")
    assert output.decode() == "['/ops']\n"
