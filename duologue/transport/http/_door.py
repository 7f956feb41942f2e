"""The door for operators: numbers for Prometheus, health for whoever restarts."""

from __future__ import annotations

import math
from http import HTTPStatus

from aiohttp import web

from duologue.transport._server import new_application
from duologue.transport.http._health import HealthProbe
from duologue.transport.http._problems import FRESH, answer
from duologue.transport.http._registry import MetricsRegistry

# Older than this and the loop does not run, however it came about.
_DEAD_AFTER = 10.0
_BODY_LIMIT = 1024


def operations_application(
    registry: MetricsRegistry, probe: HealthProbe
) -> web.Application:
    """Make an application with `/metrics`, `/livez` and `/readyz`.

    Serve it, or mount it: `app.add_subapp("/ops", operations_application(...))`. It
    answers GET and HEAD, to anybody who can reach it: it shows numbers and states, no
    names, no texts, no tokens.

    Args:
        registry: Where the numbers are: a `prometheus_client.CollectorRegistry`.
        probe: Tells the health; `Runtime.operations` brings its own.
    """
    door = _Door(registry, probe)
    app = new_application(body_limit=_BODY_LIMIT)
    app.router.add_get("/metrics", door.metrics)
    app.router.add_get("/livez", door.alive)
    app.router.add_get("/readyz", door.ready)
    return app


class _Door:
    def __init__(self, registry: MetricsRegistry, probe: HealthProbe) -> None:
        from duologue.transport.http._exposition import Exposition  # noqa: PLC0415  # here, metrics are on

        self._exposition = Exposition(registry)
        self._probe = probe

    async def metrics(self, request: web.Request) -> web.Response:
        """Show the numbers in the form that the client asks for."""
        body, headers = self._exposition.of(
            request.headers.get("Accept", ""),
            request.headers.get("Accept-Encoding", ""),
        )
        return web.Response(body=body, headers={**FRESH, **headers})

    async def alive(self, _: web.Request) -> web.Response:
        """Tell whether the loop runs; a restart helps if it does not."""
        age = self._probe.heartbeat_age()
        is_alive = age is None or age <= _DEAD_AFTER
        shown = None if age is None or not math.isfinite(age) else round(age, 3)
        content = {"alive": is_alive, "heartbeat_age_seconds": shown}
        return answer(content, status=_status(is_fine=is_alive))

    async def ready(self, _: web.Request) -> web.Response:
        """Tell whether to send work here, and if not, why."""
        problems = self._probe.problems()
        shown = [{"reason": one.reason, "detail": one.detail} for one in problems]
        content = {"ready": not problems, "problems": shown}
        return answer(content, status=_status(is_fine=not problems))


def _status(*, is_fine: bool) -> HTTPStatus:
    return HTTPStatus.OK if is_fine else HTTPStatus.SERVICE_UNAVAILABLE
