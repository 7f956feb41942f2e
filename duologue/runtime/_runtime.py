"""The runtime itself: what an application starts and talks to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Never, Self

from aiohttp import web

from duologue.actors import (
    Clock,
    Counts,
    Engine,
    LoopClock,
    Observer,
    Workers,
)
from duologue.dialogs import (
    DEFAULT_STACK_ID,
    BgManager,
    Bot,
    Dispatcher,
    Settings,
    bot_key,
)
from duologue.dialogs._chat._ports import checked_bots
from duologue.dialogs._description._dispatcher import checked_dispatcher
from duologue.errors import (
    MetricsOffError,
    RuntimeNotStartedError,
    RuntimeSettingError,
)
from duologue.runtime._assembly import Assembly, Running
from duologue.runtime._engines import EngineChoice
from duologue.runtime._metrics import Metrics
from duologue.runtime._refs import RefDoors
from duologue.runtime._reports import OnError, Reports
from duologue.runtime._settings import hook_of, seconds, state_dir_of
from duologue.state import States
from duologue.threads import ThreadedRuntime, in_thread
from duologue.threads._signals import Signals, until_told
from duologue.transport import Connecting, PollerSettings, Receiving
from duologue.transport.http import MetricsRegistry


class Runtime(RefDoors):
    """Runs the dialogs of a dispatcher inside an application.

    `async with Runtime(dispatcher, bots=[bot]) as runtime:` connects the bots,
    fetches their updates and runs their dialogs on the running loop until the end
    of the block. Leaving it stops the fetching, handles what has been fetched,
    draws what is waiting, and ends the rest after `drain` seconds.

    Args:
        dispatcher: The routers and dialogs.
        bots: The bots.
        engine: Where mailboxes and state are: an engine; `"memory"`, while the block
            lasts; `"sqlite"` for a file in `state_dir`, named after the first bot;
            `"sqlite:///path"`; `"redis://host"` for a Redis or Valkey server. By default
            what the environment variable `DUOLOGUE_ENGINE` says, or memory.
        polling: How updates are fetched; None if the application passes them on.
        settings: How conversations behave.
        state_dir: Where the file of `"sqlite"` is, or, in memory, the position of the
            polling; by default `DUOLOGUE_STATE_DIR`, or `.duologue` in the current folder.
        drain: Seconds for finishing when the block is left.
        start_timeout: Seconds to wait at the start for a messenger, and for the server
            of the engine; None waits for ever. Where one messenger answers, its bot
            begins to work, and the others join it when theirs do.
        on_error: Told of errors that nobody awaits, after they were logged.
        observer: Counts what happens; `runtime.observer` by default a `Counts`.
        clock: Tells the time; by default that of the loop.
        metrics_port: Opens a door with `/metrics`, `/livez` and `/readyz` on this
            port; 0 picks a free one, see `metrics_url`. None opens none.
        metrics_host: What that door binds; everybody who can reach it may read.
        registry: Where the metrics appear: a `prometheus_client.CollectorRegistry`, by
            default one of its own. Giving one turns the metrics on without a door.

    Raises:
        EngineNotAvailableError: The engine is none that this version has.
        RuntimeSettingError: The dispatcher, a bot, a time or the engine is something
            else.
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
        registry: MetricsRegistry | None = None,
    ) -> None:
        self.dispatcher: Dispatcher = checked_dispatcher(dispatcher)
        self.bots: tuple[Bot, ...] = checked_bots(bots)
        self.observer: Observer = Counts() if observer is None else observer
        self._polling = polling
        self._settings = settings
        self._state_dir = state_dir_of(state_dir)
        self._drain = seconds(drain, "drain")
        self._choice = EngineChoice(
            engine, state_dir=self._state_dir, drain=self._drain
        )
        self._engine: Engine | None = None
        self._start_timeout: float | None = None
        if start_timeout is not None:
            self._start_timeout = seconds(start_timeout, "start_timeout")
        self._on_error = hook_of(on_error)
        self._clock: Clock = LoopClock() if clock is None else clock
        self._metrics = Metrics(registry, host=metrics_host, port=metrics_port)
        if metrics_port is not None or registry is not None:
            self.observer = self._metrics.turn_on(observer)
        self._receiving = Receiving()
        self._has_begun = False
        self._signals = Signals()
        self._stack = AsyncExitStack()
        self._running: Running | None = None

    async def __aenter__(self) -> Self:
        """Connect the bots and begin.

        Raises:
            DispatcherTakenError: A runtime runs with the dispatcher already.
            InvalidDialogError: Two dialogs share states.
            BotTwiceError: Two bots belong to the same account.
            BotRunsElsewhereError: Another program polls for one, from `state_dir`.
            UnauthorizedError: A messenger does not know a bot's token.
            MessengerUnavailableError: No messenger can be reached.
            RateLimitedError: They refused all tries for being too many.
            AddressInUseError: Another program holds `metrics_port`.
            RegistryTakenError: Another runtime shows its metrics in `registry`.
            StateFolderError: The state file cannot be made or written.
            StateInUseError: Another process has it, and does not end.
            StateDamagedError: It is broken, or something else.
            StateLayoutError: A newer version of duologue has written it.
            NetworkFileSystemError: It would be on another machine.
            EngineUnavailableError: The server of the engine does not answer.
            EngineServerError: That server is not what is needed, and what to do.
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

    def __enter__(self) -> Never:
        """Say what to write instead.

        Raises:
            RuntimeSettingError: Always.
        """
        raise RuntimeSettingError(
            "`with Runtime(...)`",
            "write `async with Runtime(...) as runtime:`, or, in a program without an "
            "event loop, `with Runtime(...).in_thread() as runtime:`",
        )

    def __exit__(self, *_: object) -> None:
        """Never reached; `with` looks for it before it enters."""

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
        load: bool = False,
    ) -> BgManager:
        """Make a background manager; see `BgManagerFactory.bg`."""
        return self.dispatcher.bg_factory.bg(
            bot,
            chat_id=chat_id,
            user_id=user_id,
            stack_id=stack_id,
            thread_id=thread_id,
            load=load,
        )

    @property
    def workers(self) -> Workers:
        """The background workers; see `show_progress` for how a dialog shows one.

        Raises:
            RuntimeNotStartedError: Used outside the block.
        """
        return self._parts().workers

    @property
    def states(self) -> States:
        """The State that tasks share; `Cart.of(user_id=7)` asks the only runtime.

        Raises:
            RuntimeNotStartedError: Used outside the block.
        """
        return self._parts().states

    @property
    def engine(self) -> Engine:
        """Where mailboxes and state are.

        Raises:
            RuntimeNotStartedError: Used before the block, where only a name is known.
        """
        if self._engine is None:
            raise RuntimeNotStartedError
        return self._engine

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are scraped; None without a door of the runtime's own."""
        return self._metrics.url

    def operations(self) -> web.Application:
        """Make the door with `/metrics`, `/livez` and `/readyz` for another server.

        `app.add_subapp("/ops", runtime.operations())` shows them in an aiohttp
        application, also one on another thread. Each call makes a new one.

        Raises:
            MetricsOffError: The runtime has started without metrics.
        """
        if self._metrics.shown is None and not self._has_begun:
            self.observer = self._metrics.turn_on(self.observer)
        if self._metrics.shown is None:
            raise MetricsOffError
        return self._metrics.shown.application()

    def webhook(
        self,
        *bots: Bot,
        secret: str | None = None,
        url: str | None = None,
        types: Sequence[str] | None = None,
    ) -> web.Application:
        """Make the door to which messengers bring the updates of bots.

        `app.add_subapp("/max", runtime.webhook(bot))` mounts it; they are not polled.

        Args:
            bots: Bots of the runtime; several are told apart by `/max.42` and so on.
            secret: What the messenger sends along; by default `bot.own_secret()`.
            url: What it is told to call, also when it forgets; None: that is yours.
            types: As for polling; see `PollerSettings`.

        Raises:
            RuntimeSettingError: The runtime runs, or one of these cannot be used.
        """
        if self._has_begun or not bots or not set(bots) <= set(self.bots):
            problem = "call it before the runtime starts, with bots that it has"
            raise RuntimeSettingError("webhook()", problem)
        return self._receiving.add(bots, secret=secret, url=url, types=types)

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
        intake, name = self._parts().conversations.intake, bot_key(bot)
        if isinstance(update, bytes):
            safe = await intake.accept_json(bot, update)
        else:
            safe = await intake.accept(bot, update)
        self.observer.count("updates_received", bot=name, source="application")
        return safe

    async def settled(self) -> None:
        """Wait until everything accepted so far is handled and drawn.

        Raises:
            RuntimeNotStartedError: Used outside the block.
            ReentrantCallError: Called inside a turn, which it would wait for.
        """
        await self._parts().conversations.settled()

    async def wait(self) -> None:
        """Wait until the fetching of updates ends.

        Raises:
            UnauthorizedError: A messenger does not know a bot's token any more.
            MarkerFileError: The position of the polling cannot be read.
        """
        if self._running is not None:
            await self._running.bots.wait()

    async def run_until_signal(self) -> None:
        """Wait for SIGINT or SIGTERM; the end of the block then drains and stops.

        From then on until the block has ended, a second signal ends the program at
        once. Call it on the main thread; `in_thread()` has its blocking form.

        Raises:
            RuntimeNotStartedError: Used outside the block.
            RuntimeSettingError: Called on another than the main thread.
            Exception: What `wait` raises.
        """
        self._parts()
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        self._signals.take(lambda: loop.call_soon_threadsafe(told.set))
        await until_told(told, self.wait())

    async def _open(self, stack: AsyncExitStack) -> None:
        stack.enter_context(self.dispatcher.bg_factory.taken())
        self.dispatcher.check()
        self._has_begun = True
        stack.callback(self._signals.give_back)
        stack.callback(self._end)
        await stack.enter_async_context(
            self._metrics.open(self._clock, self._choice.name)
        )
        for bot in self.bots:
            stack.push_async_callback(bot.close)
        way = Connecting(self.bots, clock=self._clock, limit=self._start_timeout)
        connecting = await stack.enter_async_context(way)
        await self._assembly().begin(stack, connecting, partial(self._begun, stack))
        if self._metrics.shown is not None:
            self._metrics.shown.ready()

    def _parts(self) -> Running:
        """The parts that run; outside of the block there are none."""
        if self._running is None:
            raise RuntimeNotStartedError
        return self._running

    def _assembly(self) -> Assembly:
        return Assembly(
            dispatcher=self.dispatcher,
            bots=self.bots,
            choice=self._choice,
            polling=self._polling,
            receiving=self._receiving,
            settings=self._settings,
            state_dir=self._state_dir,
            drain=self._drain,
            start_timeout=self._start_timeout,
            clock=self._clock,
            observer=self.observer,
            metrics=self._metrics,
            report=Reports(self.observer, self._on_error),
        )

    def _begun(self, stack: AsyncExitStack, running: Running) -> None:
        self._running, self._engine = running, running.engine
        stack.callback(self._forget)

    def _end(self) -> None:
        self._has_begun = False

    def _forget(self) -> None:
        self._running = self.dispatcher.states = None
