"""Clients of servers, which try nothing again by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from duologue._redis._address import Address


def client_at(
    address: Address,
    place: tuple[str, int],
    *,
    connect_in: float,
    answer_in: float | None,
) -> redis.Redis:
    """Make the client of one server of a cluster.

    Args:
        address: The cluster.
        place: The host and the port of the server.
        connect_in: Seconds that a connection may take.
        answer_in: Seconds that an answer may take; None where some are waited for.

    Returns:
        It, with answers as they come; it has to be closed.
    """
    way, host = address.scheme.partition("+")[0], place[0]
    host = f"[{host}]" if ":" in host else host
    url = f"{way}://{host}:{place[1]}?{address.query}"
    made = _by_url(url, address, connect_in, answer_in)
    made.response_callbacks.clear()
    return made


def client_of(
    address: Address, *, connect_in: float, answer_in: float | None
) -> tuple[redis.Redis, Sequence[redis.Redis]]:
    """Make the client of a server.

    Args:
        address: Where it is.
        connect_in: Seconds that a connection may take.
        answer_in: Seconds that an answer may take; None where some are waited for.

    Returns:
        It, with answers as they come, and the clients of the sentinels that it asks;
        all have to be closed.
    """
    made, sentinels = _made(address, connect_in, answer_in)
    made.response_callbacks.clear()
    return made, sentinels


def _made(
    address: Address, connect_in: float, answer_in: float | None
) -> tuple[redis.Redis, Sequence[redis.Redis]]:
    if not address.has_sentinels:
        return _by_url(address.url, address, connect_in, answer_in), ()
    # Whichever is the master now, as its sentinels say.
    ways: dict[str, object] = {
        "socket_timeout": connect_in,
        "socket_connect_timeout": connect_in,
        "driver_info": None,
    }
    sentinel = Sentinel(address.places, sentinel_kwargs=ways)  # type: ignore[no-untyped-call] # it has no types
    master: redis.Redis = sentinel.master_for(  # pyright: ignore[reportUnknownMemberType] # nor here
        address.master,
        db=address.database,
        username=address.username,
        password=address.password,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=answer_in,
        socket_connect_timeout=connect_in,
        protocol=2,
        driver_info=None,
    )
    return master, sentinel.sentinels


def _by_url(
    url: str, address: Address, connect_in: float, answer_in: float | None
) -> redis.Redis:
    return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType] # its options have no types
        url,
        username=address.username,
        password=address.password,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=answer_in,
        socket_connect_timeout=connect_in,
        protocol=2,
        driver_info=None,  # finding its version would block the loop
    )
