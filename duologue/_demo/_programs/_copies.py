"""Two copies of the bot behind one server, for an act: which one polls is killed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from duologue._demo._programs._program import Program
from duologue._demo._programs._server import server_url
from duologue.errors import ProgramEndedError

_PAUSE = 0.1
_POLLS = re.compile(r"^duologue_poller_leader\S* 1\.0$", re.MULTILINE)


def metrics_of(bot: Program) -> str | None:
    """Where a bot shows its metrics, if it does and its log says so."""
    found = re.findall(r"metrics are at (\S+)", bot.output())
    return str(found[-1]) if found else None  # each start has a port of its own


@asynccontextmanager
async def two_copies(
    new_bot: Callable[[str, dict[str, str]], Program], program: str, folder: Path
) -> AsyncGenerator[Sequence[Program]]:
    """Run a server and two copies of the bot for the length of the block.

    Args:
        new_bot: Makes a bot of a name, with some settings.
        program: The program of the server.
        folder: Where the server keeps everything.
    """
    folder.mkdir()  # noqa: ASYNC240  # as quick as starting the programs
    settings = {"DUOLOGUE_ENGINE": server_url(folder)}
    command = ("duologue._demo._programs._server", program, str(folder))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            Program("server", command, log=folder / "server.log")
        )
        copies = [new_bot(f"bot-{number}", settings) for number in (1, 2)]
        for copy in copies:
            await stack.enter_async_context(copy)
        yield copies


async def polling_one(copies: Sequence[Program]) -> Program:
    """Wait for the copy that polls the messenger.

    Raises:
        ProgramEndedError: A copy ended by itself.
    """
    async with aiohttp.ClientSession() as session:
        while True:
            for copy in copies:
                if copy.status is not None:
                    raise ProgramEndedError(copy.name, copy.status, copy.output())
                if await _polls(session, metrics_of(copy)):
                    return copy
            await asyncio.sleep(_PAUSE)


async def _polls(session: aiohttp.ClientSession, url: str | None) -> bool:
    if url is None:
        return False
    async with session.get(url) as response:
        return _POLLS.search(await response.text()) is not None
