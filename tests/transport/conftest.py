from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)

import pytest

from duologue.actors import ActorSystem
from duologue.dialogs import Bot as BotPort, MessageCreated
from duologue.errors import MalformedUpdateError, UnknownUpdateError
from duologue.transport.max import Bot
from duologue.transport.polling._handover import Intake, Taken
from duologue.transport.sandbox import Control, Sandbox


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox, None]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return sandbox.control()


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncGenerator[Bot, None]:
    started = Bot(sandbox.token, base_url=sandbox.url)
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def system() -> AsyncGenerator[ActorSystem, None]:
    async with ActorSystem() as running:
        yield running


Take = Callable[
    [BotPort, Mapping[str, object], int | None], Awaitable[asyncio.Future[None] | None]
]


def one_by_one(take: Take) -> Intake:
    """Make an intake of a function that takes one update."""

    async def intake(
        bot: BotPort, raws: Sequence[Mapping[str, object]], batch: int | None, /
    ) -> AsyncGenerator[Taken]:
        for raw in raws:
            try:
                taken: Taken = await take(bot, raw, batch)
            except (MalformedUpdateError, UnknownUpdateError) as error:
                taken = error
            yield taken

    return intake


class Inbox:
    """Takes updates from a poller, and says when they are safe."""

    def __init__(self) -> None:
        self.holds = False
        self.taken: list[str] = []
        self.refusals: list[Exception] = []
        self.held: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()

    def __call__(
        self, bot: BotPort, raws: Sequence[Mapping[str, object]], batch: int | None, /
    ) -> AsyncIterator[Taken]:
        return one_by_one(self._take)(bot, raws, batch)

    async def _take(
        self, bot: BotPort, raw: Mapping[str, object], _batch: int | None, /
    ) -> asyncio.Future[None]:
        if self.refusals:
            raise self.refusals.pop(0)
        update = bot.parse(raw)
        text = update.text if isinstance(update, MessageCreated) else update.id
        self.taken.append(text)
        self._changed.set()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.holds:
            self.held.append(future)
        else:
            future.set_result(None)
        return future

    async def has(self, count: int) -> None:
        while len(self.taken) < count:
            self._changed.clear()
            await self._changed.wait()

    def release(self) -> None:
        for future in self.held:
            if not future.done():
                future.set_result(None)
        self.held.clear()


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()
