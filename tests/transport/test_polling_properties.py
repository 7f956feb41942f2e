"""What no sequence of messages, failures and kills may lead to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import ActorSystem
from duologue.actors.testing import VirtualClock
from duologue.dialogs import Batch, Bot as BotPort, MessageCreated
from duologue.transport.max import Bot
from duologue.transport.polling._handover import Taken
from duologue.transport.polling._markers import MarkerFile, Position
from duologue.transport.polling._poller import Poller
from duologue.transport.polling._steps import PollerSettings
from duologue.transport.sandbox import (
    Control,
    FaultKind,
    LogKind,
    NoMarker,
    Sandbox,
    Say,
)
from tests.transport.conftest import one_by_one


class WatchedBot(Bot):
    """A bot that remembers what the messenger has delivered to it."""

    def __init__(self, token: str, base_url: str) -> None:
        super().__init__(token, base_url=base_url)
        self.delivered: list[str] = []

    async def get_updates(
        self,
        *,
        marker: int | None,
        limit: int,
        timeout: float,  # noqa: ASYNC109 - as in the port
        types: Sequence[str] | None,
    ) -> Batch:
        batch = await super().get_updates(
            marker=marker, limit=limit, timeout=timeout, types=types
        )
        if marker is not None:
            self.delivered += [text_of(self, raw) for raw in batch.updates]
        return batch


class WatchedFile(MarkerFile):
    """A marker file that counts what came without a marker once it is on the disk.

    Until then nobody can promise anything: a messenger that gives only the newest
    update gives another one to the next run.
    """

    def __init__(self, path: Path, bot: WatchedBot) -> None:
        super().__init__(path)
        self._bot = bot

    async def save(self, position: Position) -> None:
        await super().save(position)
        self._bot.delivered += [text_of(self._bot, raw) for raw in position.kept]


def text_of(bot: BotPort, raw: Mapping[str, object]) -> str:
    update = bot.parse(raw)
    assert isinstance(update, MessageCreated)
    return update.text


@dataclass
class Handler:
    """Finishes updates when it is told to, or at once."""

    at_once: bool = False
    handled: list[str] = field(default_factory=list)
    open: list[tuple[str, asyncio.Future[None]]] = field(default_factory=list)

    def __call__(
        self, bot: BotPort, raws: Sequence[Mapping[str, object]], batch: int | None, /
    ) -> AsyncIterator[Taken]:
        return one_by_one(self._take)(bot, raws, batch)

    async def _take(
        self, bot: BotPort, raw: Mapping[str, object], _batch: int | None, /
    ) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.open.append((text_of(bot, raw), future))
        if self.at_once:
            self.finish(1)
        return future

    def finish(self, count: int) -> None:
        for text, future in self.open[:count]:
            self.handled.append(text)
            future.set_result(None)
        del self.open[:count]

    def lose(self) -> None:
        """Forget everything unfinished, as a process does that is killed."""
        self.open.clear()


@dataclass
class World:
    """A bot that lives through several runs."""

    sandbox: Sandbox
    control: Control
    user: int
    bot: WatchedBot
    store: Path
    said: int = 0
    handler: Handler = field(default_factory=Handler)

    async def check(self) -> None:
        """Whatever was delivered is handled, or will be delivered or read again."""
        queued = {update.text for update in (await self.control.position()).queued}
        position = await MarkerFile(self.store).load()
        kept = {text_of(self.bot, raw) for raw in position.kept}
        lost = set(self.bot.delivered) - set(self.handler.handled) - queued - kept
        assert not lost


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "finish", "wait", "fault", "drop", "kill", "stop"]),
        st.integers(1, 4),
    ),
    max_size=12,
)


async def run(world: World, steps: list[Step]) -> list[Step]:
    """Live until the process ends; give the steps that are left."""
    async with ActorSystem() as system:
        poller = Poller(
            world.bot,
            world.handler,
            system=system,
            store=WatchedFile(world.store, world.bot),
            settings=PollerSettings(limit=3),
        )
        poller.start()
        for index, (step, number) in enumerate(steps):
            match step:
                case "say":
                    texts = range(world.said, world.said + number)
                    world.said += number
                    says = (Say(world.user, str(text)) for text in texts)
                    await world.control.act(*says)
                case "finish":
                    world.handler.finish(number)
                case "wait":
                    await asyncio.sleep(number)
                case "fault":
                    await world.control.fault(
                        FaultKind.STATUS, path="/updates", count=1
                    )
                case "drop":
                    await world.control.fault(
                        FaultKind.DROP, path="/updates", count=number, after=True
                    )
                case "stop":
                    await poller.stop(drain=number)
                    await world.check()
                    return steps[index + 1 :]
                case _:
                    return steps[index + 1 :]
            await world.check()
    return []


async def live(reading: NoMarker, steps: list[Step], folder: Path) -> None:
    # The HTTP client repeats a poll at once when a connection in use is dropped.
    is_polite = "drop" not in [step for step, _ in steps]
    async with Sandbox(no_marker=reading) as sandbox:
        control = sandbox.control()
        bot = WatchedBot(sandbox.token, sandbox.url)
        await bot.start()
        world = World(
            sandbox, control, await control.add_user("Ann"), bot, folder / "marker.json"
        )
        while steps:
            steps = await run(world, steps)
            world.handler.lose()
            await world.check()

        await control.clear_faults()
        world.handler.at_once = True
        await run(world, [("say", 1), ("wait", 200), ("stop", 5)])
        await bot.close()

        assert set(bot.delivered) <= set(world.handler.handled)
        assert str(world.said - 1) in world.handler.handled
        if reading is NoMarker.ALL_UNCOMMITTED:
            assert {int(text) for text in world.handler.handled} == set(
                range(world.said)
            )
        if is_polite:
            await expect_no_refusal(control)


async def expect_no_refusal(control: Control) -> None:
    refused = [
        entry.status for entry in await control.log() if entry.kind is LogKind.REFUSED
    ]
    assert 429 not in refused


@given(reading=st.sampled_from(NoMarker), steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_whatever_was_delivered_is_handled_in_the_end(
    reading: NoMarker, steps: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("state")

    VirtualClock().run(live(reading, steps, folder))
