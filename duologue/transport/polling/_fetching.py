"""The polling for all bots of a runtime."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence, Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from duologue.actors import ActorSystem, Clock, Engine, Observer
from duologue.dialogs import Bot, UpdateSource, bot_key
from duologue.errors import MessengerError, WebhookSetError
from duologue.transport._types import types_for
from duologue.transport.polling._handover import Intake
from duologue.transport.polling._markers import (
    EngineMarkers,
    MarkerFile,
    MarkerStore,
    marker_path,
)
from duologue.transport.polling._poller import Poller
from duologue.transport.polling._steps import PollerSettings

_logger = logging.getLogger("duologue")


class _Subscription(Protocol):
    @property
    def url(self) -> str: ...


@runtime_checkable
class _Subscribed(Protocol):
    """A messenger that may send updates to a webhook instead."""

    async def subscriptions(self) -> Sequence[_Subscription]: ...

    def without_token(self, text: str) -> str: ...


class Fetching:
    """Polls for bots, each with a poller of its own.

    Args:
        accept: Who handles the updates.
        system: Where the pollers live.
        settings: How to ask; None not to ask at all.
        state_dir: Where the positions are kept if the engine forgets them.
        engine: Where they are kept otherwise.
        used: The events that somebody handles.
        clock: Tells when to try again.
        observer: Is told of polls and failures.
    """

    def __init__(
        self,
        accept: Intake,
        *,
        system: ActorSystem,
        settings: PollerSettings | None,
        state_dir: Path,
        engine: Engine,
        used: AbstractSet[str],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._accept = accept
        self._system = system
        self._settings = settings
        self._state_dir = state_dir
        self._engine = engine
        self._used = used
        self._clock = clock
        self._observer = observer
        self._pollers: list[Poller] = []
        self._stores: list[EngineMarkers] = []
        self._checks: list[asyncio.Task[None]] = []

    def begin(self, bot: Bot) -> Poller | None:
        """Begin to poll for a bot that is connected.

        Returns:
            Its poller; None if nothing is polled for it.
        """
        if self._settings is None or not isinstance(bot, UpdateSource):
            return None
        poller = Poller(
            bot,
            self._accept,
            system=self._system,
            store=self._store(bot),
            settings=_with_types(self._settings, bot, self._used),
            clock=self._clock,
            observer=self._observer,
        )
        self._pollers.append(poller)
        _logger.info("polling as %s at %s", bot_key(bot), bot.base_url)
        poller.start()
        # Nobody waits for it: a messenger that is slow holds up nobody else.
        check = asyncio.get_running_loop().create_task(_check_webhooks(bot, poller))
        self._checks.append(check)
        return poller

    def _store(self, bot: UpdateSource) -> MarkerStore:
        path = marker_path(self._state_dir, bot)
        file = MarkerFile(path)
        if not self._engine.durable:
            return file
        store = EngineMarkers(self._engine, f"poller/{path.stem}", file)
        self._stores.append(store)
        return store

    async def stop(self, drain: float) -> None:
        """Stop asking at once, and finish what has been fetched.

        Args:
            drain: Seconds to wait for unfinished updates.
        """
        for check in self._checks:
            check.cancel()
        async with asyncio.TaskGroup() as group:
            for poller in self._pollers:
                group.create_task(poller.stop(drain))
        for store in self._stores:
            await store.release()
        if self._checks:
            await asyncio.wait(self._checks)


def _with_types(
    how: PollerSettings, bot: Bot, used: AbstractSet[str]
) -> PollerSettings:
    """Ask only for what somebody handles, unless the application says otherwise."""
    if how.types is not None:
        return how
    return replace(how, types=types_for(bot, used))


async def _check_webhooks(bot: Bot, poller: Poller) -> None:
    """End a polling that gets nothing, since the updates go to a webhook."""
    if isinstance(bot, _Subscribed):
        try:
            subscriptions = await bot.subscriptions()
        except MessengerError as error:
            _logger.info("cannot tell whether webhooks are set: %s", error)
            return
        if subscriptions:
            hosts = (host_of(subscription.url) for subscription in subscriptions)
            places = ", ".join(map(bot.without_token, hosts))
            poller.fail(WebhookSetError(bot_key(bot), places))


def host_of(url: str) -> str:
    """What may be logged of the address of a webhook: the rest is often a secret."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "unknown"
    except ValueError:
        return "unknown"
