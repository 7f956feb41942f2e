"""The official client is brought its updates by the sandbox."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from duologue.transport.sandbox import Control, Sandbox
from tests.programs import installed

FOLDER = Path(__file__).parents[1] / "node"
SECRET = "a-secret-of-this-test"  # noqa: S105  # it opens nothing

pytestmark = pytest.mark.real_time


@pytest.fixture
def node() -> str:
    is_ready = (FOLDER / "node_modules").is_dir()
    assert is_ready or not os.environ.get("CI"), "CI has no client: see `make node`"
    if not is_ready:
        pytest.skip("it needs `make node`")
    return installed("node")


async def test_the_official_client_is_brought_its_updates_with_a_secret(
    node: str, sandbox: Sandbox, control: Control, ann: int
) -> None:
    script = FOLDER / "echo.js"
    process = await asyncio.create_subprocess_exec(
        *(node, script, sandbox.url, sandbox.token, SECRET), stdout=PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"subscribed\n"
            await control.start(ann, "Ann")
            await control.wait_for(lambda entry: entry.text == "Hello, Ann")
            await control.say(ann, "hi")
            await control.wait_for(lambda entry: entry.text == "You said hi")
            while (await control.position()).queued:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert [one.attempts for one in await control.deliveries()] == [(200,), (200,)]
    finally:
        process.kill()
        await process.wait()
