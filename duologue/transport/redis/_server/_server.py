"""The server: found by its URL, checked, listened to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, cast

import redis.asyncio as redis
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from duologue._redis import Address, Durability, wait_for
from duologue._redis._client import client_of
from duologue.actors import Observer
from duologue.errors import (
    DuologueError,
    EngineServerError,
    EngineUnavailableError,
)
from duologue.transport.redis._keys import LAYOUT, Names
from duologue.transport.redis._server._checks import (
    RIGHTS,
    Part,
    fault_of,
    lacks_file,
    probes,
)
from duologue.transport.redis._wire._calls import Wire
from duologue.transport.redis._wire._client import Argument, Client
from duologue.transport.redis._wire._ending import end_all
from duologue.transport.redis._wire._link import BROKEN, Link, said

_BELL_SECONDS: Final = 4
TIMEOUT: Final = 5.0
"""Seconds that a server may take to answer."""
_PAUSE: Final = 1.0
_PROBE_SECONDS: Final = 60
_logger = logging.getLogger("duologue.redis")


class Server:
    """The server, or several that act as one.

    Args:
        url: Where it is.
        durability: When something counts as kept.

    Attributes:
        observer: Is told of calls and errors; None if nobody wants to know.

    Raises:
        RuntimeSettingError: The URL is none, or there is no such durability.
    """

    link_class: ClassVar[type[Link]] = Link

    def __init__(self, url: str, durability: Durability) -> None:
        self._address = Address(url)
        self._durability: Durability = durability
        self._wait = wait_for(durability)
        self.observer: Observer | None = None
        self._clients: list[Client] = []
        self._sentinels: list[redis.Redis] = []
        self._listener: asyncio.Task[None] | None = None

    @property
    def said(self) -> str:
        """Where it is, without what is secret."""
        return self._address.said

    async def connect(self, names: Names) -> Wire:
        """Connect, and check that the server is what is needed.

        Raises:
            EngineUnavailableError: It does not answer.
            EngineServerError: It is not what is needed, and what to do.
        """
        try:
            return await self._connected(names)
        except BaseException:
            await self.close()
            raise

    async def _connected(self, names: Names) -> Wire:
        try:
            wire = await self._wired(names)
            await wire.load_scripts()
        except AuthenticationError as error:
            raise await self._given_up(self._unknown(error)) from None
        except NoPermissionError as error:
            problem = f"its user may not do what is needed: {error}"
            raise await self._given_up(self._refused(problem, RIGHTS)) from None
        except (*BROKEN, RedisError) as error:
            if isinstance(error.__cause__, AuthenticationError):
                raise await self._given_up(self._unknown(error)) from None
            away = EngineUnavailableError(self.said, said(error))
            raise await self._given_up(away) from None
        except BaseException:
            await self.close()
            raise
        return wire

    async def _wired(self, names: Names) -> Wire:
        """Find the server, and check it."""
        await self.reach()
        client = self.client_for(names.meta)
        await self._check(client)
        await self._check_rights(client, names)
        await self._check_layout(client, names)
        return self.link_class(client, self._awaited(), self.observer)

    def _awaited(self) -> tuple[Sequence[Argument], int] | None:
        """What ends each pipeline, and how many must have it."""
        return None if self._wait is None else (self._wait, 1)

    async def listen(self, channel: str, heard: Callable[[bytes], None]) -> None:
        """Listen to what other processes say to this one.

        Raises:
            EngineServerError: The user may not.
        """
        ready = asyncio.Event()
        self._listener = asyncio.get_running_loop().create_task(
            self._listen(channel, heard, ready)
        )
        waiting = asyncio.get_running_loop().create_task(ready.wait())
        await asyncio.wait(
            [waiting, self._listener], return_when=asyncio.FIRST_COMPLETED
        )
        if self._listener.done():
            listener, self._listener = self._listener, None
            waiting.cancel()
            await self.close()
            listener.result()  # raises what is wrong

    async def rung(self, bell: str) -> str | None:
        """Wait until the bell rings; None if it did not for a while."""
        command = ("BLPOP", bell, _BELL_SECONDS)
        try:
            found = await self.client_for(bell).execute_command(*command)
        except (*BROKEN, RedisError) as error:
            _logger.info("%s", said(error))
            await self._look_around()
            return None
        found = cast("list[bytes] | None", found)
        return None if found is None else found[1].decode()

    async def reach(self) -> None:
        """Find the server.

        Raises:
            RedisError: Whoever knows where it is does not answer.
            OSError: The same.
        """
        address = self._address
        made, sentinels = client_of(address, connect_in=TIMEOUT, answer_in=TIMEOUT)
        self._sentinels += sentinels
        self._clients.append(cast("Client", made))

    def client_for(self, key: str) -> Client:  # noqa: ARG002  # all keys are on one
        """A client of whoever has a key; of anybody for the name of a channel.

        It tries nothing again by itself, and takes answers as they come.
        """
        return self._clients[0]

    def only_client(self) -> Client | None:
        """The client of the server that has all keys; None if several have them."""
        return self._clients[0]

    def clients(self) -> Sequence[Client]:
        """Those of all who have keys."""
        return self._clients

    async def _look_around(self) -> None:
        """Find out who has what, after a server did not answer."""

    async def close(self) -> None:
        """Close all connections."""
        if self._listener is not None:
            await end_all([self._listener])
            self._listener = None
        for client in self._clients:
            await client.aclose()
        self._clients.clear()
        for each in self._sentinels:
            await each.aclose()
        self._sentinels.clear()

    async def _check(
        self, client: Client, part: Part = "server", place: str = ""
    ) -> None:
        """See that the server can do what is asked of it.

        Args:
            client: Its client.
            part: What it is.
            place: Which it is, if there are several.

        Raises:
            EngineServerError: It cannot.
        """
        info = _fields(await client.execute_command("INFO"))
        fault = fault_of(info, self._durability, part)
        if fault is not None:
            which = f"{place}: " if place else ""
            raise self._refused(f"{which}{fault.problem}", fault.advice)
        if lacks_file(info):
            _logger.warning(
                "%s: it keeps no file of what it is told, so all dialogs end when it "
                "does; set appendonly yes",
                place or self.said,
            )

    async def _check_rights(self, client: Client, names: Names) -> None:
        """See that the user may do all that will be asked for.

        Raises:
            EngineServerError: It may not.
        """
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command("SET", names.probe, "", "EX", _PROBE_SECONDS)
        commands = probes(names.probe, names.channel + "nobody")
        for command in commands:
            pipeline.execute_command(*command)
        replies = (await pipeline.execute(raise_on_error=False))[1:]
        refused = [
            (command[0], str(reply))
            for command, reply in zip(commands, replies, strict=True)
            if isinstance(reply, NoPermissionError)
        ]
        if refused:
            may_not = ", ".join(name for name, _ in refused)
            problem = f"its user may not use {may_not}: {refused[0][1]}"
            raise self._refused(problem, RIGHTS)

    async def _check_layout(self, client: Client, names: Names) -> None:
        """See that this namespace is what this program writes.

        Raises:
            EngineServerError: It is not.
        """
        wanted = {"layout": str(LAYOUT), "shards": str(names.shards)}
        try:
            for field, value in wanted.items():
                await client.execute_command("HSETNX", names.meta, field, value)
            command = ("HMGET", names.meta, *wanted)
            found = cast("list[bytes]", await client.execute_command(*command))
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            raise self._refused(
                f"{names.meta} is a key of something else",
                "Choose another namespace= in the URL, or another database",
            ) from None
        for (field, value), kept in zip(wanted.items(), found, strict=True):
            if kept.decode() != value:
                raise self._refused(
                    f"what is kept there has {field} {kept.decode()}, and this "
                    f"program writes {value}",
                    f"Start it with the same {field}, or choose another namespace=",
                )

    async def _given_up(self, error: DuologueError) -> DuologueError:
        await self.close()
        return error

    def _unknown(self, error: Exception) -> EngineServerError:
        problem = f"it does not let this user in: {error}"
        return self._refused(problem, "Check the user and the password in the URL")

    def _refused(self, problem: str, advice: str) -> EngineServerError:
        return EngineServerError(self.said, problem, advice)

    async def _listen(
        self, channel: str, heard: Callable[[bytes], None], ready: asyncio.Event
    ) -> None:
        while True:
            pubsub = self.client_for(channel).pubsub()
            try:
                await pubsub.subscribe(channel)
                async for message in pubsub.listen():
                    ready.set()  # the first one says that it is heard
                    data = message["data"]
                    if isinstance(data, bytes):
                        heard(data)
            except NoPermissionError as error:
                if not ready.is_set():
                    problem = f"its user may not listen to {channel}: {error}"
                    raise self._refused(problem, RIGHTS) from None
                _logger.warning("%s", said(error))
            except (*BROKEN, RedisError) as error:
                ready.set()  # what is missed is made up for
                _logger.info("%s", said(error))
                await self._look_around()
            finally:
                await pubsub.aclose()
            await asyncio.sleep(_PAUSE)


def _fields(info: object) -> dict[str, str]:
    """What INFO says."""
    if isinstance(info, dict):
        read = cast("dict[object, object]", info)
        return {str(name): str(value) for name, value in read.items()}
    lines = cast("bytes", info).decode().splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name: value for name, _, value in pairs}
