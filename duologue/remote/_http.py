"""The way over HTTP."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp

from duologue.errors import AskTimeoutError, RuntimeSettingError
from duologue.messages import Event, write_event
from duologue.messages._recipients import Result
from duologue.remote._doors import Accepted, Later, error_of, place_of, result_of
from duologue.remote._retries import AgainError, persist

_KIND: Final = "application/cloudevents+json"
_AGAIN: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_GATEWAY: Final = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
_PATIENT: Final = 20  # seconds for which one request waits for an outcome
_LIMIT: Final = 30.0  # seconds for one request
_SPARE: Final = 5.0  # seconds for the way of an answer


class HttpDoor:
    """The way to the door of `Runtime.refs`.

    Args:
        url: Where it is mounted.
        token: What lets this program in; None at a door of this machine.
        patience: Seconds for which a message is sent again and again.

    Raises:
        RuntimeSettingError: The URL is none.
    """

    def __init__(self, url: str, token: str | None, patience: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            problem = (
                'write where the door is mounted, as in "https://bot.internal/refs"'
            )
            raise RuntimeSettingError("RemoteRuntime", problem)
        self._url = url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None

    @property
    def place(self) -> str:
        """Where it leads."""
        return place_of(self._url)

    async def tell(self, event: Event) -> Accepted:
        """Have a message put into the mailbox of its actor.

        Raises:
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        said, _ = await self._post(event, {})
        return Accepted(event.id, said.get("status") == "duplicate")

    async def send(self, event: Event) -> tuple[Accepted, Later]:
        """Do so, and give what tells of its outcome.

        Raises:
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why it was refused.
        """
        said, path = await self._post(event, {"Prefer": "respond-async"})
        accepted = Accepted(event.id, said.get("status") == "duplicate")
        if path is None:
            return accepted, partial(_known, result_of(said))
        return accepted, partial(self._outcome, event, path)

    async def ask(self, event: Event, timeout: float) -> Result:  # noqa: ASYNC109  # it travels
        """Have a question answered.

        Raises:
            AskTimeoutError: There was no answer in time.
            RemoteUnavailableError: The bot could not be reached.
            DuologueError: Why there is none.
        """
        wait = {"Prefer": f"wait={max(math.ceil(timeout), 1)}"}
        body, path = write_event(event), f"/v1/actors/{event.subject}/asks"
        try:
            async with asyncio.timeout(timeout):
                said = await persist(
                    lambda: self._request("POST", path, wait, body, is_ask=True),
                    place=self.place,
                    patience=timeout,
                )
        except TimeoutError:
            raise AskTimeoutError(str(event.subject), timeout) from None
        return result_of(said[0])

    async def fetch(
        self, method: str, path: str, content: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """Make a request that may be made twice, and return what is said.

        Raises:
            RemoteUnavailableError: The other program could not be reached.
            DuologueError: Why it was refused.
        """
        body = None if content is None else json.dumps(content).encode()
        kind = {"Content-Type": "application/json"}
        said, _ = await persist(
            partial(self._request, method, path, kind, body),
            place=self.place,
            patience=self._patience,
        )
        return said

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """The lines of a stream, as long as it lasts."""
        headers = {**self._headers, "Accept": "text/event-stream"}
        limit = aiohttp.ClientTimeout(total=None, connect=_SPARE, sock_read=_LIMIT * 2)
        try:
            async with self._open().get(
                self._url + path, headers=headers, timeout=limit
            ) as response:
                if response.status == HTTPStatus.OK:
                    async for line in response.content:
                        yield line
        except (aiohttp.ClientError, OSError, TimeoutError):
            return  # whoever reads asks again

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(
        self, event: Event, headers: Mapping[str, str]
    ) -> tuple[dict[str, object], str | None]:
        body, path = write_event(event), f"/v1/actors/{event.subject}/messages"
        return await persist(
            lambda: self._request("POST", path, headers, body),
            place=self.place,
            patience=self._patience,
        )

    async def _outcome(self, event: Event, path: str) -> Result:
        """Ask for an outcome until it is known; where it is forgotten, send again.

        A message that was handled meanwhile is not handled again.
        """
        wait = {"Prefer": f"wait={_PATIENT}"}
        while True:
            said, _ = await persist(
                partial(self._request, "GET", path, wait, is_receipt=True),
                place=self.place,
                patience=self._patience,
            )
            if said.get("error") == "OutcomeUnknownError":
                said, again = await self._post(event, wait)
                path = path if again is None else again
            if said.get("status") != "accepted":
                return result_of(said)

    async def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        is_ask: bool = False,
        is_receipt: bool = False,
    ) -> tuple[dict[str, object], str | None]:
        """Make a request; tell what is said, and where more will be.

        Raises:
            AgainError: It may be made again.
            DuologueError: It was refused.
        """
        sent = {**self._headers, **headers}
        if body is not None:
            sent.setdefault("Content-Type", _KIND)
        try:
            async with self._open().request(
                method, self._url + path, data=body, headers=sent, allow_redirects=False
            ) as response:
                status, content = response.status, await response.read()
                after = response.headers.get("Retry-After", "")
                location = response.headers.get("Location")
        except aiohttp.ClientConnectorError as error:
            raise AgainError(str(error)) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if is_ask:  # it may have been asked
                raise TimeoutError from error
            raise AgainError(str(error) or type(error).__name__) from None
        said = _object(content)
        if status in _AGAIN or (status in _GATEWAY and "error" not in said):
            raise AgainError(f"{status} {said.get('detail', '')}", _seconds(after))
        if said.get("error") == "AskTimeoutError":
            raise TimeoutError
        if is_receipt and said.get("error") == "OutcomeUnknownError":
            return said, None
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise error_of(status, said)
        return said, self._own(location)

    def _own(self, location: str | None) -> str | None:
        """The path of a receipt below where the door is mounted."""
        if location is None:
            return None
        return "/v1/" + location.partition("/v1/")[2]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=_LIMIT, connect=_SPARE)
            self._session = aiohttp.ClientSession(timeout=limit)
        return self._session


async def _known(result: Result) -> Result:
    return result


def _object(content: bytes) -> dict[str, object]:
    try:
        found: object = json.loads(content)
    except ValueError:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
