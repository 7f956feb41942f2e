"""The webhooks of a bot, and what became of each update that they were sent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from duologue.transport._json import is_object
from duologue.transport.sandbox._world._values import JsonObject, JsonView

REMEMBERED = 10_000
"""Deliveries that are over, of which so many are kept to be looked at."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook.

    Attributes:
        url: Where updates are sent.
        update_types: Which ones; empty for all.
        secret: What is sent along, to tell the messenger from others.
        time: When it was set, in milliseconds of wall time.
        answered: When it was last answered with 200, or was set.
    """

    url: str
    update_types: tuple[str, ...]
    secret: str | None
    time: int
    answered: int

    def wants(self, update: JsonView) -> bool:
        """Whether an update is sent there."""
        types = self.update_types
        return not types or update.get("update_type") in types


class DeliveryState(StrEnum):
    """What became of a delivery.

    Attributes:
        WAITING: It was not answered with 200 yet, and is tried again.
        DELIVERED: It was answered with 200.
        GIVEN_UP: It was tried often enough, or its webhook is gone.
    """

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An update on its way to a webhook.

    Attributes:
        url: The webhook.
        position: The place of the update in the queue.
        update_type: Its type, None when a raw update has none.
        attempts: The HTTP status of each try, in order; 0 for none within 30 s.
        state: What became of it.
    """

    url: str
    position: int
    update_type: str | None
    attempts: tuple[int, ...] = ()
    state: DeliveryState = DeliveryState.WAITING


class Subscriptions:
    """All webhooks of the bot, by address."""

    def __init__(self) -> None:
        self._by_url: dict[str, Subscription] = {}

    def __bool__(self) -> bool:
        return bool(self._by_url)

    def all(self) -> list[Subscription]:
        """List them, the oldest first."""
        return list(self._by_url.values())

    def find(self, url: str) -> Subscription | None:
        """Find one."""
        return self._by_url.get(url)

    def set(
        self, url: str, update_types: tuple[str, ...], secret: str | None, at: int
    ) -> None:
        """Set one; it takes the place of one with the same address."""
        self._by_url[url] = Subscription(url, update_types, secret, at, at)

    def answered(self, url: str, at: int) -> None:
        """Note that one has answered with 200."""
        if url in self._by_url:
            self._by_url[url] = replace(self._by_url[url], answered=at)

    def remove(self, url: str) -> bool:
        """Remove one; False if there is none."""
        return self._by_url.pop(url, None) is not None

    def clear(self) -> None:
        """Remove all."""
        self._by_url.clear()


class DeliveryLog:
    """Deliveries in the order in which they began; old ones that are over go."""

    def __init__(self) -> None:
        self._last = 0
        self._known: dict[int, Delivery] = {}
        self._over: deque[int] = deque()

    def begin(self, url: str, position: int, update: JsonView) -> int:
        """Note that a delivery begins, and give its number."""
        self._last += 1
        kind = update.get("update_type")
        named = kind if isinstance(kind, str) else None
        self._known[self._last] = Delivery(url, position, named)
        return self._last

    def attempted(self, number: int, status: int) -> None:
        """Note how a try was answered."""
        known = self._known[number]
        self._known[number] = replace(known, attempts=(*known.attempts, status))

    def end(self, number: int, state: DeliveryState) -> None:
        """Note what became of one."""
        self._known[number] = replace(self._known[number], state=state)
        self._over.append(number)
        if len(self._over) > REMEMBERED:
            del self._known[self._over.popleft()]

    def all(self) -> list[Delivery]:
        """List what is known, the oldest first."""
        return list(self._known.values())


def chat_of(update: JsonView) -> int | None:
    """Tell which chat an update is about, as far as it says so."""
    for place in (update, *_recipients(update)):
        chat_id = place.get("chat_id")
        if isinstance(chat_id, int):
            return chat_id
    return None


def _recipients(update: JsonView) -> list[JsonObject]:
    message = update.get("message")
    recipient = message.get("recipient") if is_object(message) else None
    return [recipient] if is_object(recipient) else []
