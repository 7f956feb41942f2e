"""The messenger behind all doors of a running sandbox: world, queue, rules, clock."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import assert_never

from aiohttp import web

from duologue.transport.sandbox._bot_api import _wire as wire
from duologue.transport.sandbox._bot_api._faults import FaultKind, Faults
from duologue.transport.sandbox._bot_api._fields import text_at
from duologue.transport.sandbox._bot_api._limits import BOUNDS, RequestLimits
from duologue.transport.sandbox._world._courier import FIRST_PAUSE, Courier
from duologue.transport.sandbox._world._files import Files
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._queue import Queued, UpdateQueue
from duologue.transport.sandbox._world._subscriptions import (
    Subscription,
    Subscriptions,
    chat_of,
)
from duologue.transport.sandbox._world._traffic import Traffic
from duologue.transport.sandbox._world._values import (
    ChatChanged,
    Clicked,
    Event,
    JsonView,
    NoMarker,
    Person,
    PressedStart,
    Profile,
    Said,
    Suspended,
)
from duologue.transport.sandbox._world._world import World

BOT = Person(777_001, "Sandbox bot", is_bot=True, username="sandbox_bot")
# Positions of a later run start behind all of an earlier one, unless that one queued
# more than a thousand updates in every millisecond; they stay exact in a float.
POSITIONS_PER_MS = 1024
WEBHOOK = "WEBHOOK"
"""Stands for the method of a delivery, where faults name what they meet."""


class ServiceClock:
    """Seconds of the running loop, and wall time in milliseconds that follows it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._wall = time.time_ns() // 1_000_000

    def seconds(self) -> float:
        """Give the time of the loop."""
        return self._loop.time()

    def wall(self) -> int:
        """Give the wall time: that of the start plus what passed on the loop."""
        return self._wall + int((self._loop.time() - self._began) * 1000)


def _message_of(event: Event) -> str | None:
    match event:
        case Said():
            return event.message.id
        case Clicked():
            return event.message_id  # also when the message is gone
        case PressedStart() | Suspended() | ChatChanged():
            return None
        case _:
            assert_never(event)


class Bell:
    """The signal that something changed; after the last ring nobody waits any more."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._is_last = False

    @property
    def is_last(self) -> bool:
        """Whether the last ring is over."""
        return self._is_last

    def ring(self) -> None:
        """Wake all who wait now."""
        if not self._is_last:
            self._rung.set()
            self._rung = asyncio.Event()

    def ring_last(self) -> None:
        """Wake all who wait now or later."""
        self._is_last = True
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait for a ring, at most so long."""
        rung = self._rung
        try:
            async with asyncio.timeout(seconds):
                await rung.wait()
        except TimeoutError:
            return


class Service:
    """One run of the sandbox, without its doors: what each of them works on."""

    def __init__(
        self,
        token: str,
        profile: Profile,
        *,
        no_marker: NoMarker,
        limits: bool,
        files: Files,
        bot_id: int = BOT.id,
        webhook_retry: float = FIRST_PAUSE,
    ) -> None:
        self.token = token
        self.run = secrets.token_urlsafe(8)
        self.bounds = BOUNDS[profile]
        self.no_marker = no_marker
        self.clock = ServiceClock()
        self.bell = Bell()
        bot = replace(BOT, id=bot_id)
        self.world = World(self.clock.wall, wire.message_id, bot)
        self.queue = UpdateQueue(self.clock.wall() * POSITIONS_PER_MS)
        self.limits = RequestLimits(is_on=limits, polls=self.bounds.polls)
        self.faults = Faults()
        self.files = files
        self.traffic = Traffic(token)
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.polls: list[web.Request] = []
        self.commands: list[object] = []
        self.subscriptions = Subscriptions()
        self.courier = Courier(
            self.subscriptions,
            self._post,
            self._settle,
            wall=self.clock.wall,
            first_pause=webhook_retry,
            is_limited=limits,
        )
        self._unsent = self.queue.next

    def publish(self, event: Event) -> int:
        """Queue the update of an event; give its position."""
        return self._put(wire.update(self.world, event), _message_of(event))

    def enqueue(self, update: JsonView) -> int:
        """Queue a raw update; give its position."""
        return self._put(update, text_at(update, "message", "body", "mid"))

    def _put(self, update: JsonView, message_id: str | None) -> int:
        at = self.clock.wall()
        position = self.queue.put(update, at)
        raw = json.dumps(update, ensure_ascii=False)
        about = message_id or f"update.{position}"
        self.traffic.update(about, time=at, position=position, raw=raw)
        self.bell.ring()
        if self.subscriptions:
            # Later, when it is certain that nothing takes it back.
            asyncio.get_running_loop().call_soon(self._send)
        else:
            self._unsent = position + 1
        return position

    def _send(self) -> None:
        """Give the courier what nobody has given it yet."""
        found = self.queue.since(self._unsent)
        self._unsent = self.queue.next
        for queued in found:
            self.courier.take(queued)

    def _settle(self, position: int) -> None:
        self.queue.settle(position)
        self.bell.ring()

    async def _post(
        self,
        subscription: Subscription,
        queued: Queued,
        send: Callable[[], Awaitable[tuple[int, str]]],
    ) -> int:
        """Send an update to a webhook, through a fault if one is in force."""
        came, update = self.clock.wall(), queued.update
        fault = self.faults.take(
            WEBHOOK, subscription.url, chat_of(update), self.clock.seconds()
        )
        status, said = 0, "a fault of the sandbox"
        if fault is not None:
            self.world.log.add(
                LogKind.FAULT,
                chat_id=chat_of(update),
                position=queued.position,
                code=fault.kind,
                request=f"{WEBHOOK} {subscription.url}",
            )
        kind = None if fault is None else fault.kind
        if fault is not None and kind is FaultKind.SLOW:
            await self.pause(fault.delay)
        if fault is not None and kind is FaultKind.STATUS:
            status = fault.status
        elif fault is None or kind is FaultKind.SLOW or fault.after:
            status, said = await send()
        if fault is not None and kind is FaultKind.DROP:
            status = 0  # its answer, if there was one, has been lost
        self.traffic.exchange(
            text_at(update, "message", "body", "mid") or f"update.{queued.position}",
            time=came,
            duration=self.clock.wall() - came,
            method="POST",
            path=subscription.url,
            status=status,
            request=json.dumps(update, ensure_ascii=False),
            response=said,
        )
        self.bell.ring()
        return status

    def open_polls(self) -> int:
        """Count the held polls whose client is still there."""
        return sum(1 for poll in self.polls if poll.transport is not None)

    def listeners(self) -> int:
        """Count the ways in which the bot hears of updates now."""
        return self.open_polls() + len(self.subscriptions.all())

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the end of the run."""
        deadline = self.clock.seconds() + seconds
        while not self.bell.is_last and (left := deadline - self.clock.seconds()) > 0:
            await self.bell.wait(left)

    @contextmanager
    def all_or_nothing(self) -> Generator[None]:
        """Undo what the block did to world, queue and traffic when it raises."""
        world, queue = self.world.checkpoint(), self.queue.checkpoint()
        traffic = self.traffic.checkpoint()
        try:
            yield
        except BaseException:
            world()
            queue()
            traffic()
            raise
