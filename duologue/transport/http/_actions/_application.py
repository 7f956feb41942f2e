"""The door for aiohttp: a sub-application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from duologue.actors import Workers
from duologue.transport._json import is_object, parse
from duologue.transport._server import new_application
from duologue.transport.http._actions._calls import (
    BODY_LIMIT,
    Call,
    Fields,
    Reply,
    unread,
)
from duologue.transport.http._actions._door import Door
from duologue.transport.http._actions._finding import HasWorkers
from duologue.transport.http._actions._offers import Offered
from duologue.transport.http._actions._urls import make_known
from duologue.transport.http._actions._visitors import Guard
from duologue.transport.http._problems import as_problems
from duologue.transport.http._tokens import AccessTokens

_PATH = "/{path:.*}"
_PATH_AS_SHOWN = "/{path}"
_DOOR = web.AppKey("door", Door)
# All that aiohttp says of a form that is broken.
_NO_FORM = (
    AssertionError,
    HttpProcessingError,
    LookupError,
    RuntimeError,
    ValueError,
    web.RequestPayloadError,
)


def actions_application(
    workers: Workers | HasWorkers | Callable[[], Workers],
    actions: Sequence[Offered],
    *,
    token: str = "",
    tokens: AccessTokens | None = None,
    owner: str = "",
    limit: int = 100,
    streams: int = 2000,
) -> web.Application:
    """Make an application that serves long operations to pages and programs.

    Each action has its path, at which the requests of m3 are answered: a POST with
    `command`, one of `start`, `ping` and `stop`, in a form or in JSON. `/operations` has
    them as resources, `/openapi.json` describes both, and `/operation-bar.js` is the
    element for pages. GET changes nothing.

    Args:
        workers: Run the operations. A `Runtime`, or a function that gives them, is asked
            at each request, so the door can be mounted before they are there.
        actions: What is offered: actions, and registered tasks by their names.
        token: Who shows it as `Authorization: Bearer` may use the door, and so may a
            page that `allow_actions` has let in. It may do everything, for every owner.
        tokens: Tokens of programs, each with its scopes: `operations.start:import`,
            `operations.read:*`, `operations.cancel:*`. Their operations are those of
            the name of the token; with `operations.owner:alice`, and `?owner=alice` in
            the request, those of somebody else.
        owner: Whose operations those are that are started with the token.
        limit: How many operations of an owner may run at once.
        streams: How many streams of events there may be at once; others have to ask.

    Raises:
        ActionSettingError: There is no token, or an action lacks its path, its name
            or its worker, or shares one of the first two with another.
    """
    guard = Guard(token, owner, tokens)
    door = Door(workers, actions, guard, limit=limit, streams=streams)
    app = new_application(body_limit=BODY_LIMIT, middlewares=(as_problems,))

    async def handle(request: web.Request) -> web.StreamResponse:
        path = f"/{request.match_info['path']}"
        return await _sent(request, await door.answer(_call(request, path)))

    resource = app.router.add_resource(_PATH)
    resource.add_route("*", handle)

    async def close(_: web.Application) -> None:
        door.close()

    app.on_shutdown.append(close)
    # Where it is mounted is told to its resources.
    door.base = lambda: resource.canonical.removesuffix(_PATH_AS_SHOWN)
    make_known(door)
    app[_DOOR] = door
    return app


def _call(request: web.Request, path: str) -> Call:
    async def read() -> Fields:
        return await _fields(request)

    return Call(
        method=request.method,
        path=path,
        base=request.path.removesuffix(path),
        query=request.query,
        headers=[(name.lower(), value) for name, value in request.headers.items()],
        cookies=request.cookies,
        read=read,
    )


async def _fields(request: web.Request) -> Fields:
    """The fields of a body, from a form or from JSON; none of an empty one.

    Raises:
        Refusal: It is neither.
    """
    try:
        if request.content_type != "application/json":
            return {**await request.post()}
        parsed = parse(await request.read())
    except _NO_FORM as error:
        raise unread("it is no form") from error
    if not is_object(parsed):
        raise unread("it is no JSON object")
    return parsed


async def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    if reply.stream is None:
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    try:
        with suppress(ConnectionError):  # the browser has left
            await response.prepare(request)
            async for part in reply.stream:
                await response.write(part)
    finally:
        await reply.stream.aclose()
    return response
