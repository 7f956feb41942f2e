"""The servers of a cluster, and who has which slots."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias, cast

from redis.crc import key_slot
from redis.exceptions import RedisError

from duologue.transport.redis._wire._client import Client
from duologue.transport.redis._wire._lanes import Place
from duologue.transport.redis._wire._link import BROKEN, said

SLOTS: Final = 16384
_logger = logging.getLogger("duologue.redis")

# First and last slot, then the primary and the replicas: host, port and more of each.
_Range: TypeAlias = "tuple[int, int, *tuple[_Node, ...]]"
_Node: TypeAlias = tuple[bytes | None, int, bytes, list[bytes]]


class Nodes:
    """The servers of a cluster.

    Args:
        seeds: Those that are asked first.
        client: Makes the client of one.
        glance: Makes the client of one that does not wait for long.
    """

    def __init__(
        self,
        seeds: Sequence[Place],
        *,
        client: Callable[[Place], Client],
        glance: Callable[[Place], Client],
    ) -> None:
        self._seeds = tuple(seeds)
        self._make, self._glance = client, glance
        self._clients: dict[Place, Client] = {}
        self._ranges: list[tuple[int, int, Place]] = []
        self.replicas: Sequence[Place] = ()

    @property
    def primaries(self) -> Sequence[Place]:
        """The servers that have slots."""
        return tuple(dict.fromkeys(place for _, _, place in self._ranges))

    @property
    def uncovered(self) -> int:
        """How many slots nobody has."""
        return SLOTS - sum(last + 1 - first for first, last, _ in self._ranges)

    def place_of(self, slot: int) -> Place:
        """Who has a slot; anybody, if nobody has it, since that one says what is wrong."""
        for first, last, place in self._ranges:
            if first <= slot <= last:
                return place
        return self.primaries[0]

    def client(self, place: Place) -> Client:
        """The client of a server."""
        client = self._clients.get(place)
        if client is None:
            client = self._clients[place] = self._make(place)
        return client

    def client_for(self, key: str) -> Client:
        """The client of the server that has a key."""
        return self.client(self.place_of(key_slot(key.encode())))

    def some_client(self) -> Client:
        """The client of any of the primaries."""
        return self.client(random.choice(self.primaries))  # noqa: S311  # no secret

    async def learn(self) -> None:
        """Ask who has which slot; what nobody answers stays as it was."""
        try:
            await self.find()
        except (*BROKEN, RedisError) as error:
            _logger.info("%s", said(error))

    async def find(self) -> None:
        """Ask who has which slot.

        Raises:
            RedisError: None of the servers answers.
            OSError: The same.
        """
        failed: BaseException | None = None
        for place in self._known():
            client = self._glance(place)
            try:
                found = await client.execute_command("CLUSTER SLOTS")
            except (*BROKEN, RedisError) as error:
                failed = error
            else:
                self._note(cast("list[_Range]", found), place[0])
                return
            finally:
                await client.aclose()
        assert failed is not None  # noqa: S101  # there is at least one seed
        raise failed

    def clients(self) -> Sequence[Client]:
        """Those of all primaries."""
        return [self.client(place) for place in self.primaries]

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _known(self) -> Iterator[Place]:
        """All servers, in no order: one that is cut off may not know what is new."""
        first = [*self.primaries, *self.replicas]
        random.shuffle(first)
        return iter(dict.fromkeys([*first, *self._seeds]))

    def _note(self, found: Sequence[_Range], asked: str) -> None:
        ranges: list[tuple[int, int, Place]] = []
        replicas: dict[Place, None] = {}
        for first, last, *nodes in found:
            primary, *others = (_place(node, asked) for node in nodes)
            ranges.append((first, last, primary))
            replicas.update(dict.fromkeys(others))
        if ranges:
            self._ranges, self.replicas = ranges, tuple(replicas)


def _place(node: _Node, asked: str) -> Place:
    """Where a server is; one that does not say so is where it was asked."""
    host = (node[0] or b"").decode()
    return (asked if host in ("", "?") else host), node[1]
