"""The server of the streams, or those of a cluster, each with some of them.

A cluster is not asked who has what: whoever is asked for a stream of another one says so,
which needs no right, and is believed until it fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias, TypeVar, cast

from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    MovedError,
    TimeoutError as RedisTimeoutError,
)

from duologue._redis import Address
from duologue._redis._client import client_at, client_of
from duologue.remote._retries import AgainError

T = TypeVar("T")
Where: TypeAlias = tuple[str, int]

_TIMEOUT: Final = 5.0
_MOST_MOVES: Final = 5


class Pipeline(Protocol):
    """Commands that are sent together."""

    def execute_command(self, *args: str | bytes | float) -> object:
        """Add a command."""
        ...

    def execute(self) -> Awaitable[list[object]]:
        """Send them, and return the answers."""
        ...


class Client(Protocol):
    """What is used of the client of a server."""

    def execute_command(self, *args: str | bytes | float) -> Awaitable[object]:
        """Send a command, and return the answer."""
        ...

    def pipeline(self, *, transaction: bool) -> Pipeline:
        """Gather commands."""
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...


class _Moved(Protocol):
    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class Servers:
    """Clients, by the keys that their servers have.

    Args:
        address: The server, or some of a cluster.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._single: Client | None = None
        self._others: Sequence[Client] = ()  # of sentinels
        self._clients: dict[Where, Client] = {}
        self._places: dict[str, Where] = {}
        self._turn = 0

    async def on(self, key: str, call: Callable[[Client], Awaitable[T]]) -> T:
        """Ask whoever has a key.

        Raises:
            AgainError: The key is on its way to another server.
            RedisError: The server refuses, or cannot be reached.
            OSError: It cannot be reached.
        """
        if not self._address.is_cluster:
            return await call(self._only())
        tag = key.partition("}")[0]
        for _ in range(_MOST_MOVES):
            try:
                return await call(self._having(tag))
            except MovedError as error:
                moved = cast("_Moved", error)  # which has no types
                self._places[tag] = moved.host or self._place(tag)[0], moved.port
            except (RedisConnectionError, RedisTimeoutError, OSError):
                self._places.pop(tag, None)
                self._turn += 1
                raise
        raise AgainError("it is moved from one server to another")

    async def close(self) -> None:
        """Give back connections."""
        made = [*self._clients.values(), *self._others]
        if self._single is not None:
            made.append(self._single)
        self._single, self._others = None, ()
        self._clients.clear()
        for each in made:
            await each.aclose()

    def _only(self) -> Client:
        if self._single is None:
            # Answers are waited for as long as they may take.
            made, sentinels = client_of(
                self._address, connect_in=_TIMEOUT, answer_in=None
            )
            self._single = cast("Client", made)
            self._others = [cast("Client", each) for each in sentinels]
        return self._single

    def _place(self, tag: str) -> Where:
        places = self._address.places
        return self._places.get(tag, places[self._turn % len(places)])

    def _having(self, tag: str) -> Client:
        place = self._place(tag)
        if place not in self._clients:
            made = client_at(self._address, place, connect_in=_TIMEOUT, answer_in=None)
            self._clients[place] = cast("Client", made)
        return self._clients[place]
