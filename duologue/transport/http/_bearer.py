"""The password of a door: one bearer token."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from duologue.transport.http._problems import problem


def bearer(token: str) -> Middleware:
    """Make a middleware that lets through only who shows a token.

    Browsers never send it by themselves, so no other page can use the door in the
    name of somebody who is logged in.

    Args:
        token: What stands behind `Authorization: Bearer`.
    """
    expected = token.encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Bytes, since texts with other letters cannot be compared in constant time.
        is_known = hmac.compare_digest(given.encode(errors="surrogateescape"), expected)
        if is_known and scheme.lower() == "bearer":
            return await handler(request)
        refusal = problem(HTTPStatus.UNAUTHORIZED, "show the token of this door")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    return check
