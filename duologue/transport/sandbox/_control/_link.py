"""The connection of the control client: one session, problems become errors."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import TypeVar

import aiohttp

from duologue.errors import (
    ButtonNotShownError,
    SandboxRefusalError,
    SandboxUnreachableError,
)
from duologue.transport._json import is_object, parse_plain
from duologue.transport.sandbox._control._conversion import new_converter
from duologue.transport.sandbox._world._values import JsonObject

T = TypeVar("T")
SLACK = 30.0


class ControlLink:
    """A connection to the control door, made with the first call."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._converter = new_converter()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def take(self, raw: object, kind: type[T]) -> T:
        """Turn JSON into a value."""
        return self._converter.structure(raw, kind)

    def give(self, value: object, kind: object) -> object:
        """Turn a value of a type, which may be a union, into JSON."""
        raw: object = self._converter.unstructure(value, kind)
        return raw

    async def call(
        self, method: str, path: str, body: object = None, *, hold: float = 0.0
    ) -> JsonObject:
        """Send a request and give the JSON object it answers with.

        The server may hold the answer back for so many seconds.

        Raises:
            SandboxRefusalError: The sandbox refused the request.
            SandboxUnreachableError: Nothing answers.
        """
        timeout = aiohttp.ClientTimeout(total=hold + SLACK)
        return await self._ask(
            self._connected().request(
                method, self._url + path, json=body, timeout=timeout
            )
        )

    async def send(self, path: str, form: aiohttp.FormData) -> JsonObject:
        """Post a form; the rest is as with ``call``."""
        return await self._ask(self._connected().post(self._url + path, data=form))

    async def _ask(
        self, asking: AbstractAsyncContextManager[aiohttp.ClientResponse]
    ) -> JsonObject:
        try:
            async with asking as response:
                return _checked(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise SandboxUnreachableError(self._url, reason) from error

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"}
            )
        return self._session


def _checked(status: int, raw: bytes) -> JsonObject:
    try:
        answer = parse_plain(raw)
    except ValueError:
        answer = None
    if status == HTTPStatus.OK and is_object(answer):
        return answer
    problem = answer if is_object(answer) else {}
    code = str(problem.get("code", "unknown"))
    detail = str(problem.get("detail", "this is no control door of a sandbox"))
    kind = ButtonNotShownError if code == "button.not.shown" else SandboxRefusalError
    raise kind(status, code, detail)
