"""The way over the streams of a Redis or Valkey server."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, cast

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from duologue._redis import (
    NAMESPACE,
    SHARDS,
    SHARDS_OF_CLUSTER,
    Address,
    Place,
    check_place,
    kept_by,
    wait_for,
)
from duologue.errors import (
    AskTimeoutError,
    OutcomeUnknownError,
    RemoteRefusedError,
)
from duologue.messages import Event, write_event
from duologue.messages._recipients import Result
from duologue.messages._refs import shard_of
from duologue.messages._signatures import key_of, sign
from duologue.remote._doors import Accepted, Later, error_of, result_of
from duologue.remote._retries import AgainError, persist
from duologue.remote._servers import Client, Servers

_FORBIDDEN: Final = 403


class StreamDoor:
    """The way to `Runtime.stream_refs`.

    Args:
        place: The server, and what the bot has there.
        secret: What messages are signed with; None for those that are not.
        patience: Seconds for which a message is sent again and again.

    Raises:
        RuntimeSettingError: The URL is none, or the bot can have no such place.
        SecretTooShortError: The secret could be guessed.
    """

    def __init__(
        self,
        place: Place,
        secret: str | None,
        *,
        patience: float,
    ) -> None:
        self._address = Address(place.server, "RemoteRuntime.redis")
        self._namespace = NAMESPACE if place.namespace is None else place.namespace
        default = SHARDS_OF_CLUSTER if self._address.is_cluster else SHARDS
        self._shards = default if place.shards is None else place.shards
        check_place(self._namespace, self._shards)
        self._wait = wait_for("fast" if place.durability is None else place.durability)
        if secret is not None:
            key_of(secret)
        self._secret = secret
        self._patience = patience
        self._servers = Servers(self._address)

    @property
    def place(self) -> str:
        """Where it leads."""
        return self._address.said

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
            partial(self._write, key, *entry),
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
        await self._servers.close()

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

    async def _write(self, key: str, *entry: str | bytes) -> None:
        """Write an entry, and wait until it is kept as it should be.

        Raises:
            AgainError: It may not be kept.
            RemoteRefusedError: This program may not write there.
        """
        wait = self._wait
        if wait is None:
            await self._command("XADD", key, "*", *entry)
            return

        async def write(client: Client) -> list[object]:
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("XADD", key, "*", *entry)
            pipeline.execute_command(*wait)
            return await pipeline.execute()

        with _problems():
            _, kept = await self._servers.on(key, write)
        if not kept_by(kept):
            raise AgainError("too few of its copies have the message")

    async def _command(self, name: str, key: str, *more: str | bytes | float) -> object:
        with _problems():
            return await self._servers.on(
                key, lambda client: client.execute_command(name, key, *more)
            )


@contextmanager
def _problems() -> Generator[None, None, None]:
    """What a server does not do is tried again, or was refused."""
    try:
        yield
    except (NoPermissionError, AuthenticationError) as error:
        raise RemoteRefusedError(_FORBIDDEN, f"{error}"[:200]) from None
    except (RedisError, OSError) as error:
        if isinstance(error.__cause__, AuthenticationError):
            raise RemoteRefusedError(_FORBIDDEN, f"{error}"[:200]) from None
        raise AgainError(f"{error}"[:200] or type(error).__name__) from None
