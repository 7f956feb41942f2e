"""Several servers that share the slots: each is checked, each has a link of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, cast

from redis.exceptions import RedisError, ResponseError

from duologue._redis import CLUSTERS, Durability
from duologue._redis._client import client_at
from duologue.transport.redis._keys import Names
from duologue.transport.redis._server._nodes import SLOTS, Nodes
from duologue.transport.redis._server._server import TIMEOUT, Server
from duologue.transport.redis._wire._calls import Wire
from duologue.transport.redis._wire._client import Client
from duologue.transport.redis._wire._lanes import GivesBack, Lanes, Place
from duologue.transport.redis._wire._link import BROKEN, Link, said

# Seconds for which a server is waited for that others can stand in for.
_GLANCE: Final = 1.0
_logger = logging.getLogger("duologue.redis")


class ClusterServer(Server):
    """A cluster.

    Args:
        url: Some of its servers.
        durability: When something counts as kept.

    Raises:
        RuntimeSettingError: The URL is none, or there is no such durability.
    """

    def __init__(self, url: str, durability: Durability) -> None:
        super().__init__(url, durability)
        self._nodes = Nodes(
            self._address.places,
            client=lambda place: self._client(place, TIMEOUT),
            glance=lambda place: self._client(place, _GLANCE),
        )

    async def reach(self) -> None:
        """Find its servers.

        Raises:
            EngineServerError: It is no cluster, or not all of one.
            RedisError: None of those in the URL answers.
            OSError: The same.
        """
        try:
            await self._nodes.find()
        except ResponseError as error:
            if "cluster support disabled" not in str(error):
                raise
            raise self._refused("it is no cluster", "Name it by redis://") from None
        missing = self._nodes.uncovered
        if missing:
            problem = f"{missing} of its {SLOTS} slots have no server"
            advice = "Give them to one; `redis-cli --cluster fix` helps"
            raise self._refused(problem, advice)

    def client_for(self, key: str) -> Client:
        """A client of whoever has a key; of anybody for the name of a channel."""
        return self._nodes.client_for(key) if "}" in key else self._nodes.some_client()

    def only_client(self) -> Client | None:
        """None, as several servers have the keys."""
        return None

    def clients(self) -> Sequence[Client]:
        """Those of all who have keys."""
        return self._nodes.clients()

    async def close(self) -> None:
        """Close all connections."""
        await super().close()
        await self._nodes.close()

    async def _look_around(self) -> None:
        await self._nodes.learn()

    async def _wired(self, names: Names) -> Wire:
        await self.reach()
        nodes = self._nodes
        for place in nodes.primaries:
            await self._check(nodes.client(place), "primary", _said(place))
            await self._check_rights(nodes.client(place), names)
        for place in nodes.replicas:
            await self._check_replica(place)
        await self._check_layout(self.client_for(names.meta), names)
        return Lanes(nodes, self._link, names.meta)

    async def _check_replica(self, place: Place) -> None:
        """See that a replica can do what is asked, when it is a primary one day.

        Raises:
            EngineServerError: It cannot.
        """
        client = self._client(place, _GLANCE)
        try:
            await self._check(client, "replica", _said(place))
        except (*BROKEN, RedisError) as error:  # others do its work
            _logger.warning(
                "%s: the replica %s: %s", self.said, _said(place), said(error)
            )
        finally:
            await client.aclose()

    def _link(self, place: Place, takes_back: GivesBack) -> Link:
        client = self._nodes.client(place)
        return self.link_class(client, self._awaited(), self.observer, takes_back)

    def _client(self, place: Place, timeout: float) -> Client:
        made = client_at(self._address, place, connect_in=timeout, answer_in=timeout)
        return cast("Client", made)


def _said(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def server_of(url: str, durability: Durability) -> Server:
    """What a URL names.

    Raises:
        RuntimeSettingError: It is none.
    """
    made = ClusterServer if url.startswith(CLUSTERS) else Server
    return made(url, durability)
