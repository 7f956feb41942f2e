"""The bots of a runtime: who works, who is still on the way, whose work has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence, Set as AbstractSet
from typing import Protocol, runtime_checkable

from duologue.actors import Clock, Engine, Observer
from duologue.dialogs import Bot, Conversations, UpdateSource, bot_key
from duologue.runtime._lock import StateLocks
from duologue.runtime._reports import Reports
from duologue.transport import Connecting, Fetching, Poller, Receiving, WebhookKeeper
from duologue.transport._shared_limits import Allowance
from duologue.transport.http import Operations


@runtime_checkable
class _Observed(Protocol):
    """A messenger that tells of every call that it makes."""

    def observe(self, observer: Observer | None) -> None: ...


@runtime_checkable
class _Inherited(Protocol):
    """An engine that knows when a process before can have used its state at the latest."""

    @property
    def alone_for(self) -> float: ...


@runtime_checkable
class _Limited(Protocol):
    """A bot that keeps limits, also together with a process before."""

    def follow(self, seconds: float) -> None: ...


@runtime_checkable
class _Sharing(Protocol):
    """A bot that keeps limits, also together with other processes."""

    def share(self, allowance: Allowance) -> None: ...


class Bots:
    """Has bots work as soon as they are connected.

    Args:
        conversations: Handles their updates.
        fetching: Fetches them.
        receiving: Takes them in where the messenger brings them instead.
        engine: Shares the limits of bots that work in several processes.
        locks: Keep other programs from doing so; None if nothing is fetched.
        used: The events that somebody handles.
        clock: Tells when to look after webhooks.
        operations: Shows how they are; None to show nothing.
        observer: Counts their calls.
        report: Told of errors that nobody awaits.
    """

    def __init__(
        self,
        conversations: Conversations,
        fetching: Fetching,
        receiving: Receiving,
        *,
        engine: Engine,
        locks: StateLocks | None,
        used: AbstractSet[str],
        clock: Clock,
        operations: Operations | None,
        observer: Observer,
        report: Reports,
    ) -> None:
        self._conversations = conversations
        self._fetching = fetching
        self._receiving = receiving
        self._engine = engine
        self._used = used
        self._clock = clock
        self._locks = locks
        self._operations = operations
        self._observer = observer
        self._report = report
        self._observed: list[_Observed] = []
        self._late: list[asyncio.Task[None]] = []
        self._watches: list[asyncio.Task[None]] = []

    async def join(self, bot: Bot) -> None:
        """Begin to work with a bot that is connected.

        Raises:
            BotTwiceError: There is another one of its account.
            BotRunsElsewhereError: Another program works with it.
        """
        work = await self._begin(bot)
        if work is not None:
            _start(self._watch(bot, work), self._watches)

    def expect(self, bot: Bot, connecting: Connecting) -> None:
        """Begin to work with a bot when its messenger can be reached."""
        if self._operations is not None:
            self._operations.miss(bot.messenger)
        _start(self._join_late(bot, connecting), self._late)

    async def wait(self) -> None:
        """Wait until nothing is fetched for anyone any more.

        Raises:
            Exception: What ended the work of one.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for task in (*self._late, *self._watches):
                    group.create_task(_outcome(task))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # each has been logged

    async def expect_no_more(self) -> None:
        """Let those that are on the way stay where they are."""
        await _end(self._late)

    async def close(self) -> None:
        """End what is left to do for bots whose polling has ended."""
        for bot in self._observed:
            bot.observe(None)
        await _end(self._watches)

    async def _begin(self, bot: Bot) -> Poller | WebhookKeeper | None:
        if bot in self._receiving:
            self._add(bot)
            return self._begin_to_receive(bot)
        if self._locks is not None and isinstance(bot, UpdateSource):
            await self._locks.take(bot)
        self._add(bot)
        poller = self._fetching.begin(bot)
        if poller is not None and self._operations is not None:
            self._operations.add_poller(bot_key(bot), poller)
        return poller

    def _add(self, bot: Bot) -> None:
        if isinstance(bot, _Observed):
            bot.observe(self._observer)
            self._observed.append(bot)
        if isinstance(bot, _Sharing) and isinstance(self._engine, Allowance):
            bot.share(self._engine)
        self._conversations.add(bot)

    def _begin_to_receive(self, bot: Bot) -> WebhookKeeper | None:
        keeper = self._receiving.begin(
            bot,
            self._conversations.intake.accept_json,
            used=self._used,
            clock=self._clock,
            observer=self._observer,
        )
        if keeper is not None and self._operations is not None:
            self._operations.add_webhook(bot_key(bot), keeper)
        return keeper

    async def _join_late(self, bot: Bot, connecting: Connecting) -> None:
        try:
            await connecting.arrival(bot)
            work = await self._begin(bot)
            if self._operations is not None:
                self._operations.find(bot.messenger)
        except Exception as error:
            self._report(error, f"the start of {bot.messenger}")
            raise
        if work is not None:
            await self._watch(bot, work)

    async def _watch(self, bot: Bot, work: Poller | WebhookKeeper) -> None:
        try:
            await work.wait()
        except Exception as error:  # the one whose work it is has logged it
            what = "polling" if isinstance(work, Poller) else "webhook"
            self._report.tell(error, f"the {what} of {bot_key(bot)}")
            raise


def follow(bots: Sequence[Bot], engine: Engine) -> None:
    """Have bots come after a process that may have called a moment ago.

    Where the engine forgets with the process, nothing is known of one before.
    """
    if isinstance(engine, _Inherited):
        for bot in bots:
            if isinstance(bot, _Limited):
                bot.follow(engine.alone_for)


def _start(
    work: Coroutine[object, object, None], tasks: list[asyncio.Task[None]]
) -> None:
    tasks.append(asyncio.get_running_loop().create_task(work))


async def _outcome(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
