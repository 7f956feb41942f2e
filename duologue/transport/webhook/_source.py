"""What a messenger must be able to do to bring updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeGuard

from duologue.dialogs import Bot


class Subscribed(Protocol):
    """A webhook as the messenger lists it."""

    @property
    def url(self) -> str:
        """Where updates are sent."""
        ...

    @property
    def update_types(self) -> Sequence[str] | None:
        """Which, by the messenger's names; None for all."""
        ...


class WebhookSource(Bot, Protocol):
    """A bot whose messenger can bring its updates."""

    @property
    def secret_header(self) -> str:
        """The header in which the secret comes."""
        ...

    @property
    def update_types(self) -> Mapping[str, str]:
        """The messenger's names of updates, by those that routers know."""
        ...

    def own_secret(self) -> str:
        """A secret that every process of this bot knows."""
        ...

    async def subscriptions(self) -> Sequence[Subscribed]:
        """List the webhooks."""
        ...

    async def subscribe(
        self, url: str, *, types: Sequence[str] | None, secret: str | None
    ) -> None:
        """Set a webhook; one with the same address is replaced."""
        ...

    def without_token(self, text: str) -> str:
        """A text as it may be logged."""
        ...


def is_webhook_source(bot: Bot) -> TypeGuard[WebhookSource]:
    """Whether the messenger of a bot can bring its updates.

    Python 3.11 would ask a bot that has not been started for its number, if this were
    an `isinstance`.
    """
    methods = ("own_secret", "subscribe", "subscriptions", "without_token")
    return all(callable(getattr(bot, name, None)) for name in methods)
