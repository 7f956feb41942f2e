"""The processes of a bot, each with a nursery and perhaps a way of its own to the server."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from duologue.transport.redis._server import Durability
from tests.chaos.bot import NAME, ChaosStart
from tests.chaos.ills import CLOCKS, HANG, SET_CLOCKS
from tests.reliability.messenger import Messenger
from tests.reliability.programs import Nursery

BOT = Path(__file__).with_name("bot.py")
LEASE = 1.5
DRAIN = 5.0
ENOUGH = 100  # bots that have ended by themselves; then none is started any more
AGAIN = 0.2  # seconds until a bot that has ended by itself is started again


class Fleet:
    """Bots that are started, stopped and struck one by one.

    Args:
        messenger: Whose bot they are.
        urls: Where each finds the server.
        folder: Where they keep what is theirs.
        package: A folder to take the package from, instead of the installed one.
        durability: What they ask of the server.
    """

    def __init__(
        self,
        messenger: Messenger,
        urls: list[str],
        folder: Path,
        package: Path | None = None,
        *,
        durability: Durability = "fast",
    ) -> None:
        self._durability: Durability = durability
        self._messenger = messenger
        self._urls = urls
        self._folder = folder
        self._package = package
        self._nurseries: list[Nursery] = []
        self._told: set[int] = set()
        self._lives: dict[int, asyncio.Task[int]] = {}
        self._stack = AsyncExitStack()
        self.schemas = [0] * len(urls)
        self.crashes: list[int] = []
        """The codes of bots that have ended though nobody told them to."""

    def __len__(self) -> int:
        return len(self._urls)

    async def __aenter__(self) -> Self:
        for _ in self._urls:
            nursery = Nursery(self._folder / "bots.log", self._package, bot=BOT)
            self._nurseries.append(await self._stack.enter_async_context(nursery))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for life in self._lives.values():
            life.cancel()
        await self._stack.aclose()

    async def start(self, number: int) -> None:
        """Start a bot, and again whenever it ends by itself."""
        await self._start(number)
        self._lives[number] = self._lived_by(number)

    def _lived_by(self, number: int) -> asyncio.Task[int]:
        return asyncio.get_running_loop().create_task(self._live(number))

    async def _live(self, number: int) -> int:
        while True:
            code = await self._nurseries[number].ended()
            if number in self._told:
                return code
            self.crashes.append(code)
            await asyncio.sleep(AGAIN)
            if number in self._told or len(self.crashes) > ENOUGH:
                return 0
            await self._start(number)

    async def _start(self, number: int) -> None:
        self._told.discard(number)
        state = self._folder / f"state-{number}"
        state.mkdir(exist_ok=True)  # nobody waits for it
        await self._nurseries[number].start(
            ChaosStart(
                url=self._messenger.url,
                token=self._messenger.token,
                state=str(state),
                engine=self._urls[number],
                limits=False,
                drain=DRAIN,
                schema=self.schemas[number],
                lease=LEASE,
                facts=str(self._folder / "facts"),
                folder=str(self._folder),
                durability=self._durability,
            )
        )

    async def kill(self, number: int) -> None:
        """Kill a bot as nobody can refuse."""
        await self._end(number, signal.SIGKILL)

    async def end(self, number: int) -> int:
        """Tell a bot to end, and wait for that; give its exit code."""
        return await self._end(number, signal.SIGTERM)

    async def _end(self, number: int, which: signal.Signals) -> int:
        self._told.add(number)
        self.signal(number, which)
        return await self._lives.pop(number)

    def signal(self, number: int, which: signal.Signals) -> None:
        """Send a bot a signal."""
        self._nurseries[number].send(which)

    def name_of(self, number: int) -> str:
        """As whom the server knows a bot."""
        return (self._folder / f"state-{number}" / NAME).read_text("utf-8")

    def hang(self, number: int) -> None:
        """Have the next handler of a bot block it."""
        self.signal(number, HANG)

    def set_clocks(self, number: int, own: float, server: float) -> None:
        """Have a bot go by wrong clocks: how many seconds they are ahead."""
        file = self._folder / f"state-{number}" / CLOCKS
        file.write_text(f"{own} {server}", "utf-8")
        self.signal(number, SET_CLOCKS)

    def facts(self) -> Counter[str]:
        """What the bots have met so far, and how often."""
        try:
            return Counter((self._folder / "facts").read_text("utf-8").split())
        except FileNotFoundError:
            return Counter()
