"""The keeper of a webhook: has the messenger know it, and tells it again if it forgets."""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from duologue.actors import Clock, Observer
from duologue.dialogs import bot_key
from duologue.errors import (
    BadRequestError,
    MessengerError,
    RateLimitedError,
    UnauthorizedError,
)
from duologue.transport.polling._fetching import host_of
from duologue.transport.polling._outage import Outage
from duologue.transport.polling._rules import backoff
from duologue.transport.webhook._source import Subscribed, WebhookSource

LOOK_EVERY = 300.0
"""Seconds between two looks at whether the webhook is still set."""
_logger = logging.getLogger("duologue")
_Call: TypeAlias = Callable[[], Awaitable[bool]]


class WebhookState(enum.StrEnum):
    """What the messenger knows of a webhook.

    Attributes:
        MISSING: It does not know it yet, or any more.
        SET: It brings updates.
        FAILED: It does not want it; `WebhookKeeper.wait` raises the reason.
        STOPPED: Nobody looks after it any more.
    """

    MISSING = "missing"
    SET = "set"
    FAILED = "failed"
    STOPPED = "stopped"


class WebhookKeeper:
    """Sets the webhook of a bot, and sets it again when the messenger has dropped it.

    Args:
        bot: The bot, which is started.
        url: The address of the webhook.
        secret: What the messenger shall send along.
        types: Which updates it shall send; None for all.
        clock: Waits.
        observer: Is told of what is set.
        dice: Jitter for the waits after failures.
    """

    def __init__(
        self,
        bot: WebhookSource,
        url: str,
        *,
        secret: str,
        types: Sequence[str] | None,
        clock: Clock,
        observer: Observer,
        dice: random.Random | None = None,
    ) -> None:
        self.state: WebhookState = WebhookState.MISSING
        self._bot = bot
        self._name = bot_key(bot)
        self._url = url
        self._secret = secret
        self._types = types
        self._clock = clock
        self._observer = observer
        self._dice = dice or random.SystemRandom()
        self._listed: frozenset[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self._outage = Outage(
            f"looking after the webhook of {self._name}",
            "webhook_errors",
            bot=self._name,
            observer=observer,
            clock=clock,
        )

    def start(self) -> None:
        """Begin. Calling it again does nothing."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def wait(self) -> None:
        """Return when nobody looks after the webhook any more.

        Raises:
            UnauthorizedError: The messenger does not know the token.
            BadRequestError: It does not want the webhook.
        """
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def stop(self) -> None:
        """Leave the webhook as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._keep()
        except asyncio.CancelledError:
            self.state = WebhookState.STOPPED
            raise
        except Exception as error:
            self.state = WebhookState.FAILED
            _logger.error("the webhook of %s is not set: %s", self._name, error)  # noqa: TRY400  # the error says all
            raise

    async def _keep(self) -> None:
        await self._patiently(self._warn_of_others)
        while True:
            is_first = self.state is WebhookState.MISSING
            self.state = WebhookState.MISSING
            await self._patiently(self._set, is_first=is_first)
            self.state = WebhookState.SET
            _logger.info(
                "updates for %s are brought to %s", self._name, host_of(self._url)
            )
            while await self._patiently(self._is_set):
                await self._clock.sleep(LOOK_EVERY)
            self._tell_of_renewal()
            self._observer.count("webhook_renewals", bot=self._name)

    async def _set(self) -> bool:
        await self._bot.subscribe(self._url, types=self._types, secret=self._secret)
        return True

    async def _is_set(self) -> bool:
        """Compare what the messenger lists with what it listed after it was set."""
        before = self._listed
        found = [one for one in await self._bot.subscriptions() if one.url == self._url]
        self._listed = None
        if not found:
            return False
        listed = self._listed = frozenset(found[0].update_types or ())
        if before is None:
            self._tell_of_missing(listed)
        return before is None or before == listed

    def _tell_of_missing(self, listed: frozenset[str]) -> None:
        missing = set(self._types or ()) - listed
        if listed and missing:
            _logger.warning(
                "%s does not list %s for the webhook of %s, and may not bring them",
                self._bot.messenger,
                ", ".join(sorted(missing)),
                self._name,
            )

    def _tell_of_renewal(self) -> None:
        if self._listed is None:
            _logger.warning(
                "%s has dropped the webhook of %s, as it does when nothing is answered "
                "for hours; it is set again",
                self._bot.messenger,
                self._name,
            )
        else:
            _logger.warning(
                "somebody has set the webhook of %s for other types of updates; it is "
                "set again",
                self._name,
            )
            self._listed = None

    async def _warn_of_others(self) -> bool:
        others = [
            one for one in await self._bot.subscriptions() if one.url != self._url
        ]
        if others:
            _logger.warning(
                "%s brings the updates of %s to %s, too; remove what is not wanted "
                "with `duologue webhook remove`",
                self._bot.messenger,
                self._name,
                hosts_of(others, self._bot),
            )
        return True

    async def _patiently(self, call: _Call, *, is_first: bool = False) -> bool:
        """Make a call until the messenger answers it.

        Args:
            call: The call.
            is_first: Whether what the messenger does not want is an error: later it
                did want it.
        """
        failures = 0
        while True:
            try:
                found = await call()
            except UnauthorizedError:
                raise
            except MessengerError as error:
                if is_first and isinstance(error, BadRequestError):
                    raise
                failures += 1
                self._outage.failed(error)
                seconds = backoff(failures, self._dice)
                if isinstance(error, RateLimitedError):
                    seconds = max(seconds, error.retry_after)
            else:
                self._outage.over()
                return found
            await self._clock.sleep(seconds)


def hosts_of(webhooks: Sequence[Subscribed], bot: WebhookSource) -> str:
    """Where webhooks are, as it may be logged."""
    return ", ".join(bot.without_token(host_of(one.url)) for one in webhooks)
