"""The programs of the pages and the examples, run as their readers run them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox


@asynccontextmanager
async def running(
    folder: Path, *command: str, sandbox: Sandbox | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, and kill it if it is there at the end of the block.

    Args:
        folder: Where it starts.
        command: What follows `python`.
        sandbox: The messenger that a bot in it finds.
    """
    # A reader of the page has the folder of the program on the path.
    surroundings = {**os.environ}
    surroundings.pop("PYTHONSAFEPATH", None)
    if sandbox is not None:
        surroundings["DUOLOGUE_MAX_TOKEN"] = sandbox.token
        surroundings["DUOLOGUE_MAX_URL"] = sandbox.url
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env=surroundings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def known_chat(sandbox: Sandbox, user: int) -> int:
    """Let a user have begun a chat before, so that nothing is left to answer."""
    chat = (await sandbox.control().start(user)).chat_id
    bot = Bot(sandbox.token, base_url=sandbox.url)
    await bot.start()
    first = await bot.get_updates(marker=None, limit=10, timeout=0, types=None)
    await bot.get_updates(marker=first.marker, limit=10, timeout=0, types=None)
    await bot.close()
    return chat or 0
