"""A messenger that brings updates twice, and those of different users in another order."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from typing import cast

from aiohttp import web

from duologue.transport.sandbox._world._service import Service
from tests.reliability.messenger import Handler, Messenger

_KNOWN = 1000  # updates that may come again
_ALL = 100  # of one answer

Update = dict[str, object]


class RepeatingMessenger(Messenger):
    """Repeats itself, if it shall.

    Attributes:
        rng: Decides what comes again.
        share: How many updates come twice, of 1.
        replays: Whether the next answer begins with the last hundred again.
        counts: How often what was done.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(limits=False)
        self.rng = rng
        self.share = 0.0
        self.replays = False
        self.counts: Counter[str] = Counter()
        self._given: deque[Update] = deque(maxlen=_KNOWN)

    def _application(self, service: Service) -> web.Application:
        app = super()._application(service)
        app.middlewares.insert(0, self._repeat)
        return app

    @web.middleware
    async def _repeat(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if request.path != "/updates":
            return await handler(request)
        if self.service.polls:
            self.counts["two polls"] += 1
        response = await handler(request)
        if response.status != 200 or not isinstance(response, web.Response):
            return response
        found = json.loads(response.text or "{}")
        updates = cast("list[Update]", found["updates"])
        found["updates"] = self._repeated(updates)
        self._given.extend(updates)
        return web.json_response(found)

    def _repeated(self, updates: list[Update]) -> list[Update]:
        before = list(self._given)
        if not (self.share or self.replays):
            return updates
        given = before[-_ALL:] if self.replays else []
        self.counts["again"] += len(given)
        self.replays = False
        for update in self._mixed(updates):
            given.append(update)
            if before and self.rng.random() < self.share:
                self.counts["again"] += 1
                given.append(self.rng.choice((update, *before[-_ALL:])))
        return given

    def _mixed(self, updates: list[Update]) -> list[Update]:
        """The same, those of each user in their order, but not those of all."""
        by_user: dict[str, deque[Update]] = {}
        for update in updates:
            by_user.setdefault(_whose(update), deque()).append(update)
        mixed: list[Update] = []
        while by_user:
            user = self.rng.choice(sorted(by_user))
            mixed.append(by_user[user].popleft())
            if not by_user[user]:
                del by_user[user]
        return mixed


def _whose(update: Update) -> str:
    """The sender or presser of an update; all others stay in one row."""
    for name in ("callback", "message"):
        part = update.get(name)
        if isinstance(part, dict):
            who = part.get("user") or part.get("sender")
            if isinstance(who, dict):
                return str(who.get("user_id"))
    return ""
