"""An actor system: the lifetime of actors on the running loop."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Self, TypeVar

from pykka import Actor, ActorRef

from duologue.actors._clock import Clock, LoopClock
from duologue.actors._directory import Directory
from duologue.actors._host import Host
from duologue.actors._observe import Observer
from duologue.actors._placement import offer, open_host, placed_on, withdraw
from duologue.errors import SystemClosedError

A = TypeVar("A", bound=Actor)

# Seconds for coroutines to clean up after they have been cancelled.
GRACE = 1.0

logger = logging.getLogger("duologue.actors")


class ActorSystem:
    """Hosts actors on the running loop for as long as an `async with` block.

    Leaving the block lets go of the keyed actors, stops the others in the reverse
    order of their start, each after the messages it has already, and cancels what is
    left after `drain` seconds.

    Args:
        drain: Seconds for the actors to finish.
        clock: Time for the directory; that of the loop when left out.
        observer: Is told of keyed actors that come and go.

    Attributes:
        directory: Actors that are found by key.
    """

    def __init__(
        self,
        *,
        drain: float = 10.0,
        clock: Clock | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.directory: Directory = Directory(observer)
        self._drain = drain
        self._clock = clock
        self._host: Host | None = None

    async def __aenter__(self) -> Self:
        host = open_host()
        self._host = host
        self.directory.open(host, self._clock or LoopClock(host.loop))
        offer(host)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        host = self._its_host("the block")
        withdraw(host)
        try:
            async with asyncio.timeout(self._drain):
                await self._stop_all(host)
        except TimeoutError:
            logger.warning("actors did not stop within %s seconds", self._drain)
        finally:
            self.directory.close()
            cut_off = await host.close(grace=GRACE)
            self._host = None
            for actor in cut_off:
                logger.error("%s was cut off in the middle of a message", actor)

    def start(
        self, actor_class: type[A], *args: object, **kwargs: object
    ) -> ActorRef[A]:
        """Start an actor here; callable from any thread.

        Args:
            actor_class: Its class.
            args: For its `__init__`.
            kwargs: For its `__init__`.

        Returns:
            Its ref.

        Raises:
            SystemClosedError: If the system is not open.
        """
        with placed_on(self._its_host(actor_class.__name__)):
            return actor_class.start(*args, **kwargs)

    async def settled(self) -> None:
        """Return when no actor has anything left to do. Not for use in actors."""
        await self._its_host("settled()").settled()

    async def _stop_all(self, host: Host) -> None:
        await self.directory.let_all_go()
        await host.stop_all()
        # Those who stopped may have sent their last words to keyed actors.
        await self.directory.let_all_go()
        await host.settled()

    def _its_host(self, subject: str) -> Host:
        if self._host is None:
            raise SystemClosedError(subject)
        return self._host
