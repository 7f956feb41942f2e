"""The webhooks of all bots of a runtime."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence, Set as AbstractSet
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from duologue.actors import Clock, Observer
from duologue.dialogs import Bot, bot_key
from duologue.errors import RuntimeSettingError
from duologue.transport._types import types_for
from duologue.transport.webhook._door import WebhookDoor, application
from duologue.transport.webhook._keeper import WebhookKeeper
from duologue.transport.webhook._reception import Accept, Reception
from duologue.transport.webhook._source import is_webhook_source

# What the documentation of MAX calls a secret in all of its places.
_SECRET = re.compile("[A-Za-z0-9-]{5,256}")
BOT = "{bot}"
"""Stands for the name of a bot in an address of several."""


class Terms(NamedTuple):
    """What a messenger is told of a webhook.

    Attributes:
        url: The address; None to tell it none.
        types: The types that it is asked for; None for those that somebody handles.
    """

    url: str | None
    types: tuple[str, ...] | None


class Receiving:
    """Doors for the bots of a runtime, and who has the messengers know of them.

    A door is made before the runtime runs, since another server may have to mount it.
    """

    def __init__(self) -> None:
        self._doors: dict[Bot, WebhookDoor] = {}
        self._terms: dict[Bot, Terms] = {}
        self._keepers: list[WebhookKeeper] = []

    def __contains__(self, bot: Bot) -> bool:
        return bot in self._doors

    def __bool__(self) -> bool:
        return bool(self._doors)

    def add(
        self,
        bots: Sequence[Bot],
        *,
        secret: str | None,
        url: str | None,
        types: Sequence[str] | None,
    ) -> web.Application:
        """Make a door for bots; one that they had is replaced.

        Args:
            bots: Bots, one or more.
            secret: What messengers send along; None for what each bot makes itself.
            url: The address that they are told, with `{bot}` in it for several; None
                to tell them none.
            types: The types that they are asked for; None for what somebody handles.

        Raises:
            RuntimeSettingError: A bot has no webhooks, or the secret or the address
                cannot be one.
        """
        if url is not None:
            check_url(url, several=len(bots) > 1)
        doors: list[WebhookDoor] = []
        for bot in bots:
            if not is_webhook_source(bot):
                problem = f"the messenger of {type(bot).__name__} brings no updates"
                raise RuntimeSettingError("webhook()", problem)
            chosen = bot.own_secret() if secret is None else checked_secret(secret)
            doors.append(WebhookDoor(bot, chosen))
        asked = None if types is None else tuple(types)
        for bot, door in zip(bots, doors, strict=True):
            self._doors[bot] = door
            self._terms[bot] = Terms(url, asked)
        return application(doors)

    def begin(
        self,
        bot: Bot,
        accept: Accept,
        *,
        used: AbstractSet[str],
        clock: Clock,
        observer: Observer,
    ) -> WebhookKeeper | None:
        """Take in what is brought for a bot, which is connected.

        Args:
            bot: The bot.
            accept: Takes an update in.
            used: The events that somebody handles.
            clock: Tells when to look after the webhook.
            observer: Counts.

        Returns:
            Who looks after its webhook, if anybody.
        """
        door = self._doors[bot]
        url, types = self._terms[bot]
        door.open(Reception(bot, accept, observer=observer), observer)
        if url is None:
            return None
        keeper = WebhookKeeper(
            door.bot,
            url.replace(BOT, bot_key(bot)),
            secret=door.secret,
            types=types or types_for(bot, used),
            clock=clock,
            observer=observer,
        )
        self._keepers.append(keeper)
        keeper.start()
        return keeper

    async def stop(self) -> None:
        """Refuse what is new; what has begun goes on."""
        for door in self._doors.values():
            door.close()
        async with asyncio.TaskGroup() as group:
            for keeper in self._keepers:
                group.create_task(keeper.stop())
        self._keepers.clear()


def checked_secret(secret: object) -> str:
    """Take a secret, which is never shown.

    Raises:
        RuntimeSettingError: No messenger takes it.
    """
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        problem = (
            "it must be 5 to 256 letters, digits and hyphens, as in "
            "secrets.token_hex(); leave it out for one made of the bot's token"
        )
        raise RuntimeSettingError("secret=", problem)
    return secret


def check_url(url: object, *, several: bool = False) -> None:
    """Refuse what cannot be the address of a webhook; it may hold a secret, so is not shown.

    Raises:
        RuntimeSettingError: No messenger could call it.
    """
    is_named = isinstance(url, str) and BOT in url
    if several != is_named and (several or not str(url).endswith(f"/{BOT}")):
        problem = f"each bot needs an address of its own; let it end in /{BOT}"
        raise RuntimeSettingError("url=", problem)
    if not isinstance(url, str) or not _is_address(url):
        problem = (
            "write the whole address that the messenger calls, as in "
            '"https://bot.example/max", without a port, a `?` or a `#`; http:// and a '
            "port are for a sandbox on this machine"
        )
        raise RuntimeSettingError("url=", problem)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    is_public = parts.scheme == "https" and port in {None, 443}
    return (
        bool(parts.hostname)
        and (is_public or (is_local and parts.scheme in {"http", "https"}))
        and not (parts.query or parts.fragment or "@" in parts.netloc)
    )
