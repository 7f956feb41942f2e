"""The way over the streams of a Redis or Valkey server."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from duologue.errors import (
    AskTimeoutError,
    OutcomeUnknownError,
    RemoteRefusedError,
    RuntimeSettingError,
)
from duologue.messages import Event, write_event
from duologue.messages._recipients import Result
from duologue.messages._refs import shard_of
from duologue.messages._signatures import key_of, sign
from duologue.remote._doors import Accepted, Later, error_of, place_of, result_of
from duologue.remote._retries import AgainError, persist

_TIMEOUT: Final = 5.0
_SCHEMES: Final = frozenset({"redis", "rediss", "unix"})
_FORBIDDEN: Final = 403


class _Client(Protocol):
    def execute_command(self, *args: str | bytes | float) -> Awaitable[object]: ...

    async def aclose(self) -> None: ...


class StreamDoor:
    """The way to `Runtime.stream_refs`.

    Args:
        url: The server.
        secret: What messages are signed with; None for those that are not.
        namespace: The namespace of the bot there.
        shards: Its number of shards.
        patience: Seconds for which a message is sent again and again.

    Raises:
        RuntimeSettingError: The URL is none.
        SecretTooShortError: The secret could be guessed.
    """

    def __init__(
        self,
        url: str,
        secret: str | None,
        *,
        namespace: str,
        shards: int,
        patience: float,
    ) -> None:
        if urlsplit(url).scheme not in _SCHEMES:
            problem = "write where the server is, as in redis://writer:password@host"
            raise RuntimeSettingError("RemoteRuntime.redis", problem)
        if secret is not None:
            key_of(secret)
        self._url = url
        self._secret = secret
        self._namespace = namespace
        self._shards = shards
        self._patience = patience
        self._made: _Client | None = None

    @property
    def place(self) -> str:
        """Where it leads."""
        return place_of(self._url)

    async def tell(self, event: Event) -> Accepted:
        """Have a message written to the stream of its actor.

        Raises:
            RemoteUnavailableError: The server could not be reached.
            RemoteRefusedError: It does not let this program write there.
        """
        body = write_event(event)
        entry: list[str | bytes] = ["ce", body]
        if self._secret is not None:
            entry += ["sig", sign(self._secret, body)]
        key = f"{self._tag(event)}:in"
        await persist(
            partial(self._command, "XADD", key, "*", *entry),
            place=self.place,
            patience=self._patience,
        )
        return Accepted(event.id)

    async def send(self, event: Event) -> tuple[Accepted, Later]:
        """Do so, and give what tells of its outcome.

        Raises:
            RemoteUnavailableError: The server could not be reached.
            RemoteRefusedError: It does not let this program write there.
        """
        event = replace(event, replyto=f"tell.{secrets.token_urlsafe(16)}")
        return await self.tell(event), partial(self._outcome, event)

    async def ask(self, event: Event, timeout: float) -> Result:  # noqa: ASYNC109  # it travels
        """Have a question answered.

        Raises:
            AskTimeoutError: There was no answer in time.
            DuologueError: Why there is none.
        """
        event = replace(event, replyto=f"ask.{secrets.token_urlsafe(16)}")
        try:
            async with asyncio.timeout(timeout):
                await self.tell(event)
                found = await self._reply(event, timeout + 1)
        except TimeoutError:
            found = None
        if found is None:
            raise AskTimeoutError(str(event.subject), timeout)
        return found

    async def close(self) -> None:
        """Give back connections."""
        if self._made is not None:
            await self._made.aclose()
            self._made = None

    async def _outcome(self, event: Event) -> Result:
        """Wait for an outcome.

        Raises:
            OutcomeUnknownError: The bot has said nothing for too long.
        """
        found = await self._reply(event, self._patience)
        if found is None:
            raise OutcomeUnknownError(event.id)
        return found

    async def _reply(self, event: Event, seconds: float) -> Result | None:
        """Wait for a reply; None if there is none."""
        key = f"{self._tag(event)}:rep:{event.replyto}"
        found = await persist(
            partial(self._command, "BLPOP", key, max(math.ceil(seconds), 1)),
            place=self.place,
            patience=seconds,
        )
        if found is None:
            return None
        said: dict[str, object] = json.loads(cast("list[bytes]", found)[1])
        if "error" in said:
            raise error_of(0, said)
        return result_of(said)

    def _tag(self, event: Event) -> str:
        shard = shard_of(str(event.subject), self._shards)
        return f"duologue:{{{self._namespace}:{shard:02d}}}"

    async def _command(self, *command: str | bytes | float) -> object:
        try:
            return await self._client().execute_command(*command)
        except (NoPermissionError, AuthenticationError) as error:
            raise RemoteRefusedError(_FORBIDDEN, f"{error}"[:200]) from None
        except (RedisError, OSError) as error:
            if isinstance(error.__cause__, AuthenticationError):
                raise RemoteRefusedError(_FORBIDDEN, f"{error}"[:200]) from None
            raise AgainError(f"{error}"[:200] or type(error).__name__) from None

    def _client(self) -> _Client:
        if self._made is None:
            made = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType] # its options have no types
                self._url,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=None,
                socket_connect_timeout=_TIMEOUT,
                protocol=2,
                driver_info=None,
            )
            made.response_callbacks.clear()
            self._made = cast("_Client", made)
        return self._made
