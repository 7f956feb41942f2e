"""The Bot API door: authorisation, limits, faults and errors around every method."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import assert_never

from aiohttp import web

from duologue.errors import SandboxRefusalError
from duologue.transport._json import parse_plain
from duologue.transport.sandbox._bot_api._faults import Fault, FaultKind
from duologue.transport.sandbox._bot_api._fields import malformed
from duologue.transport.sandbox._bot_api._recording import (
    named_message,
    record,
)
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import Chat

HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DROPPED = 0
UNKNOWN = "(unknown)"
CODES = {
    400: "proto.payload",
    401: "verify.token",
    403: "access.denied",
    404: "not.found",
    405: "method.not.allowed",
    413: "payload.too.large",
    429: "too.many.requests",
    500: "internal.error",
    503: "service.unavailable",
}


class BotDoor:
    """The guard around all methods of the Bot API; it lets other doors be."""

    def __init__(self, service: Service, *, exempt: Callable[[str], bool]) -> None:
        self._service = service
        self._exempt = exempt
        self._failures: dict[int, int] = {}

    @web.middleware
    async def guard(
        self, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        """Answer one request, count it, and log what the bot did wrong."""
        if self._exempt(request.path):
            return await handler(request)
        came = self._service.clock.wall()
        try:
            response = await self._meet_fault(request, handler)
        finally:
            failure = self._failures.pop(id(request), None)
        status = DROPPED if _is_gone(request) else response.status
        self._service.requests[request.method, _route(request), status] += 1
        await record(
            self._service,
            request,
            response,
            came=came,
            status=status,
            failure=failure,
        )
        return response

    async def _meet_fault(
        self, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        service = self._service
        fault = service.faults.take(
            request.method,
            request.path,
            _chat_of(service, request),
            service.clock.seconds(),
        )
        if fault is None:
            return await self._answer(request, handler)
        self._log(LogKind.FAULT, request, fault.kind, fault_status(fault), None)
        match fault.kind:
            case FaultKind.STATUS:
                return _faulty(fault)
            case FaultKind.OK_FALSE:
                return _unsuccessful(fault.code)
            case FaultKind.GARBAGE:
                return web.Response(text="<html>not JSON</html>")
            case FaultKind.SLOW:
                return await self._slowly(fault, request, handler)
            case FaultKind.DROP:
                if fault.after:
                    await self._answer(request, handler)
                return _drop(request)
            case _:
                assert_never(fault.kind)

    async def _slowly(
        self, fault: Fault, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        if not fault.after:
            await self._service.pause(fault.delay)
            return await self._answer(request, handler)
        response = await self._answer(request, handler)
        await self._service.pause(fault.delay)
        return response

    async def _answer(
        self, request: web.Request, handler: HttpHandler
    ) -> web.StreamResponse:
        try:
            self._admit(request)
            # With the body here, a handler that awaits it runs in one piece.
            await request.read()
            return await handler(request)
        except SandboxRefusalError as refusal:
            self._log(
                LogKind.REFUSED, request, refusal.code, refusal.status, refusal.detail
            )
            return error(refusal.status, refusal.code, refusal.detail)
        except web.HTTPError as http:
            code = CODES.get(http.status, "bad.request")
            self._log(LogKind.REFUSED, request, code, http.status, http.reason)
            return error(http.status, code, http.reason)

    def _admit(self, request: web.Request) -> None:
        given = authorization(request)
        if not hmac.compare_digest(given, self._service.token.encode()):
            raise SandboxRefusalError(401, CODES[401], "Invalid access_token")
        if not self._service.limits.request(self._service.clock.seconds()):
            raise too_many("more than 30 requests in a second")

    def _log(
        self,
        kind: LogKind,
        request: web.Request,
        code: str,
        status: int | None,
        text: str | None,
    ) -> None:
        self._service.world.log.add(
            kind,
            chat_id=_chat_of(self._service, request),
            message_id=named_message(self._service, request),
            text=text,
            status=status,
            code=code,
            request=f"{request.method} {request.path}",
        )
        self._failures[id(request)] = self._service.world.log.last
        self._service.bell.ring()


def fault_status(fault: Fault) -> int | None:
    """Give the status a fault answers with, None when it does not decide that."""
    match fault.kind:
        case FaultKind.STATUS:
            return fault.status
        case FaultKind.OK_FALSE | FaultKind.GARBAGE:
            return 200
        case FaultKind.SLOW | FaultKind.DROP:
            return None
        case _:
            assert_never(fault.kind)


def too_many(detail: str) -> SandboxRefusalError:
    """Make the refusal of a request over a rate limit."""
    return SandboxRefusalError(429, CODES[429], detail)


def error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Make an error answer with the documented body."""
    return web.json_response(
        {"code": code, "message": message}, status=status, headers=headers
    )


def done(service: Service) -> web.Response:
    """Make the answer of what was done and wake who waits for the log."""
    service.bell.ring()
    return web.json_response({"success": True})


def check_open(chat: Chat) -> Chat:
    """Give a chat that the bot may write into, refuse a suspended one."""
    if chat.is_suspended:
        raise SandboxRefusalError(403, CODES[403], "the user suspended the bot")
    return chat


def authorization(request: web.Request) -> bytes:
    """Give the header of that name as it came, which need not be text."""
    return request.headers.get("Authorization", "").encode(errors="surrogateescape")


def own_url(request: web.Request) -> str:
    """Give the URL of the sandbox as the caller knows it."""
    return f"{request.scheme}://{request.host}"


async def read_json(request: web.Request) -> object:
    """Read a JSON body or refuse it."""
    raw = await request.read()
    try:
        return parse_plain(raw)
    except ValueError as wrong:
        raise malformed("body: must be JSON") from wrong


def _faulty(fault: Fault) -> web.Response:
    code = fault.code or CODES.get(fault.status, "internal.error")
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = f"{fault.retry_after:g}"
    return error(fault.status, code, "a fault of the sandbox", headers)


def _unsuccessful(code: str | None) -> web.Response:
    body: dict[str, object] = {"success": False, "message": "a fault of the sandbox"}
    return web.json_response(body if code is None else body | {"code": code})


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # nobody is there to read it


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return UNKNOWN if resource is None else resource.canonical


def _chat_of(service: Service, request: web.Request) -> int | None:
    """Say which chat a request is about, as far as its address tells."""
    query, path, world = request.query, request.match_info, service.world
    chat_id = query.get("chat_id") or path.get("chat_id")
    if chat_id is not None:
        return _number(chat_id)
    if "user_id" in query:
        return world.find_dialog(_number(query["user_id"]))
    message_id = query.get("message_id") or path.get("mid")
    if message_id is not None:
        return world.chat_of_message(message_id)
    return world.chat_of_click(query.get("callback_id", ""))


def _number(raw: str) -> int:
    try:
        return int(raw)
    except ValueError:
        return 0
