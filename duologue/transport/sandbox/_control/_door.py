"""The control door: acts as users, reads the log, asks for faults. Loopback only."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport._json import is_object, parse_plain
from duologue.transport.sandbox._bot_api._door import authorization
from duologue.transport.sandbox._bot_api._faults import Fault
from duologue.transport.sandbox._bot_api._fields import CHAT_ID
from duologue.transport.sandbox._control import _reports as reports
from duologue.transport.sandbox._control._conversion import (
    WRONG_SHAPE,
    explain,
    new_converter,
)
from duologue.transport.sandbox._people._origin import check_names, problem
from duologue.transport.sandbox._world._acting import act_all
from duologue.transport.sandbox._world._actions import Action
from duologue.transport.sandbox._world._log import LogEntry
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import JsonObject

T = TypeVar("T")
HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LONGEST_WAIT = 60.0
PAGE = 1000
LEAST_ERROR, LAST_ERROR = 400, 599
CODES = {
    403: "forbidden",
    404: "not.found",
    405: "method.not.allowed",
    413: "too.large",
}


class ControlDoor:
    """The handlers and the guard of the control API."""

    def __init__(self, service: Service, token: str) -> None:
        self._service = service
        self._token = token
        self._converter = new_converter()

    def routes(self) -> list[web.RouteDef]:
        """List the routes of the handlers."""
        return [
            web.get("/bot", self.bot),
            web.post("/actions", self.act),
            web.get("/log", self.log),
            web.get("/position", self.position),
            web.get("/requests", self.requests),
            web.get("/webhooks", self.webhooks),
            web.delete("/webhooks", self.drop_webhooks),
            web.get(f"/chats/{CHAT_ID}/messages", self.messages),
            web.post("/faults", self.add_fault),
            web.delete("/faults", self.clear_faults),
        ]

    @web.middleware
    async def guard(
        self, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        """Let only the owner of the token in, and no page of another site."""
        try:
            check_names(request)
            self._check_token(request)
            return await handler(request)
        except SandboxRefusalError as refusal:
            return problem(refusal.status, refusal.code, refusal.detail)
        except web.HTTPError as http:
            code = CODES.get(http.status, "bad.request")
            return problem(http.status, code, http.text or http.reason)

    def _check_token(self, request: web.Request) -> None:
        given = authorization(request)
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise SandboxRefusalError(
                401,
                "unauthorized",
                "send the control token as Authorization: Bearer <token>; "
                "the sandbox prints it at its start",
            )

    async def bot(self, _: web.Request) -> web.Response:
        """GET /control/bot."""
        bot = self._service.world.bot
        return self._give(reports.BotInfo(bot.id, bot.name))

    async def act(self, request: web.Request) -> web.Response:
        """POST /control/actions."""
        source = await _read_object(request)
        actions = self._take(source.get("actions"), list[Action], "$.actions")
        return self._give({"outcomes": act_all(self._service, actions)})

    async def log(self, request: web.Request) -> web.Response:
        """GET /control/log: waits for entries after a number."""
        after = int(_number(request, "after"))
        wait = min(_number(request, "wait"), LONGEST_WAIT)
        deadline = self._service.clock.seconds() + wait
        while not (entries := self._read_log(after)):
            left = deadline - self._service.clock.seconds()
            if left <= 0 or self._service.bell.is_last:
                break
            await self._service.bell.wait(left)
        return self._give({"entries": entries})

    def _read_log(self, after: int) -> list[LogEntry]:
        return self._service.world.log.after(after, limit=PAGE)

    async def position(self, _: web.Request) -> web.Response:
        """GET /control/position."""
        return self._give(reports.position(self._service))

    async def requests(self, _: web.Request) -> web.Response:
        """GET /control/requests."""
        return self._give({"requests": reports.request_counts(self._service)})

    async def webhooks(self, _: web.Request) -> web.Response:
        """GET /control/webhooks."""
        service = self._service
        found = [reports.webhook(one) for one in service.subscriptions.all()]
        return self._give({"webhooks": found, "deliveries": service.courier.log.all()})

    async def drop_webhooks(self, _: web.Request) -> web.Response:
        """DELETE /control/webhooks: as the service does when one answers nothing."""
        self._service.subscriptions.clear()
        return self._give({})

    async def messages(self, request: web.Request) -> web.Response:
        """GET /control/chats/{chat_id}/messages."""
        chat_id = int(request.match_info["chat_id"])
        return self._give({"messages": reports.visible(self._service, chat_id)})

    async def add_fault(self, request: web.Request) -> web.Response:
        """POST /control/faults."""
        fault = self._take(await _read_object(request), Fault)
        if not LEAST_ERROR <= fault.status <= LAST_ERROR:
            raise SandboxRefusalError(
                400, "bad.request", "status: send one between 400 and 599"
            )
        self._service.faults.add(fault, self._service.clock.seconds())
        return self._give({})

    async def clear_faults(self, _: web.Request) -> web.Response:
        """DELETE /control/faults."""
        self._service.faults.clear()
        return self._give({})

    def _take(self, raw: object, kind: type[T], path: str = "$") -> T:
        try:
            return self._converter.structure(raw, kind)
        except WRONG_SHAPE as wrong:
            raise SandboxRefusalError(
                400, "bad.request", explain(wrong, path)
            ) from wrong

    def _give(self, value: object) -> web.Response:
        return web.json_response(self._converter.unstructure(value))


async def _read_object(request: web.Request) -> JsonObject:
    raw = await request.read()
    try:
        value = parse_plain(raw)
    except ValueError as wrong:
        raise SandboxRefusalError(400, "bad.request", "send JSON") from wrong
    if not is_object(value):
        raise SandboxRefusalError(400, "bad.request", "send a JSON object")
    return value


def _number(request: web.Request, name: str) -> float:
    try:
        value = float(request.query.get(name, "0"))
    except ValueError:
        value = -1.0
    if not 0 <= value < inf:
        raise SandboxRefusalError(400, "bad.request", f"{name}: send a number >= 0")
    return value
