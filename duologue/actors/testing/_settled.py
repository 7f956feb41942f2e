"""Wait for actors without guessing how long they need."""

from __future__ import annotations

from duologue.actors._system import ActorSystem


async def settled(system: ActorSystem) -> None:
    """Return when no actor of the system has anything left to do.

    Args:
        system: An open system. Do not wait for it from one of its own actors.
    """
    await system.settled()
