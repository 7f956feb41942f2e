"""Kills of a bot that is brought updates, and what they have cost.

`PYTHONPATH=. python tests/webhooks/campaign.py --updates 10000 --engine sqlite`; with
`--engine redis` there are two copies of the bot behind one address and one server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from duologue.transport.sandbox import (
    Control,
    Delivery,
    DeliveryState,
    FaultKind,
    Sandbox,
    Say,
)
from tests.servers import RedisServer, valkey_program
from tests.webhooks.conftest import has_webhook

BOT = Path(__file__).with_name("bot.py")
_RETRY = 0.05
_LOST_ANSWERS = 20
_SETTLED = 2.0
# What a copy had that was killed goes on when its leases have ended.
_UNCHANGED = 30.0


@dataclass(frozen=True)
class Verdict:
    """What a campaign has shown.

    Attributes:
        updates: How many there were.
        kills: How often the bot was killed.
        repeated: How many deliveries took more than one try.
        lost: Texts that were acknowledged and never handled.
        doubled: Texts that a dialog holds more than once.
        disordered: Texts that stand before one that was acknowledged earlier, both of
            them at their first delivery.
        rehandled: Texts that a handler has seen more than once; a kill may do that.
    """

    updates: int
    kills: int
    repeated: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    disordered: tuple[str, ...]
    rehandled: int


class Program:
    """One copy of the bot, which is started again as often as it is killed."""

    def __init__(self, environment: dict[str, str], journal: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._journal = journal
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, url: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, BOT, url, str(self.port), self._journal),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def end(self, number: int) -> int:
        """Send a signal and wait for the end."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()


class Programs:
    """The copies of the bot, and where the messenger finds them.

    Args:
        sandbox: The messenger.
        folder: Where their files go.
        engine: What keeps their state; the URL of a server for two copies.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, engine: str) -> None:
        self._journal = folder / "journal"
        environment = {
            **os.environ,
            "DUOLOGUE_MAX_URL": sandbox.url,
            "DUOLOGUE_MAX_TOKEN": sandbox.token,
            "DUOLOGUE_STATE_DIR": str(folder / "state"),
            "DUOLOGUE_ENGINE": engine,
        }
        copies = 2 if "://" in engine else 1
        self.all = [Program(environment, self._journal) for _ in range(copies)]
        self._ways = AsyncExitStack()
        self._url = f"http://127.0.0.1:{self.all[0].port}/max"

    async def __aenter__(self) -> Self:
        if len(self.all) > 1:
            door = Balancer([program.port for program in self.all])
            self._url = await self._ways.enter_async_context(door.open())
        for program in self.all:
            await self.start(program)
        return self

    async def __aexit__(self, *_: object) -> None:
        for program in self.all:
            await program.end(signal.SIGKILL)
        await self._ways.aclose()

    async def start(self, program: Program) -> None:
        await program.start(self._url)

    def handled(self) -> dict[int, list[str]]:
        """What the handlers have seen, by chat, in order."""
        found: dict[int, list[str]] = defaultdict(list)
        if self._journal.exists():
            for line in self._journal.read_text("utf-8").splitlines():
                chat, _, text = line.partition(" ")
                found[int(chat)].append(text)
        return found


class Balancer:
    """One address for several programs, in turn; one that is not there is left out.

    As nginx does, it gives a request to another program only while none has got it.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = cycle(ports)
        self._many = len(ports)
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[str]:
        """Open the door; gives its URL."""
        app = web.Application()
        app.router.add_post("/max", self._pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession() as self._session:
            try:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}/max"
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        body = await request.read()
        for _ in range(self._many):
            url = f"http://127.0.0.1:{next(self._ports)}/max"
            try:
                async with self._session.post(
                    url, data=body, headers=request.headers
                ) as answer:
                    return web.Response(status=answer.status, body=await answer.read())
            except aiohttp.ClientConnectorError:
                continue
            except aiohttp.ClientError:
                break
        return web.Response(status=502)


async def campaign(
    engine: str, *, updates: int, users: int, kills: int, folder: Path, seed: int = 1
) -> Verdict:
    """Say things while the bot is killed, and look at what it has kept.

    Args:
        engine: What keeps its state; the URL of a server for two copies of it.
        updates: How many things are said, in all.
        users: By how many.
        kills: How often the bot is killed, or told to end: in turn.
        folder: Where its files go.
        seed: Decides when.
    """
    dice = random.Random(seed)  # noqa: S311  # a schedule, no secret
    async with Sandbox(limits=False, webhook_retry=_RETRY) as sandbox:
        control = sandbox.control()
        people = [await control.add_user(f"user {n}") for n in range(users)]
        async with Programs(sandbox, folder, engine) as programs:
            await has_webhook(control)
            await control.fault(
                FaultKind.DROP, method="WEBHOOK", after=True, count=_LOST_ANSWERS
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(_kill(programs, kills, dice))
                group.create_task(_speak(control, people, updates, dice))
            await _all_over(control)
            deliveries = await control.deliveries()
            shown = await _shown(control, people, updates, _patience(engine))
        return judge(deliveries, programs.handled(), shown, engine=engine, kills=kills)


def judge(
    deliveries: Sequence[Delivery],
    handled: dict[int, list[str]],
    shown: dict[int, list[str]],
    *,
    engine: str,
    kills: int,
) -> Verdict:
    """Compare what was acknowledged with what was handled and kept.

    Texts are numbers in the order in which they were said, as updates are.
    """
    safe = [one for one in deliveries if one.state is DeliveryState.DELIVERED]
    first = min(one.position for one in deliveries)
    texts = {str(one.position - first): one for one in safe}
    seen = Counter(text for chat in handled.values() for text in chat)
    kept = Counter(text for chat in shown.values() for text in chat)
    at_once = {text for text, one in texts.items() if one.attempts == (200,)}
    # What is in memory ends with the process; what its handlers have seen does not.
    where, final = (seen, handled) if engine == "memory" else (kept, shown)
    repeatable = {text for text, one in texts.items() if len(one.attempts) > 1}
    doubled = [text for text, count in where.items() if count > 1]
    if engine == "memory":
        doubled = [text for text in doubled if text not in repeatable]
    return Verdict(
        updates=len(deliveries),
        kills=kills,
        repeated=len(repeatable),
        lost=tuple(text for text in texts if not where[text]),
        doubled=tuple(doubled),
        disordered=tuple(_disordered(final, at_once)),
        rehandled=sum(count > 1 for count in seen.values()),
    )


def _disordered(final: dict[int, list[str]], at_once: set[str]) -> list[str]:
    found: list[str] = []
    for texts in final.values():
        numbers = [int(text) for text in dict.fromkeys(texts) if text in at_once]
        found += [
            str(earlier) for earlier, later in pairwise(numbers) if earlier > later
        ]
    return found


async def _speak(
    control: Control, people: Sequence[int], updates: int, dice: random.Random
) -> None:
    said = 0
    while said < updates:
        number = min(dice.randrange(1, 20), updates - said)
        says = [
            Say(dice.choice(people), str(text)) for text in range(said, said + number)
        ]
        await control.act(*says)
        said += number
        await asyncio.sleep(dice.random() * 0.4)


async def _kill(programs: Programs, kills: int, dice: random.Random) -> None:
    for number in range(kills):
        await asyncio.sleep(1 + dice.random())
        program = dice.choice(programs.all)
        await program.end(signal.SIGTERM if number % 2 else signal.SIGKILL)
        await programs.start(program)


async def _all_over(control: Control) -> None:
    while (await control.position()).queued:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.2)


def _patience(engine: str) -> float:
    """Seconds without a change after which nothing is to come."""
    return _SETTLED if engine == "memory" else _UNCHANGED


async def _shown(
    control: Control, people: Sequence[int], updates: int, patience: float
) -> dict[int, list[str]]:
    """What the dialogs show when all is there, or nothing has changed for long."""
    found: dict[int, list[str]] = {}
    loop = asyncio.get_running_loop()
    changed = loop.time()
    while True:
        before = dict(found)
        for person in people:
            for chat in await control.chats(person):
                texts = [
                    one.text
                    for one in await control.messages(chat.chat_id)
                    if one.is_from_bot
                ]
                found[chat.chat_id] = texts[-1].split() if texts else []
        now = loop.time()
        if found != before:
            changed = now
        # What is there twice is to be seen, too.
        whole = sum(map(len, found.values())) >= updates and now - changed > _SETTLED
        if whole or now - changed > patience:
            return found
        await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--engine", default="sqlite")
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        engine = str(chosen.engine)
        if engine == "redis":
            server = RedisServer(valkey_program())
            stack.callback(server.stop)
            server.start()
            engine = server.url
        verdict = asyncio.run(
            campaign(
                engine,
                updates=chosen.updates,
                users=chosen.users,
                kills=chosen.kills,
                folder=Path(folder),
            )
        )
    sys.stdout.write(f"{verdict}\nin {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
