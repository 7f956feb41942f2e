"""The courier: sends updates to webhooks, as MAX documents it.

An update is sent at once, and within a chat behind the first try of the one before it.
An answer of 200 within 30 s ends it; all else is tried again up to ten times, after 60 s
and then two and a half times as long as before. A webhook without a single 200 in eight
hours is removed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp

from duologue.transport.sandbox._world._queue import Queued
from duologue.transport.sandbox._world._subscriptions import (
    DeliveryLog,
    DeliveryState,
    Subscription,
    Subscriptions,
    chat_of,
)

SECRET_HEADER = "X-Max-Bot-Api-Secret"  # noqa: S105  # the name of a header
FIRST_PAUSE = 60.0
LONGER = 2.5
RETRIES = 10
PATIENCE = 30.0
FORBEARANCE = 8 * 60 * 60 * 1000
A_SECOND = 100
"""Deliveries that begin in a second, at most."""
_DONE = 200
_NO_ANSWER = 0


class Post(Protocol):
    """Sends one request, perhaps through a fault."""

    def __call__(
        self,
        subscription: Subscription,
        queued: Queued,
        send: Callable[[], Awaitable[tuple[int, str]]],
        /,
    ) -> Awaitable[int]:
        """Give the status of the answer; 0 for none."""
        ...


@dataclass(frozen=True, slots=True)
class _Parcel:
    """An update for a webhook.

    Attributes:
        number: Of its delivery.
        subscription: The webhook.
        queued: The update.
    """

    number: int
    subscription: Subscription
    queued: Queued


class Courier:
    """Sends updates to the webhooks of a bot.

    Args:
        subscriptions: The webhooks.
        post: What is around each request.
        settle: Told of positions that nobody will send any more.
        wall: Gives the wall time in milliseconds.
        first_pause: Seconds before the first retry.
        is_limited: Whether there are at most a hundred deliveries a second.

    Attributes:
        log: What became of each delivery.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        post: Post,
        settle: Callable[[int], object],
        *,
        wall: Callable[[], int],
        first_pause: float,
        is_limited: bool,
    ) -> None:
        self.log = DeliveryLog()
        self._subscriptions = subscriptions
        self._post = post
        self._settle = settle
        self._wall = wall
        self._first_pause = first_pause
        self._pace = 1 / A_SECOND if is_limited else 0.0
        self._next = 0.0
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: dict[tuple[str, int | None], asyncio.Event] = {}
        self._open: dict[int, int] = {}

    async def close(self) -> None:
        """Send nothing any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def take(self, queued: Queued) -> None:
        """Send an update to every webhook that wants it."""
        wanted = [one for one in self._subscriptions.all() if one.wants(queued.update)]
        self._open[queued.position] = len(wanted)
        for subscription in wanted:
            number = self.log.begin(subscription.url, queued.position, queued.update)
            work = self._deliver(_Parcel(number, subscription, queued))
            task = asyncio.get_running_loop().create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not wanted:
            self._close(queued.position)

    async def _deliver(self, parcel: _Parcel) -> None:
        status = await self._attempt_in_order(parcel)
        pause = self._first_pause
        for _ in range(RETRIES):
            if status == _DONE:
                break
            await asyncio.sleep(pause)
            if self._subscriptions.find(parcel.subscription.url) is None:
                break
            pause *= LONGER
            status = await self._attempt(parcel)
        is_done = status == _DONE
        state = DeliveryState.DELIVERED if is_done else DeliveryState.GIVEN_UP
        self.log.end(parcel.number, state)
        position = parcel.queued.position
        self._open[position] -= 1
        if not self._open[position]:
            self._close(position)

    def _close(self, position: int) -> None:
        del self._open[position]
        self._settle(position)

    async def _attempt_in_order(self, parcel: _Parcel) -> int:
        """Try for the first time, when what came before in the chat was tried."""
        lane = (parcel.subscription.url, chat_of(parcel.queued.update))
        before, mine = self._lanes.get(lane), asyncio.Event()
        self._lanes[lane] = mine
        try:
            if before is not None:
                await before.wait()
            return await self._attempt(parcel)
        finally:
            mine.set()
            if self._lanes.get(lane) is mine:
                del self._lanes[lane]

    async def _attempt(self, parcel: _Parcel) -> int:
        await self._wait_for_turn()

        async def send() -> tuple[int, str]:
            return await self._send(parcel)

        url = parcel.subscription.url
        status = await self._post(parcel.subscription, parcel.queued, send)
        self.log.attempted(parcel.number, status)
        if status == _DONE:
            self._subscriptions.answered(url, self._wall())
        else:
            kept = self._subscriptions.find(url)
            if kept is not None and self._wall() - kept.answered > FORBEARANCE:
                self._subscriptions.remove(url)
        return status

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        turn = max(self._next, loop.time())
        self._next = turn + self._pace
        await asyncio.sleep(turn - loop.time())

    async def _send(self, parcel: _Parcel) -> tuple[int, str]:
        subscription, queued = parcel.subscription, parcel.queued
        headers = {"Content-Type": "application/json"}
        if subscription.secret is not None:
            headers[SECRET_HEADER] = subscription.secret
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=PATIENCE)
            self._session = aiohttp.ClientSession(timeout=timeout)
        body = json.dumps(queued.update, ensure_ascii=False).encode()
        try:
            async with self._session.post(
                subscription.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                ssl=not is_local(subscription.url),
            ) as response:
                return response.status, (await response.read()).decode(errors="replace")
        except (TimeoutError, aiohttp.ClientError) as error:
            return _NO_ANSWER, f"{type(error).__name__}: {error}"


def is_local(url: str) -> bool:
    """Whether an address is one of this machine, where no certificate is asked for."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}
