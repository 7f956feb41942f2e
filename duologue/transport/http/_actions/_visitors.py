"""Who may use a door: programs by a token, pages by a cookie of their own origin."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from duologue.errors import ActionSettingError
from duologue.transport.http._actions._calls import Call, Refusal
from duologue.transport.http._tokens import AccessTokens

COOKIE = "duologue-actions"
START = "operations.start"
READ = "operations.read"
CANCEL = "operations.cancel"
OWNER = "operations.owner"
_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who makes a call.

    Attributes:
        owner: Whose operations they see and start.
        allows: Whether they may do something, by its verb and by what it is done to.
        is_known: Whether the owner is one person or program, not all who see a page:
            then they are shown tracebacks.
        name: Who they are: a token may act for another owner.
    """

    owner: str
    allows: Callable[[str, str], bool]
    is_known: bool
    name: str = ""

    def may(self, verb: str, name: str) -> None:
        """Go on if they may do it.

        Raises:
            Refusal: They may not.
        """
        if not self.allows(verb, name):
            detail = f"the token does not allow {verb}:{name}"
            challenge = f'Bearer error="insufficient_scope", scope="{verb}:{name}"'
            headers = {"WWW-Authenticate": challenge}
            raise Refusal(HTTPStatus.FORBIDDEN, detail, headers)


class Guard:
    """Tells who makes a call.

    Who shows a token as `Authorization: Bearer` may use the door, which browsers never
    send by themselves. So may a page with the cookie, if the request says that it comes
    from this very host: other sites cannot use the door in the name of somebody who is
    logged in.

    Args:
        token: The token that may do everything, and that signs cookies; empty for none.
        owner: Whose operations its bearer sees.
        tokens: Others, each with its scopes, whose operations are those of their names.

    Raises:
        ActionSettingError: There is neither.
    """

    def __init__(
        self, token: str, owner: str, tokens: AccessTokens | None = None
    ) -> None:
        if not token and tokens is None:
            problem = "its token is empty; choose a long one, or give it tokens="
            raise ActionSettingError("the door", problem)
        self._token = token
        self._owner = owner
        self._tokens = tokens

    def visitor(self, call: Call) -> Visitor:
        """Tell who makes a call.

        Raises:
            Refusal: It is nobody who may use the door.
        """
        found = self._bearer(call) or self._page(call)
        if found is None:
            headers = {"WWW-Authenticate": "Bearer"}
            detail = "show the token of this door"
            raise Refusal(HTTPStatus.UNAUTHORIZED, detail, headers)
        owner = call.query.get("owner")
        if owner is None or owner == found.owner:
            return found
        found.may(OWNER, owner)
        return replace(
            found, owner=owner, name=found.name or found.owner or "a program"
        )

    def _bearer(self, call: Call) -> Visitor | None:
        scheme, _, given = call.header("authorization").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if self._token and _is_same(given, self._token):
            return Visitor(self._owner, _all, is_known=True)
        token = None if self._tokens is None else self._tokens.find(given)
        return (
            None if token is None else Visitor(token.name, token.allows, is_known=True)
        )

    def _page(self, call: Call) -> Visitor | None:
        if not self._token or not _is_own(call):
            return None
        owner = _signed_owner(call.cookies.get(COOKIE, ""), self._token)
        if owner is None:
            return None
        return Visitor(owner or self._owner, _own, is_known=owner != "")


def allow_actions(
    response: web.StreamResponse,
    token: str,
    *,
    owner: str = "",
    path: str = "/",
    secure: bool = False,
    lifetime: float = 86_400.0,
) -> None:
    """Let the page that a response shows use the actions of the same host.

    Call it in the handler of the page, for those who may use the actions. It sets a
    cookie that scripts cannot read and other sites cannot send; the token is not in
    it, and cannot be had from it. Another token makes it worthless.

    Args:
        response: What shows the page: a response of aiohttp.
        token: That of `actions_application`.
        owner: Who looks at the page: whose operations it starts and sees. Without one,
            all who look at it share their operations.
        path: Where the actions are mounted.
        secure: Whether the cookie may travel by HTTPS only; True behind HTTPS.
        lifetime: Seconds for which it counts.
    """
    response.set_cookie(
        COOKIE,
        actions_cookie(token, owner=owner, lifetime=lifetime),
        path=path,
        secure=secure,
        httponly=True,
        samesite="Strict",
    )


def actions_cookie(token: str, *, owner: str = "", lifetime: float = 86_400.0) -> str:
    """The value of the cookie that `allow_actions` sets, for other frameworks.

    Set it as `duologue-actions` with `httponly=True` and `samesite="strict"`.

    Args:
        token: That of the door.
        owner: Who looks at the page.
        lifetime: Seconds for which it counts.
    """
    name = base64.urlsafe_b64encode(owner.encode()).decode().rstrip("=")
    claim = f"{name}.{int(time.time() + lifetime)}"
    return f"{claim}.{_signature(claim, token)}"


def _signed_owner(cookie: str, token: str) -> str | None:
    """Whom a cookie names; None if it is not ours, or too old."""
    claim, _, signature = cookie.rpartition(".")
    if not _is_same(signature, _signature(claim, token)):
        return None
    name, _, until = claim.partition(".")
    if int(until) <= time.time():
        return None
    return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()


def _is_own(call: Call) -> bool:
    """Whether a browser says that a page of this host makes the call."""
    # Browsers name the origin once with every POST; twice is somebody else.
    origins = call.every("origin")
    if not origins and call.method in _SAFE:
        # A GET of the own host has no origin. Newer browsers name the site.
        return call.header("sec-fetch-site") in {"", "none", "same-origin"}
    return len(origins) == 1 and urlsplit(origins[0]).netloc == call.header("host")


def _signature(claim: str, token: str) -> str:
    signed = f"{COOKIE}\n{claim}".encode(errors="surrogateescape")
    return hmac.digest(token.encode(), signed, "sha256").hex()


def _is_same(given: str, expected: str) -> bool:
    # Bytes, since texts with other letters cannot be compared in constant time.
    return hmac.compare_digest(
        given.encode(errors="surrogateescape"), expected.encode()
    )


def _all(_verb: str, _name: str) -> bool:
    return True


def _own(verb: str, _name: str) -> bool:
    return verb != OWNER
