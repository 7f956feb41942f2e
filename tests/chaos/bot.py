"""The bot of `tests/reliability`, on a server that several of it share.

Each process notes what its calls to the server met, a word a line, in the file `facts`:
by that a run tells whether its fault has bitten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, cast

from duologue import LongPolling
from duologue.actors import Letter, Opened, Owed, TimedLetter
from duologue.dialogs import BgManagerFactory, DialogManager, Settings
from duologue.errors import DuologueError, EngineUnavailableError, FencedError
from duologue.state import AsyncState
from duologue.transport.max import Bot
from duologue.transport.redis import RedisEngine
from duologue.transport.redis._server import ClusterServer, Durability, Server
from duologue.transport.redis._wire._calls import Call
from duologue.transport.redis._wire._link import Link
from duologue.transport.redis._wire._scripts import COMMIT, ENQUEUE, LEASE, PARK
from tests.chaos.ills import Ills, die
from tests.chaos.standing import tell_what_stands_still
from tests.reliability.bot import NO_LIMITS, Extra, Start, make_dispatcher, serve

SHARDS = 4
QUIET = "quiet"  # the file that ends these calls
NAME = (
    "name"  # the file in the folder of a process that says as whom the server knows it
)
PUSH = 0.05  # seconds between two calls from outside of chats
NOT_STARTED = (
    75  # the server did not answer, and whoever starts the bot has to do it again
)


class ChaosStart(Start):
    """How a bot is to be started.

    Attributes:
        schema: The version of the program.
        lease: Seconds that others wait for a process that says nothing.
        facts: The file of what happened.
        folder: Where receipts go, and where it says which users there are.
        durability: What is asked of the server.
    """

    schema: int
    lease: float
    facts: str
    folder: str
    durability: Durability


class Total(AsyncState, scope="bot"):
    """What all chats count together, by the name of each message."""


async def tell_another(manager: DialogManager, name: str, about: str) -> None:
    user_id, chat_id = map(int, about.split(":"))
    mark = {name: 1, f"from {manager.event.user_id}": name}
    _receipt = await manager.bg(user_id=user_id, chat_id=chat_id).update(mark)


async def come_later(manager: DialogManager, name: str, _: str) -> None:
    if Ills.own > 0:  # it would come when all others have come to that time
        await manager.update({name: 1})
        return
    await manager.bg().schedule(timedelta(seconds=1)).update({name: 1})


async def count_up(_manager: DialogManager, name: str, _about: str) -> None:
    await Total.of().incr(name)


async def fall_ill(_manager: DialogManager, name: str, how: str) -> None:
    Facts.note(f"poison:{name}")
    die(how)


def prone_to_hang(extra: Extra) -> Extra:
    async def handle(manager: DialogManager, name: str, about: str) -> None:
        Ills.hang()
        await extra(manager, name, about)

    return handle


EXTRAS = {
    "note": prone_to_hang(tell_another),
    "later": prone_to_hang(come_later),
    "count": prone_to_hang(count_up),
    "poison": fall_ill,
}


async def push_regularly(bg_factory: BgManagerFactory, folder: Path) -> None:
    """Have chats note something, whoever has them, and write down what is certain."""
    receipts = os.open(folder / "receipts", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    users = [
        line.split() for line in (folder / "users").read_text("utf-8").splitlines()
    ]
    while not (folder / QUIET).exists():
        await asyncio.sleep(PUSH)
        user_id, chat_id = random.choice(users)  # noqa: S311  # any will do
        mark = f"push-{secrets.token_hex(4)}"
        bg = bg_factory.bg(user_id=int(user_id), chat_id=int(chat_id))
        try:
            await (await bg.update({mark: 1}))
        except DuologueError as error:
            Facts.note(f"receipt:{type(error).__name__}")
        else:
            os.write(receipts, f"{user_id} {mark}\n".encode())


class Facts:
    """What happened. A word is out of this process when `note` returns."""

    file: ClassVar[int] = -1

    @classmethod
    def note(cls, word: str) -> None:
        os.write(cls.file, f"{word}\n".encode())


class WatchedLink(Link):
    """The way to the server; what it meets is noted."""

    async def transfer(self, calls: Sequence[Call]) -> list[object]:
        replies = await super().transfer(calls)
        for call, reply in zip(calls, replies, strict=False):
            _note(call, reply)
        return replies

    def _missing_replicas(self, replies: list[object]) -> str | None:
        missing = super()._missing_replicas(replies)
        if missing is not None:
            Facts.note("unsafe")
        return missing

    async def _pipelined(self, calls: Sequence[Call]) -> list[object]:
        try:
            replies = await super()._pipelined(calls)
        except Exception as error:
            Facts.note(type(error).__name__)
            raise
        for reply in replies:
            if isinstance(reply, BaseException):
                Facts.note(type(reply).__name__)
        return replies


def _note(call: Call, reply: object) -> None:
    if isinstance(reply, BaseException):
        return
    if call.script is COMMIT:
        status = cast("list[bytes]", reply)[0]
        if status in (b"fenced", b"already"):
            Facts.note(status.decode())
    elif call.script is LEASE:
        _, orphans, expired, *_ = cast("tuple[object, list[bytes], int]", reply)
        for word in ["expired"] * expired + ["orphan"] * sum(map(bool, orphans)):
            Facts.note(word)
    elif call.script is ENQUEUE:
        if 0 in cast("tuple[bytes, int, list[int]]", reply)[2]:
            Facts.note("repeated")
    elif call.script is PARK:
        Facts.note("parked")


class WatchedServer(Server):
    link_class: ClassVar[type[Link]] = WatchedLink


class WatchedCluster(ClusterServer):
    link_class: ClassVar[type[Link]] = WatchedLink


class WatchedEngine(RedisEngine):
    _server_class: ClassVar[type[Server]] = WatchedServer
    _cluster_class: ClassVar[type[ClusterServer]] = WatchedCluster

    def _now(self) -> str:
        """The time of the server, if that is to be wrong."""
        if not Ills.server_was_wrong:
            return super()._now()
        return str(round((time.time() + Ills.server) * 1000))

    async def commit(
        self,
        opened: Opened,
        *,
        snapshot: bytes | None,
        outbox: Sequence[Letter] = (),
        owed: Sequence[Owed] = (),
        timed: Sequence[TimedLetter] = (),
        keep: bool = False,
    ) -> Opened | None:
        try:
            return await super().commit(
                opened,
                snapshot=snapshot,
                outbox=outbox,
                owed=owed,
                timed=timed,
                keep=keep,
            )
        except FencedError:
            Facts.note("refused")
            raise


def run(start: Start) -> None:
    logging.basicConfig(
        level="WARNING", format=f"%(asctime)s {os.getpid()} %(name)s %(message)s"
    )
    told = cast("ChaosStart", start)
    Facts.file = os.open(told["facts"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    Ills.listen(Path(told["state"]), 3 * told["lease"], Facts.note)
    dispatcher, started = make_dispatcher(EXTRAS), False
    tasks: list[asyncio.Task[None]] = []

    @dispatcher.startup()
    async def begun(bg_factory: BgManagerFactory) -> None:
        nonlocal started
        started = True
        Ills.go_by_own_clock()
        Facts.note("started")
        loop, folder = asyncio.get_running_loop(), Path(told["folder"])
        tasks.append(loop.create_task(push_regularly(bg_factory, folder)))
        tasks.append(loop.create_task(tell_what_stands_still(engine)))

    @dispatcher.shutdown()
    async def ended() -> None:
        for task in tasks:
            task.cancel()

    engine = WatchedEngine(
        told["engine"],
        lease=told["lease"],
        shards=SHARDS,
        durability=told["durability"],
    )
    (Path(told["state"]) / NAME).write_text(engine.name, "utf-8")
    polling = LongPolling(
        dispatcher,
        engine=engine,
        settings=Settings(schema=told["schema"]),
        state_dir=told["state"],
        drain=told["drain"],
    )
    try:
        polling.run(Bot(told["token"], base_url=told["url"], limits=NO_LIMITS))
    except EngineUnavailableError as error:
        if started:
            raise
        raise SystemExit(NOT_STARTED) from error


if __name__ == "__main__":
    serve(run)
