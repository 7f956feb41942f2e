"""The door for ASGI: mounted in FastAPI, Starlette and others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import TypeAlias, cast
from urllib.parse import parse_qsl

from duologue.actors import Workers
from duologue.transport._json import is_object, parse
from duologue.transport.http._actions._calls import (
    BODY_LIMIT,
    Call,
    Fields,
    Headers,
    Refusal,
    Reply,
    unread,
)
from duologue.transport.http._actions._door import Door
from duologue.transport.http._actions._finding import HasWorkers
from duologue.transport.http._actions._offers import Offered
from duologue.transport.http._actions._urls import make_known
from duologue.transport.http._actions._visitors import Guard
from duologue.transport.http._tokens import AccessTokens

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ActionsASGI:
    """The same door as an ASGI application: `app.mount("/actions", ActionsASGI(...))`.

    The arguments are those of `actions_application`, and `path`, where it is mounted:
    for `get_action_url`, which is asked before the first request comes. It runs on the
    loop of the workers.
    """

    def __init__(
        self,
        workers: Workers | HasWorkers | Callable[[], Workers],
        actions: Sequence[Offered],
        *,
        token: str = "",
        tokens: AccessTokens | None = None,
        owner: str = "",
        limit: int = 100,
        streams: int = 2000,
        path: str = "/actions",
    ) -> None:
        guard = Guard(token, owner, tokens)
        self._door = Door(workers, actions, guard, limit=limit, streams=streams)
        self._door.base = lambda: path
        make_known(self._door)

    def close(self) -> None:
        """End all streams, for a server that waits for them before it stops."""
        self._door.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request; whatever is no request of HTTP is left alone."""
        if scope["type"] != "http":
            return
        reply = await self._door.answer(_call(scope, receive))
        await _begin(reply, send)
        if reply.stream is None:
            await send({"type": "http.response.body", "body": reply.body})
        else:
            await _stream(reply, receive, send)


def _call(scope: Message, receive: Receive) -> Call:
    given = cast("Sequence[tuple[bytes, bytes]]", scope["headers"])
    headers = [(name.decode("latin-1").lower(), _text(value)) for name, value in given]
    base, whole = str(scope.get("root_path", "")), str(scope["path"])
    query = cast("bytes", scope.get("query_string", b""))

    async def read() -> Fields:
        return await _fields(headers, receive)

    return Call(
        method=str(scope["method"]),
        path=whole.removeprefix(base) or "/",
        base=base,
        query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        cookies=_cookies(headers),
        read=read,
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _cookies(headers: Headers) -> dict[str, str]:
    jar = SimpleCookie()
    with suppress(CookieError):
        jar.load("; ".join(value for name, value in headers if name == "cookie"))
    return {name: morsel.value for name, morsel in jar.items()}


async def _fields(headers: Headers, receive: Receive) -> Fields:
    known = dict(headers)
    if known.get("content-encoding", "identity") != "identity":
        detail = "send it without compression"
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    body = await _body(receive)
    kind = known.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            parsed = parse(body)
        except ValueError as error:
            raise unread(str(error)) from error
        if not is_object(parsed):
            raise unread("it is no JSON object")
        return parsed
    if kind in {"", "application/x-www-form-urlencoded"}:
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        except ValueError as error:
            raise unread("it is no form") from error
    detail = "send JSON, or a form that is no multipart"
    raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part = message.get("body", b"")
        body += part if isinstance(part, bytes) else b""
        if len(body) > BODY_LIMIT:
            detail = f"a body has at most {BODY_LIMIT} bytes"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        if not message.get("more_body", False):
            return body


async def _begin(reply: Reply, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in reply.headers.items()
    ]
    if reply.stream is None:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    status = {"type": "http.response.start", "status": reply.status}
    await send({**status, "headers": headers})


async def _stream(reply: Reply, receive: Receive, send: Send) -> None:
    """Send events until they end or the browser has left."""
    assert reply.stream is not None  # noqa: S101  # it was looked at
    stream = reply.stream

    async def write() -> None:
        async for part in stream:
            body: Message = {"type": "http.response.body", "body": part}
            await send({**body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        async with asyncio.TaskGroup() as group:
            writing, leaving = group.create_task(write()), group.create_task(leave())
            await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
            writing.cancel()
            leaving.cancel()
    finally:
        await stream.aclose()
