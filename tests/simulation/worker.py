"""The program that each process runs: it takes in messages, handles and draws."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from duologue.actors import Letter, Mail, Opened, Owed, TimedLetter
from duologue.actors._engine._timed import wall_time
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    FencedError,
    MailboxFullError,
)
from duologue.transport.redis import RedisEngine
from tests.simulation.loop import Process
from tests.simulation.plan import KINDS, Batch, Plan
from tests.simulation.records import Records, Source

LEASE: Final = 2.0
FULL: Final = "there is no room for what it sends"
_LINGER: Final = 0.3
_AGAIN: Final = 0.5  # seconds until an engine that did not answer is asked again
_GRACE: Final = 10.0  # seconds that turns have when the process ends
_MOST_IN_TURN: Final = 4  # messages of one actor before others that wait
_REMINDER: Final = "r"


@dataclass(slots=True)
class _Actor:
    """A key, and what goes on with it.

    Attributes:
        key: The key.
        has_work: Whether the engine has said that there is some.
        is_busy: Whether a task sees to it.
    """

    key: str
    has_work: bool = False
    is_busy: bool = False


class Worker:
    """What a process does.

    Args:
        process: The process.
        plan: What is to happen.
        records: Where it says what it has done.
        sources: Where messages come from.
    """

    def __init__(
        self,
        process: Process,
        plan: Plan,
        records: Records,
        sources: Sequence[Source],
    ) -> None:
        self.process: Process = process
        self.is_here = False
        self.at_work: set[str] = set()
        self._plan = plan
        self._records = records
        self._messages = plan.messages
        self._turns_run = 0
        self._sources = sources
        self._random = random.Random(f"{plan.seed} {process.name}")  # noqa: S311
        self._actors: dict[str, _Actor] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._end = asyncio.Event()
        self._engine = RedisEngine(
            "unix:///simulated",
            shards=plan.shards,
            durability=plan.durability,
            capacity=plan.capacity,
            lease=LEASE,
            linger=_LINGER,
        )

    def stop(self) -> None:
        """End in order, as after a SIGTERM."""
        self._end.set()

    async def run(self) -> None:
        """Work until it is told to end."""
        while not self._end.is_set():
            try:
                async with self._engine as engine:
                    self.is_here = True
                    engine.serve(KINDS, self._plan.slots, self._ready)
                    for source in self._sources:
                        self._begin(self._take_in(source))
                    await self._end.wait()
                    engine.serve(KINDS, 0, self._ready)
                    self.is_here = False
                    busy = [task for task in self._tasks if not task.done()]
                    if busy:
                        await asyncio.wait(busy, timeout=_GRACE)
            except EngineUnavailableError:
                await asyncio.sleep(_AGAIN)

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.remove(task)
        if not task.cancelled() and task.exception() is not None:
            self._records.fault("crash", f"{self.process.name}: {task.exception()!r}")

    # Messages come in.

    async def _take_in(self, source: Source) -> None:
        name, loop = self.process.name, asyncio.get_running_loop()
        while not (self._end.is_set() or source.is_done):
            batch = source.next_of(name, loop.time())
            if batch is None:
                await asyncio.sleep(0.1)
                continue
            if await self._bring(source, batch) and self._random.random() < 0.15:
                self._records.copies += len(batch.messages)
                await self._bring(source, batch)
            await asyncio.sleep(self._random.uniform(0, 0.1))

    async def _bring(self, source: Source, batch: Batch) -> bool:
        letters = [
            Letter(each.key, Mail(each.id, each.deed.encode()))
            for each in batch.messages
        ]
        self._records.sends(batch)
        try:
            await self._engine.enqueue(letters)
        except (EngineUnavailableError, EngineClosedError):
            await asyncio.sleep(_AGAIN)
            return False
        self._records.took(batch)
        source.took(batch)
        return True

    # Turns.

    def _ready(self, key: str) -> None:
        """Handle a key of which the engine has said that it is leased to this process."""
        actor = self._actors.setdefault(key, _Actor(key))
        actor.has_work = True
        if not actor.is_busy:
            actor.is_busy = True
            self._begin(self._see_to(actor))

    async def _see_to(self, actor: _Actor) -> None:
        is_screen = actor.key.startswith("screen/")
        try:
            while actor.has_work:
                actor.has_work = False
                try:
                    await (self._draw(actor.key) if is_screen else self._turns(actor))
                except FencedError:
                    pass  # another process has it
                except EngineUnavailableError:
                    await asyncio.sleep(_AGAIN)
                    actor.has_work = True
        finally:
            actor.is_busy = False

    async def _turns(self, actor: _Actor) -> None:
        self.at_work.add(actor.key)
        try:
            number = 0
            opened = await self._engine.open(actor.key)
            while opened is not None:
                number += 1
                is_kept = number < _MOST_IN_TURN and not self._end.is_set()
                opened = await self._turn(opened, keep=is_kept)
        finally:
            self.at_work.discard(actor.key)

    async def _turn(self, opened: Opened, *, keep: bool) -> Opened | None:
        message = self._messages.get(opened.mail.id)
        self._records.note(
            f"{self.process.name} opens {opened.mail.id} of {opened.key}, "
            f"{opened.attempt}"
        )
        await asyncio.sleep(self._random.uniform(0, 0.02))
        deed = "note" if message is None else message.deed
        if deed == "slow" and message is not None:
            await asyncio.sleep(message.seconds)
        if deed == "raise" or (deed == "again" and opened.attempt == 1):
            await self._engine.fail(opened, error=deed, retry=deed == "again")
            return None
        outbox: list[Letter] = []
        timed: list[TimedLetter] = []
        owed: list[Owed] = []
        self._turns_run += 1
        line = f"{opened.mail.id} by {self.process.name}.{self._turns_run}"
        if message is not None:
            outbox = [Letter(to, Mail(name, b"told")) for to, name in message.sent()]
        if deed == "remind" and message is not None:
            at = wall_time() + message.seconds
            timed = [TimedLetter(_REMINDER, opened.key, at, b"time")]
            line += f" remind {at!r}"
        elif deed == "take back":
            timed = [TimedLetter(_REMINDER, opened.key, None, b"")]
            line += " take back"
        elif deed == "owe":
            screen = "screen/" + opened.key.partition("/")[2].rpartition(":")[0]
            owed = [Owed(screen, opened.mail.id, opened.key.encode())]
        before = opened.snapshot or b""
        commit = self._records.commits(opened.key, before.count(b"\n"), line)
        try:
            following = await self._engine.commit(
                opened,
                snapshot=before + line.encode() + b"\n",
                outbox=outbox,
                owed=owed,
                timed=timed,
                keep=keep,
            )
        except FencedError:
            self._records.refused.append(commit)
            raise
        except MailboxFullError:
            await self._engine.fail(opened, error=FULL, retry=False)
            return None
        self._records.committed(commit)
        if owed:
            self._ready(owed[0].screen)
        return following

    # Drawings.

    async def _draw(self, screen: str) -> None:
        if not self._engine.mine(screen):
            return
        owed, row = await self._engine.owed(screen)
        for one in owed:
            await asyncio.sleep(self._random.uniform(0, 0.05))
            self._records.drew(one.screen, one.id)
        if owed:
            receipts = [
                Letter(one.body.decode(), Mail(f"{one.id}~drawn", b"receipt"))
                for one in owed
            ]
            names = " ".join(one.id for one in owed)
            after = (row or b"") + names.encode() + b"\n"
            note = self._records.commits(screen, 0, names)
            with suppress(EngineClosedError):
                await self._engine.drawn(
                    screen, [one.id for one in owed], letters=receipts, row=after
                )
                self._records.noted(note)
