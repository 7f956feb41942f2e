"""How the parts of a runtime are put together, begun, drained and ended.

Everything that begins is put on the stack of the block, so that it ends in the opposite
order: no more updates, then turns and drawings, then the actors, the engine, the locks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from duologue.actors import ActorSystem, Clock, Engine, Observer, Workers
from duologue.dialogs import Bot, Conversations, Dispatcher, Settings, UpdateSource
from duologue.runtime._bots import Bots, follow
from duologue.runtime._engines import EngineChoice, enter
from duologue.runtime._lock import StateLocks
from duologue.runtime._metrics import Metrics
from duologue.runtime._reports import Reports
from duologue.runtime._states import states_of, tasks_of
from duologue.state import States
from duologue.transport import Connecting, Fetching, PollerSettings, Receiving

_logger = logging.getLogger("duologue")


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a runtime that runs.

    Attributes:
        engine: Where mailboxes and state are.
        workers: The background workers.
        conversations: The dialogs.
        bots: Who works.
        states: The State that tasks share.
    """

    engine: Engine
    workers: Workers
    conversations: Conversations
    bots: Bots
    states: States


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Puts a runtime together, from what it was told.

    Attributes:
        dispatcher: The routers and dialogs.
        bots: The bots.
        choice: The engine.
        polling: How updates are fetched; None not to fetch any.
        receiving: The webhooks.
        settings: How conversations behave.
        state_dir: The state folder.
        drain: Seconds for finishing.
        start_timeout: Seconds to wait for a server of the engine; None waits for ever.
        clock: Tells the time.
        observer: Counts.
        metrics: Shows what happens.
        report: Told of errors that nobody awaits.
    """

    dispatcher: Dispatcher
    bots: Sequence[Bot]
    choice: EngineChoice
    polling: PollerSettings | None
    receiving: Receiving
    settings: Settings
    state_dir: Path
    drain: float
    start_timeout: float | None
    clock: Clock
    observer: Observer
    metrics: Metrics
    report: Reports

    async def begin(
        self,
        stack: AsyncExitStack,
        connecting: Connecting,
        begun: Callable[[Running], object],
    ) -> None:
        """Run the dialogs of the bots that are connected, and wait for the others.

        Args:
            stack: What ends all of it.
            connecting: The way of the bots to their messengers.
            begun: Is told of the parts, before any code of the author runs.
        """
        locks = self._make_locks(stack)
        await self._take_locks(locks, connecting)
        engine = self.choice.make(self.bots)
        self.metrics.tell_of(engine, self.observer)
        await enter(stack, engine, clock=self.clock, limit=self.start_timeout)
        follow(self.bots, engine)
        system = ActorSystem(drain=1.0, clock=self.clock, observer=self.observer)
        states = states_of(engine, self.bots)
        tasks = tasks_of(engine, self.dispatcher, states, self.clock)
        workers = Workers(
            system, clock=self.clock, observer=self.observer, durable=tasks
        )
        conversations = self._make(
            engine, system, workers, connecting.connected, states
        )
        stack.callback(conversations.fail_rest)
        await stack.enter_async_context(states)
        self.dispatcher.states = states
        await stack.enter_async_context(system)
        conversations.start()
        fetching = self._make_fetching(system, conversations, engine)
        bots = Bots(
            conversations,
            fetching,
            self.receiving,
            engine=engine,
            locks=locks,
            used=self.dispatcher.used_events(),
            clock=self.clock,
            operations=self.metrics.shown,
            observer=self.observer,
            report=self.report,
        )
        begun(Running(engine, workers, conversations, bots, states))
        stack.push_async_callback(tasks.stop)
        tasks.start(workers)
        stack.push_async_callback(bots.close)
        stack.push_async_callback(self.dispatcher.emit_shutdown, self.bots)
        stack.push_async_callback(self._stop, conversations, fetching)
        stack.push_async_callback(bots.expect_no_more)
        await self.dispatcher.emit_startup(self.bots)
        for bot in connecting.connected:
            await bots.join(bot)
        for bot in connecting.late:
            bots.expect(bot, connecting)
        if self.polling is not None or self.receiving:
            is_polled = any(bot not in self.receiving for bot in self.bots)
            _logger.info("%s", self.choice.said(engine, is_polled=is_polled))
        self.metrics.show_load(
            engine, system=system, conversations=conversations, workers=workers
        )

    def _make(
        self,
        engine: Engine,
        system: ActorSystem,
        workers: Workers,
        bots: Sequence[Bot],
        states: States,
    ) -> Conversations:
        return Conversations(
            self.dispatcher,
            bots,
            expected=len(self.bots),
            engine=engine,
            system=system,
            workers=workers,
            clock=self.clock,
            observer=self.observer,
            on_error=self.report,
            settings=self.settings,
            states=states,
        )

    def _make_fetching(
        self, system: ActorSystem, conversations: Conversations, engine: Engine
    ) -> Fetching:
        return Fetching(
            conversations.intake.accept_batch,
            system=system,
            settings=self.polling,
            state_dir=self.state_dir,
            engine=engine,
            used=self.dispatcher.used_events(),
            clock=self.clock,
            observer=self.observer,
        )

    def _make_locks(self, stack: AsyncExitStack) -> StateLocks | None:
        if self.polling is None or self.choice.is_shared:
            return None
        locks = StateLocks(self.state_dir, drain=self.drain, clock=self.clock)
        stack.callback(locks.release)
        return locks

    async def _take_locks(
        self, locks: StateLocks | None, connecting: Connecting
    ) -> None:
        """See to it that no other program works with these bots, and their state."""
        first: Sequence[Bot] = ()
        if self.choice.is_for_first_bot:
            first = self.bots[:1]
        for bot in first:
            await connecting.arrival(bot)
        for bot in dict.fromkeys((*first, *connecting.connected)):
            if locks is None or bot in self.receiving:
                continue
            if isinstance(bot, UpdateSource):
                await locks.take(bot)

    async def _stop(self, conversations: Conversations, fetching: Fetching) -> None:
        if self.metrics.shown is not None:
            self.metrics.shown.drain()
        deadline = self.clock.time() + self.drain
        left = 0.0  # for conversations, if this is cancelled while polling ends
        try:
            await self.receiving.stop()
            await fetching.stop(self.drain)
            left = max(0.0, deadline - self.clock.time())
        finally:
            await conversations.stop(left)
