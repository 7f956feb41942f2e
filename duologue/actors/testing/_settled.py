"""Waiting for actors without guessing how long they need."""

from __future__ import annotations

import asyncio

from duologue.actors._hosts._hosts import settle
from duologue.actors._hosts._placement import offered_on
from duologue.actors._system._system import ActorSystem
from duologue.errors import SystemClosedError


async def settled(system: ActorSystem | None = None) -> None:
    """Return when no actor has anything left to do.

    Args:
        system: An open system; those that are open on the running loop when left
            out. Do not wait for it from one of its own actors.

    Raises:
        SystemClosedError: If no system is open.
    """
    if system is not None:
        await system.settled()
        return
    offered = offered_on(asyncio.get_running_loop())
    if not offered:
        raise SystemClosedError("settled()")
    await settle([host for hosts in offered for host in hosts.all])
