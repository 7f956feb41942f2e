"""The composition root: wires the parts, starts them, drains and stops them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from aiohttp import web
from prometheus_client import CollectorRegistry

from duologue import __version__
from duologue.actors import (
    ActorSystem,
    Clock,
    Counts,
    Engine,
    LoopClock,
    MemoryEngine,
    Observer,
    Observers,
    Workers,
)
from duologue.dialogs import (
    DEFAULT_STACK_ID,
    BgManager,
    Bot,
    Conversations,
    Dispatcher,
    Settings,
)
from duologue.dialogs._dispatcher import checked_dispatcher
from duologue.dialogs._ports import checked_bots
from duologue.errors import (
    DispatcherTakenError,
    EngineNotAvailableError,
    MetricsOffError,
    RuntimeNotStartedError,
)
from duologue.threads import ThreadedRuntime, in_thread
from duologue.transport import (
    Connecting,
    Fetching,
    Poller,
    PollerSettings,
)
from duologue.transport.http import Operations

__all__ = ["OnError", "Runtime"]

_logger = logging.getLogger("duologue")


class OnError(Protocol):
    """Is told of errors that nobody awaits."""

    def __call__(self, error: BaseException, where: str, /) -> None:
        """Take note of an error.

        Args:
            error: What happened.
            where: The address, or the name of the task.
        """
        ...


@runtime_checkable
class _Observed(Protocol):
    """A messenger that tells of every call that it makes."""

    def observe(self, observer: Observer | None) -> None: ...


class Runtime:
    """Runs the dialogs of a dispatcher inside an application.

    `async with Runtime(dispatcher, bots=[bot]) as runtime:` connects the bots,
    fetches their updates and runs their dialogs on the running loop until the end
    of the block. Leaving it stops the fetching, handles what has been fetched,
    draws what is waiting, and ends the rest after `drain` seconds.

    Args:
        dispatcher: The routers and dialogs.
        bots: The bots.
        engine: Where mailboxes and state are: an engine, or None for memory.
        polling: How updates are fetched; None not to fetch any, because the
            application passes them to `accept`.
        settings: How conversations behave.
        state_dir: Where the position of the polling is kept; by default what the
            environment variable `DUOLOGUE_STATE_DIR` says, or `.duologue` in the
            current folder.
        drain: Seconds for finishing when the block is left.
        start_timeout: Seconds to wait at the start while no messenger can be
            reached; None waits for ever. Where one can, its bot begins to work, and
            the others join it when theirs answer.
        on_error: Told of errors that nobody awaits, after they were logged.
        observer: Counts what happens; `runtime.observer` by default a `Counts`.
        clock: Tells the time; by default that of the loop.
        metrics_port: Opens a door with `/metrics`, `/livez` and `/readyz` on this
            port; 0 picks a free one, see `metrics_url`. None opens none.
        metrics_host: What that door binds; everybody who can reach it may read.
        registry: Where the metrics appear while the runtime runs; one of its own by
            default. Giving one turns the metrics on without a door.

    Raises:
        EngineNotAvailableError: The engine is none that this version has.
        RuntimeSettingError: The dispatcher or a bot is something else.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        bots: Sequence[Bot],
        *,
        engine: Engine | str | None = None,
        polling: PollerSettings | None = PollerSettings(),  # noqa: B008  # it is frozen
        settings: Settings = Settings(),  # noqa: B008  # it is frozen
        state_dir: str | os.PathLike[str] | None = None,
        drain: float = 10.0,
        start_timeout: float | None = 30.0,
        on_error: OnError | None = None,
        observer: Observer | None = None,
        clock: Clock | None = None,
        metrics_port: int | None = None,
        metrics_host: str = "127.0.0.1",
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.dispatcher: Dispatcher = checked_dispatcher(dispatcher)
        self.bots: tuple[Bot, ...] = checked_bots(bots)
        self.engine: Engine = _engine(engine)
        self.observer: Observer = Counts() if observer is None else observer
        self._polling = polling
        self._settings = settings
        self._state_dir = _state_dir(state_dir)
        self._drain = drain
        self._start_timeout = start_timeout
        self._on_error = on_error
        self._clock: Clock = LoopClock() if clock is None else clock
        self._operations: Operations = Operations(
            registry, host=metrics_host, port=metrics_port
        )
        self._has_metrics = False
        self._has_begun = False
        if metrics_port is not None or registry is not None:
            self._turn_on_metrics(observer)
        self._stack = AsyncExitStack()
        self._conversations: Conversations | None = None
        self._workers: Workers | None = None
        self._fetching: Fetching | None = None
        self._late: list[asyncio.Task[None]] = []
        self._observed: list[_Observed] = []

    async def __aenter__(self) -> Self:
        """Connect the bots and begin.

        Raises:
            DispatcherTakenError: A runtime runs with the dispatcher already.
            InvalidDialogError: Two dialogs share states.
            BotTwiceError: Two bots belong to the same account.
            UnauthorizedError: A messenger does not know a bot's token.
            MessengerUnavailableError: No messenger can be reached.
            RateLimitedError: They refused all tries for being too many.
            AddressInUseError: Another program holds `metrics_port`.
            RegistryTakenError: Another runtime shows its metrics in `registry`.
        """
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain and stop."""
        await self._stack.__aexit__(kind, error, traceback)

    def in_thread(self) -> AbstractContextManager[ThreadedRuntime, bool | None]:
        """Run it on a thread of its own: `with runtime.in_thread() as threaded:`.

        For programs that are not asynchronous. The calls are the same, and block.
        The end of the block drains and stops, as that of `async with` does.

        Raises:
            DuologueError: Entering the block raises what starting raises.
        """
        return in_thread(self)

    def dialog(
        self,
        bot: Bot | None = None,
        *,
        chat_id: int,
        user_id: int | None = None,
        stack_id: str = DEFAULT_STACK_ID,
        thread_id: int | None = None,
    ) -> BgManager:
        """Make a background manager; see `BgManagerFactory.bg`."""
        return self.dispatcher.bg_factory.bg(
            bot,
            chat_id=chat_id,
            user_id=user_id,
            stack_id=stack_id,
            thread_id=thread_id,
        )

    @property
    def workers(self) -> Workers:
        """The background workers; see `show_progress` for how a dialog shows one.

        Raises:
            RuntimeNotStartedError: Used outside the block.
        """
        if self._workers is None:
            raise RuntimeNotStartedError
        return self._workers

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are scraped; None without a door of the runtime's own."""
        place = self._operations.address
        return None if place is None else f"{place.url}/metrics"

    def operations(self) -> web.Application:
        """Make the door with `/metrics`, `/livez` and `/readyz` for another server.

        `app.add_subapp("/ops", runtime.operations())` shows them in an aiohttp
        application, also one on another thread. Each call makes a new one.

        Raises:
            MetricsOffError: The runtime has started without metrics.
        """
        if not self._has_metrics:
            if self._has_begun:
                raise MetricsOffError
            self._turn_on_metrics(self.observer)
        return self._operations.application()

    async def accept(
        self, bot: Bot, update: Mapping[str, object] | bytes
    ) -> asyncio.Future[None] | None:
        """Take in an update that the application has received by itself.

        Args:
            bot: The bot that it is for.
            update: The update as the messenger sent it, parsed or as JSON.

        Returns:
            A future that ends when the update may be acknowledged; None if it may
            be at once. The future fails if the runtime stops before.

        Raises:
            RuntimeNotStartedError: Used outside the block.
            UnknownUpdateError: Its type is not known.
            MalformedUpdateError: It does not have the documented shape.
            EngineClosedError: The runtime is stopping.
        """
        if self._conversations is None:
            raise RuntimeNotStartedError
        name = f"{bot.messenger}.{bot.id}"
        self.observer.count("updates_received", bot=name, source="application")
        if isinstance(update, bytes):
            return await self._conversations.accept_json(bot, update)
        return await self._conversations.accept(bot, update)

    async def settled(self) -> None:
        """Wait until everything accepted so far is handled and drawn.

        Raises:
            RuntimeNotStartedError: Used outside the block.
            ReentrantCallError: Called inside a turn, which it would wait for.
        """
        if self._conversations is None:
            raise RuntimeNotStartedError
        await self._conversations.settled()

    async def wait(self) -> None:
        """Wait until the fetching of updates ends.

        Raises:
            UnauthorizedError: A messenger does not know a bot's token any more.
            MarkerFileError: The position of the polling cannot be read.
        """
        try:
            async with asyncio.TaskGroup() as group:
                if self._fetching is not None:
                    group.create_task(self._fetching.wait())
                for late in self._late:
                    group.create_task(_outcome(late))
        except ExceptionGroup as failed:
            raise _first(failed) from None  # the pollers have logged each

    async def _open(self, stack: AsyncExitStack) -> None:
        if self.dispatcher.bg_factory.is_bound:
            raise DispatcherTakenError
        self.dispatcher.check()
        await self._open_operations(stack)
        for bot in self.bots:
            stack.push_async_callback(bot.close)
        stack.callback(self._observe_no_more)
        way = Connecting(self.bots, clock=self._clock, limit=self._start_timeout)
        connecting = await stack.enter_async_context(way)
        system = ActorSystem(drain=1.0, clock=self._clock, observer=self.observer)
        workers = Workers(system, clock=self._clock, observer=self.observer)
        conversations = self._make(system, workers, connecting.connected)
        stack.callback(conversations.fail_rest)
        await stack.enter_async_context(system)
        self._workers = workers
        conversations.start()
        self._conversations = conversations
        self._fetching = fetching = self._make_fetching(system, conversations)
        stack.callback(self._forget)
        stack.push_async_callback(self._stop, conversations, fetching)
        stack.push_async_callback(self._forget_late)
        for bot in connecting.connected:
            await self._join(bot, conversations, fetching)
        for bot in connecting.late:
            self._operations.miss(bot.messenger)
            late = self._join_late(bot, connecting, conversations, fetching)
            self._late.append(asyncio.get_running_loop().create_task(late))
        if self._has_metrics:
            self._watch(system, conversations, workers)
            self._operations.ready()

    async def _open_operations(self, stack: AsyncExitStack) -> None:
        self._has_begun = True
        stack.callback(self._end)
        if self._has_metrics:
            # Its thread may be another one than that which scrapes.
            loop_clock = LoopClock(asyncio.get_running_loop())
            clock = loop_clock if isinstance(self._clock, LoopClock) else self._clock
            engine = type(self.engine).__name__
            opened = self._operations.open(clock, version=__version__, engine=engine)
            await stack.enter_async_context(opened)

    def _turn_on_metrics(self, observer: Observer | None) -> None:
        self._has_metrics = True
        mine = self._operations.observer
        self.observer = mine if observer is None else Observers(observer, mine)

    def _watch(
        self, system: ActorSystem, conversations: Conversations, workers: Workers
    ) -> None:
        """Have the gauges read what waits at each scrape."""
        watch, load, engine = self._operations.watch, conversations.load, self.engine
        watch("messages_waiting", engine.waiting)
        watch("dead_letter_entries", lambda: len(engine.dead_letters()))
        watch("messages_unfinished", lambda: load()["messages_unfinished"])
        watch("screens_busy", lambda: load()["screens_busy"])
        watch("callbacks_open", lambda: load()["callbacks_open"])
        self._operations.watch_each("actors", system.directory.by_class)
        self._operations.sample_each("worker_states", workers.by_state)

    def _make(
        self, system: ActorSystem, workers: Workers, bots: Sequence[Bot]
    ) -> Conversations:
        return Conversations(
            self.dispatcher,
            bots,
            expected=len(self.bots),
            engine=self.engine,
            system=system,
            workers=workers,
            clock=self._clock,
            observer=self.observer,
            on_error=self._report,
            settings=self._settings,
        )

    def _make_fetching(
        self, system: ActorSystem, conversations: Conversations
    ) -> Fetching:
        return Fetching(
            conversations.accept,
            system=system,
            settings=self._polling,
            state_dir=self._state_dir,
            used=self.dispatcher.used_events(),
            clock=self._clock,
            observer=self.observer,
        )

    async def _join(
        self, bot: Bot, conversations: Conversations, fetching: Fetching
    ) -> Poller | None:
        """Begin to work with a bot that is connected."""
        if isinstance(bot, _Observed):
            bot.observe(self.observer)
            self._observed.append(bot)
        conversations.add(bot)
        poller = await fetching.begin(bot)
        if poller is not None and self._has_metrics:
            self._operations.add_poller(f"{bot.messenger}.{bot.id}", poller)
        return poller

    async def _join_late(
        self,
        bot: Bot,
        connecting: Connecting,
        conversations: Conversations,
        fetching: Fetching,
    ) -> None:
        """Begin to work with a bot when its messenger can be reached."""
        try:
            await connecting.arrival(bot)
            poller = await self._join(bot, conversations, fetching)
            self._operations.find(bot.messenger)
        except Exception as error:
            self._report(error, f"the start of {bot.messenger}")
            raise
        if poller is not None:
            await poller.wait()

    def _observe_no_more(self) -> None:
        for bot in self._observed:
            bot.observe(None)
        self._observed.clear()

    async def _forget_late(self) -> None:
        for late in self._late:
            late.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        self._late.clear()

    async def _stop(self, conversations: Conversations, fetching: Fetching) -> None:
        self._operations.drain()
        deadline = self._clock.time() + self._drain
        left = 0.0  # for conversations, if this is cancelled while polling ends
        try:
            await fetching.stop(self._drain)
            left = max(0.0, deadline - self._clock.time())
        finally:
            await conversations.stop(left)

    def _end(self) -> None:
        self._has_begun = False

    def _forget(self) -> None:
        self._conversations = None
        self._workers = None
        self._fetching = None

    def _report(self, error: BaseException, where: str) -> None:
        kind = type(error).__name__
        self.observer.count("errors", error=kind)
        _logger.error("error in %s: %s: %s", where, kind, error, exc_info=error)
        if self._on_error is not None:
            try:
                self._on_error(error, where)
            except Exception:
                _logger.exception("on_error failed")


def _engine(engine: Engine | str | None) -> Engine:
    if engine is None:
        return MemoryEngine()
    if isinstance(engine, str):
        raise EngineNotAvailableError(engine)
    return engine


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


async def _outcome(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


def _state_dir(given: str | os.PathLike[str] | None) -> Path:
    return Path(given or os.environ.get("DUOLOGUE_STATE_DIR") or ".duologue")
