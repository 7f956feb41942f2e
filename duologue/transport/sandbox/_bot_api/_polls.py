"""``GET /updates``: long polls over the queue."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._bot_api._door import too_many
from duologue.transport.sandbox._bot_api._fields import bounded_query, int_query
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import JsonView

LIMIT = 100
TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Polls:
    """The handler of long polls; each poll reads for itself, nothing is taken away."""

    service: Service

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handler."""
        return [web.get("/updates", self.get_updates)]

    async def get_updates(self, request: web.Request) -> web.Response:
        """GET /updates: holds until there is an update, its time is out or the end."""
        service, query, bounds = self.service, request.query, self.service.bounds
        if service.subscriptions:
            detail = (
                "polls get nothing while a webhook is set; see DELETE /subscriptions"
            )
            raise SandboxRefusalError(405, "method.not.allowed", detail)
        if not service.limits.poll(service.clock.seconds()):
            raise too_many(f"more than {bounds.polls} polls in a second")
        limit = bounded_query(query, "limit", default=LIMIT, least=1, most=bounds.limit)
        timeout = bounded_query(
            query, "timeout", default=TIMEOUT, least=0, most=bounds.timeout
        )
        types = frozenset(filter(None, query.get("types", "").split(",")))
        self._expire()
        committed = service.queue.committed
        start = service.queue.begin(int_query(query, "marker"), service.no_marker)
        service.polls.append(request)
        if len(service.polls) == 1 or committed != service.queue.committed:
            service.bell.ring()  # the page shows that a bot is there, and what it took
        try:
            updates, marker = await self._hold(start, limit, types, seconds=timeout)
        finally:
            service.polls.remove(request)
        return web.json_response({"updates": updates, "marker": marker})

    async def _hold(
        self, start: int, limit: int, types: frozenset[str], *, seconds: float
    ) -> tuple[list[JsonView], int]:
        service = self.service
        deadline = service.clock.seconds() + seconds
        while True:
            self._expire()
            updates, marker = service.queue.batch(start, limit=limit, types=types)
            left = deadline - service.clock.seconds()
            if updates or left <= 0 or service.bell.is_last:
                return updates, marker
            await service.bell.wait(left)

    def _expire(self) -> None:
        ttl = self.service.bounds.ttl
        if ttl is not None:
            self.service.queue.expire(self.service.clock.wall() - ttl)
