"""One HTTP connection pool to the MAX Bot API."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import aiohttp

from duologue.errors import (
    BotSettingError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from duologue.transport._effects import Effects
from duologue.transport.max._errors import hidden, read_answer
from duologue.transport.max._requests import Request

# Bytes in one answer; a poll with 100 long messages has less than a tenth of it.
ANSWER_LIMIT = 16 * 1024 * 1024
# Letters of a name that a log shows.
_WORD = 64
_DIGEST = 48
_JSON = MappingProxyType({"Content-Type": "application/json"})
_ABOUT_MESSAGES = frozenset({"/messages", "/answers"})
_REMOVAL = "DELETE /subscriptions"
# Polls are the poller's to report; most of their time the messenger holds them.
_POLLS = "/updates"


class HttpReply(NamedTuple):
    """What came back for a request.

    Attributes:
        status: The HTTP status.
        content: The body.
        retry_after: The header of that name.
    """

    status: int
    content: bytes
    retry_after: str | None = None


class HttpClient:
    """Makes calls and gives their answers as objects.

    The token travels in a header only: addresses end up in logs of proxies.
    Redirects are not followed, so it goes nowhere else.

    Attributes:
        effects: Is told what becomes of the calls.
        whose: Says in errors which bot and which address they are about.
    """

    def __init__(self, token: str, base_url: str, *, ca_file: str | None) -> None:
        self._token = token
        self._headers = {"Authorization": token}
        self._base_url = base_url
        self.effects: Effects = Effects()
        self.whose: Callable[[], str] | None = None
        self._tls = _tls(ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, request: Request) -> dict[str, object]:
        """Make one call.

        Raises:
            MessengerError: It failed; see `read_answer`.
            MessengerUnavailableError: Nothing came back in time.
            UnexpectedAnswerError: The answer has no end.
        """
        verb, path, query, body, within = request
        name = f"{verb} {path}"
        effects = None if path == _POLLS or not self.effects.are_told else self.effects
        began = 0.0 if effects is None else effects.begin()
        status = None
        try:
            reply = await self.exchange(
                verb, path, query=query, body=body, within=within
            )
            status = reply.status
            answer = read_answer(
                name,
                status,
                reply.content,
                retry_after=reply.retry_after,
                secret=self._token,
            )
        except MessengerError as error:
            if effects is not None:
                effects.failed(name, began, error=error, status=status)
            located = self._located(path, error)
            if located is None:
                raise
            raise located from located.__cause__
        if effects is not None:
            effects.succeeded(name, began)
        return answer

    def _located(self, path: str, error: MessengerError) -> MessengerError | None:
        """Make an error that says which bot and which address it is about.

        A call that names neither a message nor a chat can only be "not found"
        where there is no MAX Bot API.
        """
        made: MessengerError
        whose = "" if self.whose is None else self.whose()
        detail = f"{error.detail} ({whose})"
        can_be_gone = path in _ABOUT_MESSAGES or error.method == _REMOVAL
        if isinstance(error, MessageGoneError) and not can_be_gone:
            made = UnexpectedAnswerError(error.method, detail)
            made.__cause__ = error
        elif isinstance(error, UnauthorizedError | MessengerUnavailableError):
            made = type(error)(error.method, detail)
            made.__cause__ = error.__cause__
        else:
            return None
        return made

    async def exchange(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: bytes | None,
        within: float,
    ) -> HttpReply:
        """Make one request and read whatever comes back; see `call`.

        Raises:
            MessengerUnavailableError: Nothing came back in time.
            UnexpectedAnswerError: The answer has no end.
        """
        name = f"{verb} {path}"
        try:
            async with self._open().request(
                verb,
                self._base_url + path,
                params=query,
                data=body,
                headers=None if body is None else _JSON,
                timeout=_timeout(within),
                allow_redirects=False,
            ) as response:
                content = await _read(name, response)
        except TimeoutError as error:
            detail = f"no answer within {within:g} seconds"
            raise MessengerUnavailableError(name, detail) from error
        except aiohttp.ClientError as error:
            reason = _reason(error)
            said = hidden(reason, self._token)
            # A log shows the cause too, and that cannot be changed.
            cause = error if said == reason else None
            raise MessengerUnavailableError(name, said) from cause
        retry_after = response.headers.get("Retry-After")
        return HttpReply(response.status, content, retry_after)

    def without_token(self, text: str) -> str:
        """The beginning of a text from outside as it may be logged."""
        return hidden(text, self._token, most=_WORD)

    def digest(self, purpose: str) -> str:
        """Make a secret of the token, which nobody can find out from it."""
        made = hmac.new(self._token.encode(), purpose.encode(), hashlib.sha256)
        return made.hexdigest()[:_DIGEST]

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls)
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@lru_cache(maxsize=100)
def _timeout(within: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=within)


async def _read(name: str, response: aiohttp.ClientResponse) -> bytes:
    """Read an answer, but not without end: something else may answer in MAX's place."""
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > ANSWER_LIMIT:
            raise UnexpectedAnswerError(name, f"it has more than {ANSWER_LIMIT} bytes")
    return bytes(content)


def _reason(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            f"{error} (MAX uses a certificate of the Russian national CA; give its "
            "root certificate as ca_file=)"
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{error} (write http:// if the address is that of a local messenger)"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, ConnectionRefusedError
    ):
        return f"nothing listens at {error.host}:{error.port}"
    return str(error) or type(error).__name__


def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # also what is wrong with the content
            why = error.strerror or error
            problem = f"{ca_file}: {why}; give a file of PEM certificates"
            raise BotSettingError("ca_file", problem) from error
    return context
