"""One campaign: some processes of a bot on one server, its users, and a fault."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.bot import NOT_STARTED, QUIET as QUIET_FILE
from tests.chaos.cells import Cell
from tests.chaos.clusters import Cluster
from tests.chaos.field import Field
from tests.chaos.fleet import Fleet
from tests.chaos.kept import dump, left_over, set_aside, snapshots
from tests.chaos.proxy import Proxy
from tests.chaos.repeats import RepeatingMessenger
from tests.chaos.sentinels import Sentinels
from tests.chaos.users import ChaosCrowd
from tests.chaos.verdict import BAD, forgive, judge_between
from tests.reliability.campaign import BACKLOG, BURSTS, LATE, QUIET, gather
from tests.reliability.users import Crowd
from tests.reliability.verdict import Verdict, data_of, judge, names_of
from tests.servers import RedisServer

ACQUAINTED = 1.5  # seconds in which the processes have heard of each other
LONGEST = 1500.0  # seconds of a campaign
MOST_STARTS = 4  # of a message that ends its process: three times suspect, and once not
FAULTS = (*BAD, "crashes", "never", "left over", "stuck", "set aside wrongly")
"""What no campaign may have, beside what is wrong with chats."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign is made of.

    Attributes:
        cell: The fault.
        seed: Decides what users do, and where the fault strikes.
        program: The server.
        messages: How many messages users say; presses come on top.
        strikes: How often the fault strikes.
        users: How many there are.
        patience: Seconds of which a bot that is not done has done nothing, if it is stuck.
    """

    cell: Cell
    seed: str
    program: str
    messages: int = 2_000
    strikes: int = 10
    users: int = 100
    patience: float = 240.0


class Campaign:
    """Carries out a plan.

    Args:
        plan: What to do.
        folder: Where everything keeps its state; empty.
        package: A folder to take the package from, instead of the installed one.
    """

    def __init__(self, plan: Plan, folder: Path, package: Path | None = None) -> None:
        self._plan = plan
        self._folder = folder
        self._package = package
        self._rng = random.Random(plan.seed)  # noqa: S311  # to be repeated, not to be secret
        # What is done to the bots is drawn from another well than what users do.
        self._nemesis = random.Random(f"{plan.seed} {plan.cell.name}")  # noqa: S311
        self._messenger = RepeatingMessenger(self._nemesis)
        # Nothing is left out of the file: what went wrong is found in it.
        whole = "--auto-aof-rewrite-percentage", "0"
        options = "--appendfsync", "everysec", *whole, *plan.cell.options
        self._server = RedisServer(plan.program, *options, folder=folder)
        self._sentinels: Sentinels | None = None
        if plan.cell.has_sentinels:
            self._sentinels = Sentinels(plan.program, folder, *options)
        self._cluster: Cluster | None = None
        if plan.cell.has_cluster:
            self._cluster = Cluster(plan.program, folder, *options)
        self._several = self._sentinels or self._cluster
        self.verdict = Verdict()

    @property
    def _here(self) -> str:
        """Where what is kept can be read."""
        several = self._several
        return self._server.url if several is None else several.here

    async def run(self) -> Verdict:
        """Run all of it, and judge what there is in the end."""
        plan = self._plan
        self._folder.mkdir(parents=True)  # nothing else runs yet
        servers = self._several or self._server
        servers.start()
        try:
            if self._several is not None:
                await self._several.ready()
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self._messenger)
                field = await self._field(stack)
                try:
                    async with asyncio.timeout(LONGEST):
                        await self._live(field)
                except TimeoutError:
                    self.verdict.add("stuck", "it took too long")
                self._judge_ends(field)
            facts = field.fleet.facts() + self._messenger.counts
        finally:
            servers.stop()
        self.verdict.counts.update({f"met {name}": n for name, n in facts.items()})
        if plan.cell.proof and not any(facts[each] for each in plan.cell.proof):
            proof = " or ".join(plan.cell.proof)
            self.verdict.add("invalid", f"{plan.cell.name} has not bitten: no {proof}")
        for name in plan.cell.never:
            if facts[name]:
                self.verdict.add("never", f"{name}: {facts[name]}")
        return self.verdict

    def _judge_ends(self, field: Field) -> None:
        """See which bots have ended by themselves, and what was set aside for that."""
        for code in field.fleet.crashes:
            name = "not started" if code == NOT_STARTED else "crashes"
            name = "deaths" if code in self._plan.cell.deaths else name
            self.verdict.add(name, f"a bot has ended with {code}")
        facts = field.fleet.facts()
        for name, how in field.poisons.items():
            starts, copies = facts[f"poison:{name}"], field.set_aside[name]
            self.verdict.counts["copies set aside"] += max(copies - 1, 0)
            most, least = (1, 1) if how == "raise" else (MOST_STARTS, MOST_STARTS - 1)
            if not least * copies <= starts <= most * copies or not copies:
                example = f"{how} after {starts} starts, {copies} times"
                self.verdict.add("set aside wrongly", example)

    async def _field(self, stack: AsyncExitStack) -> Field:
        cell, nemesis = self._plan.cell, self._nemesis
        servers = self._several or self._server
        urls = [servers.url] * cell.processes
        proxies: list[Proxy] = []
        for number in range(cell.processes if cell.has_proxies else 0):
            proxy = Proxy(nemesis, self._folder / f"{number}.sock", self._server.socket)
            proxies.append(await stack.enter_async_context(proxy))
            urls[number] = proxy.url
        fleet = Fleet(
            self._messenger,
            urls,
            self._folder,
            self._package,
            durability=cell.durability,
        )
        await stack.enter_async_context(fleet)
        return Field(
            nemesis,
            self._server,
            self._sentinels,
            self._cluster,
            fleet,
            proxies,
            self._messenger,
            gather(self._messenger, self._rng, self._plan.users, ChaosCrowd),
            self.verdict.counts,
        )

    async def _live(self, field: Field) -> None:
        plan, fleet, crowd, rng = self._plan, field.fleet, field.crowd, self._rng
        lines = [f"{user.user_id} {user.chat_id}" for user in crowd.users]
        (self._folder / "users").write_text("\n".join(lines), "utf-8")
        for number in range(len(fleet)):
            await fleet.start(number)
        while fleet.facts()["started"] < len(fleet):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
        crowd.begin(self._messenger)
        await asyncio.sleep(ACQUAINTED)
        each = plan.messages / (plan.strikes + 1)
        await self._work(rng, crowd, round(each))
        for number in range(plan.strikes):
            async with asyncio.TaskGroup() as group:
                group.create_task(_struck(plan.cell, field))
                group.create_task(self._work(rng, crowd, round(each * (number + 2))))
        if plan.cell.loses:
            # What was lost had been shown; what follows shows all that is kept.
            crowd.begin(self._messenger)
        await self._judge_when_done(crowd)
        for number in range(len(fleet)):
            if code := await fleet.end(number):
                self.verdict.add("ends", f"a bot has ended with {code}")
        field.set_aside.update(await set_aside(self._here))
        left = await left_over(self._here)
        self.verdict.counts["set aside"] = left.pop("dead letters", 0)
        if left:
            self.verdict.add("left over", str(dict(left)))
        (self._folder / "left").write_text(await dump(self._here))
        told = "\n".join(map(str, self._messenger.log))
        (self._folder / "messenger").write_text(told, "utf-8")
        self.verdict.counts.update(messages=crowd.said, presses=crowd.presses)

    async def _work(self, rng: random.Random, crowd: Crowd, until: int) -> None:
        """Let users act in bursts, as far as the bot follows."""
        messenger = self._messenger
        while crowd.said < until:
            for _ in range(rng.choice(BURSTS)):
                crowd.act(messenger)
                if crowd.said >= until:
                    break
            await asyncio.sleep(rng.random() * 0.02)
            while messenger.backlog > BACKLOG:
                await messenger.service.bell.wait(0.05)

    async def _judge_when_done(self, crowd: Crowd) -> None:
        """Wait until all is done and right, or nothing more is to be expected."""
        loop = asyncio.get_running_loop()
        (self._folder / QUIET_FILE).touch()
        began = loop.time()
        end, found = began + self._plan.patience, Verdict()
        while loop.time() < end:
            await asyncio.sleep(QUIET)
            messenger = self._messenger
            if messenger.backlog or loop.time() - messenger.last_call < QUIET:
                end = max(end, messenger.last_call + self._plan.patience)
                continue
            if not await self._on_its_way():
                found = await self._judged(crowd)
                if not (found.faults or any(found.counts[name] for name in BAD)):
                    break
                end = min(end, loop.time() + LATE)
        else:
            found = await self._judged(crowd)
            left = await self._on_its_way()
            if left:
                self.verdict.add("stuck", f"{dict(left)}")
        self.verdict.merge(found)
        seconds = round(1000 * (loop.time() - began))
        self.verdict.counts["slowest end, ms"] = seconds

    async def _judged(self, crowd: Crowd) -> Verdict:
        receipts = self._folder / "receipts"
        said = receipts.read_text("utf-8").splitlines() if receipts.exists() else []
        dialogs = await snapshots(self._here)
        states = await snapshots(self._here, "state")
        verdict = judge(self._messenger, crowd.users, names_of(dialogs))
        data = data_of(dialogs)
        verdict.merge(judge_between(crowd.users, data, states.values(), said))
        if self._plan.cell.loses:
            held, strikes = names_of(dialogs), self._plan.strikes
            forgive(verdict, self._messenger, crowd.users, held, strikes)
        return verdict

    async def _on_its_way(self) -> Counter[str]:
        left = await left_over(self._here)
        for name in ("leases", "owners", "dead letters"):
            del left[name]
        return left


async def _struck(cell: Cell, field: Field) -> None:
    await cell.strike(field)
    field.counts["strikes"] += 1
