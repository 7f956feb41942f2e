"""Who may use a door: programs by a token, pages by a cookie of their own origin."""

from __future__ import annotations

import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from duologue.transport.http._problems import problem

COOKIE = "duologue-actions"


def guard(token: str) -> Middleware:
    """Make a middleware that lets through only who may use the door.

    Who shows the token as `Authorization: Bearer` may, which browsers never send by
    themselves. So may a page with the cookie, if the request says that it comes from
    this very host: other sites cannot use the door in the name of somebody who is
    logged in.

    Args:
        token: The token.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _has_token(request, token) or _is_own_page(request, token):
            return await handler(request)
        refusal = problem(HTTPStatus.UNAUTHORIZED, "show the token of this door")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    return check


def allow_actions(
    response: web.StreamResponse, token: str, *, path: str = "/", secure: bool = False
) -> None:
    """Let the page that a response shows use the actions of the same host.

    Call it in the handler of the page, for those who may use the actions. It sets a
    cookie that scripts cannot read and other sites cannot send; the token is not in
    it, and cannot be had from it. Another token makes it worthless.

    Args:
        response: What shows the page.
        token: That of `actions_application`.
        path: Where the actions are mounted.
        secure: Whether the cookie may travel by HTTPS only; True behind HTTPS.
    """
    response.set_cookie(
        COOKIE,
        _secret(token),
        path=path,
        secure=secure,
        httponly=True,
        samesite="Strict",
    )


def _has_token(request: web.Request, token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return _is_same(given, token) and scheme.lower() == "bearer"


def _is_own_page(request: web.Request, token: str) -> bool:
    # Browsers name the origin once with every POST; twice is somebody else.
    origins = request.headers.getall("Origin", [])
    if len(origins) != 1 or urlsplit(origins[0]).netloc != request.host:
        return False
    return _is_same(request.cookies.get(COOKIE, ""), _secret(token))


def _secret(token: str) -> str:
    return hmac.digest(token.encode(), COOKIE.encode(), "sha256").hex()


def _is_same(given: str, expected: str) -> bool:
    # Bytes, since texts with other letters cannot be compared in constant time.
    return hmac.compare_digest(
        given.encode(errors="surrogateescape"), expected.encode()
    )
