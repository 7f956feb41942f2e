"""Who may come in: programs with a token or a signature, and with neither this machine's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final, Protocol, cast

from aiohttp import web

from duologue.actors._engine._timed import wall_time
from duologue.errors import RuntimeSettingError, SignatureError
from duologue.messages import Signer
from duologue.messages._signatures import check_time, signed_content
from duologue.transport.http._tokens import AccessToken, AccessTokens

_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")
_SIGNED: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Caller(Protocol):
    """Who has sent a request."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def allows(self, verb: str, target: str) -> bool:
        """Tell whether it may do something with a target."""
        ...


class _Anybody:
    """Whoever runs on this machine, where that is enough."""

    name: str = "loopback"

    @staticmethod
    def allows(verb: str, target: str) -> bool:  # noqa: ARG004  # it may do all
        """It may do all."""
        return True


class DeniedError(Exception):
    """A request is of nobody who may come in; not for anyone outside."""


class NotInScopeError(Exception):
    """No scope of a caller names what it asks for; not for anyone outside.

    Attributes:
        verb: What it wanted to do.
        target: With what.
    """

    def __init__(self, verb: str, target: str) -> None:
        super().__init__(verb, target)
        self.verb = verb
        self.target = target


def check_scope(caller: Caller, verbs: Sequence[str], target: str) -> None:
    """See that a caller may do one of some things with a target.

    Raises:
        NotInScopeError: It may not.
    """
    if not any(caller.allows(verb, target) for verb in verbs):
        raise NotInScopeError(verbs[0], target)


class Access:
    """Finds out who has sent a request.

    Args:
        tokens: Those of programs.
        signers: Programs that sign instead.
        loopback: Whether programs of this machine need neither.

    Raises:
        RuntimeSettingError: Nobody could come in.
    """

    def __init__(
        self,
        tokens: AccessTokens | None,
        signers: Sequence[Signer],
        *,
        loopback: bool,
    ) -> None:
        if tokens is None and not signers and not loopback:
            problem = (
                "nobody could come in; give tokens=AccessTokenFile(path), as `duologue "
                "token` writes it, or signers=[Signer(...)]"
            )
            raise RuntimeSettingError("refs()", problem)
        self._tokens = tokens
        self._signers = {
            signer.name: (
                signer,
                AccessToken(
                    signer.name, hashlib.sha256().hexdigest(), tuple(signer.scopes)
                ),
            )
            for signer in signers
        }
        self._is_open = loopback

    async def caller(self, request: web.Request) -> Caller:
        """Find out who has sent a request.

        Raises:
            DeniedError: Nobody who may come in.
            SignatureError: It is not signed, or was not signed just now.
        """
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._tokens is not None:
            found = self._tokens.find(secret)
            if found is not None:
                return found
        elif self._signers and any(name in request.headers for name in _SIGNED):
            return self._signed(request, await request.read())
        elif self._is_open and not scheme and _is_of_this_machine(request):
            return _Anybody()
        raise DeniedError

    def _signed(self, request: web.Request, body: bytes) -> Caller:
        name, at, given = (request.headers.get(header, "") for header in _SIGNED)
        if not (at.isascii() and at.isdigit() and len(at) < 16):  # noqa: PLR2004  # below 2^53
            raise SignatureError("webhook-timestamp is the time in seconds since 1970")
        content = signed_content(name, at, body)
        found = None
        for signer, token in self._signers.values():
            if signer.has_signed(content, given):
                found = token
        if found is None:
            raise SignatureError("no secret that is known here has made it")
        check_time(float(at), wall_time())
        return found


def _is_of_this_machine(request: web.Request) -> bool:
    """Whether both ends of a connection are here, and no proxy is between them."""
    if request.transport is None or any(name in request.headers for name in _FORWARDED):
        return False
    ends = (request.transport.get_extra_info(end) for end in ("peername", "sockname"))
    return all(_is_loopback(end) for end in ends)


def _is_loopback(end: object) -> bool:
    if not isinstance(end, tuple):
        return False  # a socket in the file system has its own rights, and no address
    host = str(cast("tuple[object, ...]", end)[0])
    return ip_address(host.partition("%")[0]).is_loopback
