"""``GET /updates``: long polls over the queue."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from duologue.transport.sandbox._api import too_many
from duologue.transport.sandbox._fields import bounded_query, int_query
from duologue.transport.sandbox._stage import Stage
from duologue.transport.sandbox._values import JsonView

LIMIT = 100
TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Polls:
    """The handler of long polls; each poll reads for itself, nothing is taken away."""

    stage: Stage

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handler."""
        return [web.get("/updates", self.get_updates)]

    async def get_updates(self, request: web.Request) -> web.Response:
        """GET /updates: holds until there is an update, its time is out or the end."""
        stage, query, bounds = self.stage, request.query, self.stage.bounds
        if not stage.limits.poll(stage.clock.seconds()):
            raise too_many(f"more than {bounds.polls} polls in a second")
        limit = bounded_query(query, "limit", default=LIMIT, least=1, most=bounds.limit)
        timeout = bounded_query(
            query, "timeout", default=TIMEOUT, least=0, most=bounds.timeout
        )
        types = frozenset(filter(None, query.get("types", "").split(",")))
        self._expire()
        start = stage.queue.begin(int_query(query, "marker"), stage.no_marker)
        stage.polls.append(request)
        if len(stage.polls) == 1:
            stage.bell.ring()  # the page shows that a bot is there
        try:
            updates, marker = await self._hold(start, limit, types, seconds=timeout)
        finally:
            stage.polls.remove(request)
        return web.json_response({"updates": updates, "marker": marker})

    async def _hold(
        self, start: int, limit: int, types: frozenset[str], *, seconds: float
    ) -> tuple[list[JsonView], int]:
        stage = self.stage
        deadline = stage.clock.seconds() + seconds
        while True:
            self._expire()
            updates, marker = stage.queue.batch(start, limit=limit, types=types)
            left = deadline - stage.clock.seconds()
            if updates or left <= 0 or stage.bell.is_last:
                return updates, marker
            await stage.bell.wait(left)

    def _expire(self) -> None:
        ttl = self.stage.bounds.ttl
        if ttl is not None:
            self.stage.queue.expire(self.stage.clock.wall() - ttl)
