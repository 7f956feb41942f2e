"""What can be struck."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.clusters import Cluster
from tests.chaos.fleet import Fleet
from tests.chaos.proxy import Proxy
from tests.chaos.repeats import RepeatingMessenger
from tests.chaos.sentinels import Sentinels
from tests.chaos.users import ChaosCrowd
from tests.servers import RedisServer


@dataclass(frozen=True, slots=True)
class Field:
    """What can be struck.

    Attributes:
        rng: Decides where and when.
        server: The server, where it is one.
        sentinels: The servers, where they are several.
        cluster: The same, where they share what is kept.
        fleet: The processes.
        proxies: The ways of the processes to it, where the cell wants some.
        messenger: Where users act.
        crowd: The users.
        counts: How often what was done.
        poisons: What was said that ends processes, and how.
        set_aside: How often each of these was set aside.
    """

    rng: random.Random
    server: RedisServer
    sentinels: Sentinels | None
    cluster: Cluster | None
    fleet: Fleet
    proxies: Sequence[Proxy]
    messenger: RepeatingMessenger
    crowd: ChaosCrowd
    counts: Counter[str]
    poisons: dict[str, str] = field(default_factory=dict)
    set_aside: Counter[str] = field(default_factory=Counter)

    def some_bot(self) -> int:
        return self.rng.randrange(len(self.fleet))

    async def busy(self) -> None:
        """Wait until the bots have something to do."""
        while not self.messenger.backlog:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)

    async def some_time(self, most: float) -> None:
        await asyncio.sleep(self.rng.random() * most)
