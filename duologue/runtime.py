"""The composition root: wires the parts, starts them, drains and stops them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable
from urllib.parse import urlsplit

from duologue.actors import (
    ActorSystem,
    Clock,
    Counts,
    Engine,
    LoopClock,
    MemoryEngine,
    Observer,
)
from duologue.dialogs import (
    DEFAULT_STACK_ID,
    BgManager,
    Bot,
    Conversations,
    Dispatcher,
    Settings,
    UpdateSource,
)
from duologue.errors import (
    EngineNotAvailableError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    RuntimeNotStartedError,
)
from duologue.transport import MarkerFile, Poller, PollerSettings, marker_path

__all__ = ["OnError", "Runtime"]

_logger = logging.getLogger("duologue")
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class OnError(Protocol):
    """Is told of errors that nobody awaits."""

    def __call__(self, error: BaseException, where: str, /) -> None:
        """Take note of an error.

        Args:
            error: What happened.
            where: The address, or the name of the task.
        """
        ...


class _Subscription(Protocol):
    @property
    def url(self) -> str: ...


@runtime_checkable
class _Subscribed(Protocol):
    """A messenger that may send updates to a webhook instead."""

    async def subscriptions(self) -> Sequence[_Subscription]: ...


@runtime_checkable
class _Selective(Protocol):
    """A messenger that can be asked for some kinds of updates only."""

    @property
    def update_types(self) -> Mapping[str, str]: ...


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
        start_timeout: Seconds to wait for a messenger that cannot be reached at
            the start; None waits for ever.
        on_error: Told of errors that nobody awaits, after they were logged.
        observer: Counts what happens; `runtime.observer` by default a `Counts`.
        clock: Tells the time; by default that of the loop.

    Raises:
        EngineNotAvailableError: The engine is none that this version has.
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
    ) -> None:
        self.dispatcher = dispatcher
        self.bots: tuple[Bot, ...] = tuple(bots)
        self.engine: Engine = _engine(engine)
        self.observer: Observer = Counts() if observer is None else observer
        self._polling = polling
        self._settings = settings
        self._state_dir = _state_dir(state_dir)
        self._drain = drain
        self._start_timeout = start_timeout
        self._on_error = on_error
        self._clock: Clock = LoopClock() if clock is None else clock
        self._stack = AsyncExitStack()
        self._conversations: Conversations | None = None
        self._pollers: list[Poller] = []

    async def __aenter__(self) -> Self:
        """Connect the bots and begin.

        Raises:
            InvalidDialogError: Two dialogs share states.
            UnauthorizedError: A messenger does not know a bot's token.
            MessengerUnavailableError: A messenger cannot be reached.
            RateLimitedError: It refused all tries for being too many.
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
                for poller in self._pollers:
                    group.create_task(poller.wait())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the poller has logged each

    async def _open(self, stack: AsyncExitStack) -> None:
        self.dispatcher.check()
        for bot in self.bots:
            stack.push_async_callback(bot.close)
            await self._start(bot)
        system = ActorSystem(drain=1.0, clock=self._clock)
        conversations = self._make(system)
        stack.callback(conversations.fail_rest)
        await stack.enter_async_context(system)
        conversations.start()
        self._conversations = conversations
        stack.callback(self._forget)
        stack.push_async_callback(self._stop, conversations)
        if self._polling is not None:
            await self._poll(system, conversations, self._polling)

    def _make(self, system: ActorSystem) -> Conversations:
        return Conversations(
            self.dispatcher,
            self.bots,
            engine=self.engine,
            system=system,
            clock=self._clock,
            observer=self.observer,
            on_error=self._report,
            settings=self._settings,
        )

    async def _start(self, bot: Bot) -> None:
        pause = _FIRST_PAUSE
        waited = 0.0
        while True:
            try:
                return await bot.start()
            except (MessengerUnavailableError, RateLimitedError) as error:
                if self._start_timeout is not None and waited >= self._start_timeout:
                    raise
                if not waited:
                    _logger.warning("%s; trying again until it answers", error)
            await self._clock.sleep(pause)
            waited += pause
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _poll(
        self, system: ActorSystem, conversations: Conversations, how: PollerSettings
    ) -> None:
        for bot in self.bots:
            if not isinstance(bot, UpdateSource):
                continue
            await _warn_of_webhooks(bot)
            poller = Poller(
                bot,
                conversations.accept,
                system=system,
                store=MarkerFile(marker_path(self._state_dir, bot)),
                settings=_with_types(how, bot, self.dispatcher.used_events()),
                clock=self._clock,
                observer=self.observer,
            )
            self._pollers.append(poller)
            _logger.info("polling as %s.%d at %s", bot.messenger, bot.id, bot.base_url)
            poller.start()

    async def _stop(self, conversations: Conversations) -> None:
        deadline = self._clock.time() + self._drain
        left = 0.0  # for conversations, if this is cancelled while polling ends
        try:
            async with asyncio.TaskGroup() as group:
                for poller in self._pollers:
                    group.create_task(poller.stop(self._drain))
            left = max(0.0, deadline - self._clock.time())
        finally:
            await conversations.stop(left)

    def _forget(self) -> None:
        self._conversations = None
        self._pollers.clear()

    def _report(self, error: BaseException, where: str) -> None:
        kind = type(error).__name__
        self.observer.count("errors", reason=kind)
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


def _with_types(how: PollerSettings, bot: Bot, used: set[str]) -> PollerSettings:
    """Ask only for what somebody handles, unless the application says otherwise."""
    if how.types is not None or not isinstance(bot, _Selective):
        return how
    wanted = sorted(bot.update_types[name] for name in used if name in bot.update_types)
    if not wanted:
        _logger.warning("no handler is registered, so all updates are fetched in vain")
        return how
    return replace(how, types=tuple(wanted))


def _state_dir(given: str | os.PathLike[str] | None) -> Path:
    return Path(given or os.environ.get("DUOLOGUE_STATE_DIR") or ".duologue")


async def _warn_of_webhooks(bot: Bot) -> None:
    if isinstance(bot, _Subscribed):
        try:
            subscriptions = await bot.subscriptions()
        except MessengerError as error:
            _logger.info("cannot tell whether webhooks are set: %s", error)
            return
        if subscriptions:
            hosts = [_host(subscription.url) for subscription in subscriptions]
            _logger.warning(
                "%s has webhooks (%s), so polling will bring no updates; remove them "
                "or do not poll",
                bot.messenger,
                ", ".join(hosts),
            )


def _host(url: str) -> str:
    """What may be logged of the address of a webhook: the rest is often a secret."""
    try:
        return urlsplit(url).hostname or "unknown"
    except ValueError:
        return "unknown"
