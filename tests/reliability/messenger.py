"""A sandbox whose every call may be the last of the bot that makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from duologue.transport.sandbox import Action, LogEntry, Outcome, Sandbox
from duologue.transport.sandbox._world._acting import act
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import Message

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Strike = Callable[[], Awaitable[None]]
AT_START = (
    0.9  # seconds in which a call can be one too many only with those before a kill
)


class Moment(StrEnum):
    """When the bot is struck."""

    BEFORE = "before"  # the call has not reached the messenger
    AFTER = "after"  # the call had its effect; the bot does not see the answer
    BETWEEN = "between"  # some time after a call was answered
    IDLE = "idle"  # nothing was left to be done


@dataclass(slots=True)
class Trap:
    """Where a bot is to be struck.

    Attributes:
        calls: How many calls of it are let through before.
        moment: When, seen from the next call.
        delay: Seconds behind that, for `BETWEEN`.
        strike: What is done to it; called once.
        sprung: Set when it was done.
        is_final: Whether the bot is gone then, and sees no answer any more.
        hit: The call at which it happened.
    """

    calls: int
    moment: Moment
    delay: float
    strike: Strike
    sprung: asyncio.Event
    is_final: bool = True
    hit: str = ""


class Messenger(Sandbox):
    """A sandbox with a trap before its door; users act in this process."""

    trap: Trap | None = None
    calls = 0
    last_call = 0.0
    answered: set[str]
    life = 0
    is_down = False
    trail: list[str]

    def say_or_press(self, action: Action) -> Outcome:
        return act(self.service, action)

    def visible(self, chat_id: int) -> list[Message]:
        return self.service.world.visible(chat_id)

    @property
    def log(self) -> list[LogEntry]:
        log = self.service.world.log
        assert log.first == 1, "a campaign is too long for the log of the sandbox"
        return log.after(0, limit=log.last)

    @property
    def backlog(self) -> int:
        """How many updates the bot has not taken for good."""
        return len(self.service.queue.waiting)

    def _application(self, service: Service) -> web.Application:
        self.service = service
        self.answered = set()
        self.trail = []
        self.too_many_at_start: list[str] = []
        self.too_many_later: list[str] = []
        self._first_calls: dict[int, float] = {}
        app = super()._application(service)
        app.middlewares.insert(0, self._guard)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        trap = self._step_on()
        if request.path != "/updates":
            self.calls += 1
            self.last_call = asyncio.get_running_loop().time()
        if trap is not None and trap.moment is Moment.BEFORE:
            await self._spring(trap, request)
            if trap.is_final:
                return web.Response()
        if self.is_down:
            return web.Response(status=503)
        life, now = self.life, asyncio.get_running_loop().time()
        came = len(self.trail)
        self.trail.append("")
        response = await handler(request)
        body = (await request.read()).decode(errors="replace")
        self.trail[came] = (
            f"{self.life} {request.method} {request.path_qs} {body} {response.status}"
        )
        if request.path == "/answers" and response.status == 200:
            self.answered.add(request.query["callback_id"])
        if request.path != "/me":  # a bot asks that before it can know of a life before
            first = self._first_calls.setdefault(life, now)
            if response.status == 429:
                is_at_start = now - first < AT_START
                calls = self.too_many_at_start if is_at_start else self.too_many_later
                calls.append(self.trail[came])
        if trap is not None and trap.moment is Moment.AFTER:
            await self._spring(trap, request)
        return response

    def _step_on(self) -> Trap | None:
        trap = self.trap
        if trap is None or trap.sprung.is_set():
            return None
        if trap.calls:
            trap.calls -= 1
            return None
        self.trap = None
        if trap.moment is Moment.BETWEEN:
            loop = asyncio.get_running_loop()
            self._later = loop.create_task(self._spring_later(trap))
            return None
        return trap

    async def _spring(self, trap: Trap, request: web.Request) -> None:
        trap.hit = f"{request.method} {request.path}"
        await trap.strike()
        if trap.is_final:
            _hang_up(request)
        trap.sprung.set()

    async def _spring_later(self, trap: Trap) -> None:
        await asyncio.sleep(trap.delay)
        await trap.strike()
        trap.sprung.set()


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
