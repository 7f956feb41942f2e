"""An actor system: the lifetime of actors on the running loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self, TypeVar, overload

from pykka import Actor, ActorRef

from duologue.actors._actor import AsyncActor
from duologue.actors._directory._directory import Directory
from duologue.actors._hosts._current_host import host_of_this_turn, placed_on
from duologue.actors._hosts._host import Host
from duologue.actors._hosts._host_thread import GRACE, HostThread, loop_factory_like
from duologue.actors._hosts._hosts import Hosts, settle
from duologue.actors._hosts._placement import offer, open_host, withdraw
from duologue.actors._hosts._unfinished import Unfinished
from duologue.actors._lifecycle._relations import check_actor_class
from duologue.actors._mailbox._dead_letters import DeadLetter, DeadLetters
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system._drain import drain
from duologue.actors._time._clock import Clock
from duologue.actors._time._observe import Observer
from duologue.actors._time._seconds import is_seconds
from duologue.errors import (
    DrainTimeError,
    HostCountError,
    SystemClosedError,
    SystemOpenError,
)

A = TypeVar("A", bound=Actor)
H = TypeVar("H", bound=AsyncActor)
T = TypeVar("T")

logger = logging.getLogger("duologue.actors")


class ActorSystem:
    """Hosts actors on the running loop for as long as an `async with` block.

    Leaving the block lets go of the keyed actors, stops the others in the reverse
    order of their start, each after the messages it has already, and cancels what is
    left after `drain` seconds.

    Args:
        hosts: On how many loops the actors live: that of the block, and others of
            the same kind in threads. An actor stays where it was started: by an
            actor beside it, otherwise on each host in turn; a key always has the
            same host.
        drain: Seconds for the actors to finish, 0 or more.
        clock: Time for the directory; that of the loop when left out.
        observer: Is told of keyed actors that come and go.
        on_dead_letter: Is called on this loop with each message that no actor has
            handled: what an actor leaves when it stops, what comes too late, and what
            a mailbox with a bound refuses or lets go. It is a plain function, since
            nobody awaits it. What it raises is logged. It is not shown the letters
            that it causes itself.

    Attributes:
        directory: Actors that are found by key.

    Raises:
        HostCountError: If there is no whole number of hosts, 1 or more.
        DrainTimeError: If nobody can drain for that long.
        DeadLetterHookError: If the hook cannot be called, or is an `async def`.
    """

    def __init__(
        self,
        *,
        hosts: int = 1,
        drain: float = 10.0,
        clock: Clock | None = None,
        observer: Observer | None = None,
        on_dead_letter: Callable[[DeadLetter], object] | None = None,
    ) -> None:
        self.directory: Directory = Directory(observer)
        self._dead_letters = DeadLetters(on_dead_letter, observer)
        self._drain = _checked_drain(drain)
        self._clock = clock
        self._count = _checked_count(hosts)
        self._hosts: Hosts | None = None
        self._threads: list[HostThread] = []
        self._unfinished: list[Unfinished] = []

    @property
    def dead_letters(self) -> int:
        """How many messages have come or been left here that no actor handled."""
        return self._dead_letters.count

    @property
    def unfinished(self) -> tuple[Unfinished, ...]:
        """The actors that had not stopped when the time to drain was over."""
        return tuple(self._unfinished)

    async def __aenter__(self) -> Self:
        if self._hosts is not None and not self._hosts.first.is_lost:
            raise SystemOpenError
        others = await self._open_threads()
        first = self._open_host()
        self._hosts = hosts = Hosts(first, others)
        self._unfinished = []
        self._dead_letters.open(first)
        for host in hosts.all:
            host.when_lost = self._lost
        self.directory.open(hosts, first.clock)
        offer(hosts)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        hosts = self._hosts
        if hosts is None or hosts.first.is_lost:
            self._hosts = None
            return
        withdraw(hosts)
        errors: list[BaseException] = []
        try:
            await self._drain_all(hosts)
        finally:
            self.directory.close()
            if not hosts.first.is_lost:
                [errors] = await _at_last(asyncio.gather(self._close(hosts)))
        if errors and exception is None:
            raise errors[0]

    @overload
    def start(
        self, actor_class: type[H], *args: object, **kwargs: object
    ) -> AsyncActorRef[H]: ...

    @overload
    def start(
        self, actor_class: type[A], *args: object, **kwargs: object
    ) -> ActorRef[A]: ...

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
            NoActorClassError: If it is no class of actors.
            SystemClosedError: If the system is not open.
        """
        check_actor_class(actor_class, Actor, "system.start()")
        hosts = self._its_hosts(actor_class.__name__)
        here = host_of_this_turn()
        if here is None or here not in hosts:
            here = hosts.next(actor_class.__name__)
        with placed_on(here):
            return actor_class.start(*args, **kwargs)

    def own_loop(self) -> AbstractContextManager[None]:
        """Let actors that are started in a block live on the loop of the system.

        With one host all do; with several this is for those that use something
        that belongs to this loop.

        Raises:
            SystemClosedError: If the system is not open.
        """
        return placed_on(self._its_hosts("own_loop()").first)

    async def settled(self) -> None:
        """Return when no actor has anything left to do. Not for use in actors."""
        await settle(self._its_hosts("settled()").all)

    async def _open_threads(self) -> list[Host]:
        make_loop = loop_factory_like(asyncio.get_running_loop())
        self._threads = [
            HostThread(
                f"duologue-host-{number}", self._open_host, loop_factory=make_loop
            )
            for number in range(1, self._count)
        ]
        try:
            for thread in self._threads:
                thread.start()
            return [await asyncio.wrap_future(t.opened) for t in self._threads]
        except BaseException:
            for thread in self._threads:
                thread.end()
            raise

    def _open_host(self) -> Host:
        host = open_host()
        host.clock = self._clock or host.clock
        host.dead_letters = self._dead_letters
        return host

    async def _drain_all(self, hosts: Hosts) -> None:
        try:
            async with asyncio.timeout(self._drain):
                await drain(hosts, self.directory)
        except TimeoutError:
            logger.warning("actors did not stop within %s seconds", self._drain)

    async def _close(self, hosts: Hosts) -> list[BaseException]:
        """Close every host; what has ended one of the threads."""
        try:
            left = await asyncio.gather(
                hosts.first.close(grace=GRACE),
                *(thread.close() for thread in self._threads),
                return_exceptions=True,
            )
        finally:
            self._dead_letters.close()
            self._hosts = None
        errors = [each for each in left if isinstance(each, BaseException)]
        for actors in left:
            if not isinstance(actors, BaseException):
                self._unfinished += actors
        for actor in self._unfinished:
            if actor.was_running:
                logger.error("%s was cut off in the middle of a message", actor.actor)
        return errors

    def _lost(self, host: Host) -> None:
        """Learn that the loop of a host was closed under it."""
        hosts = self._hosts
        if hosts is None:
            return
        self._unfinished += host.unfinished()
        if host is hosts.first:
            withdraw(hosts)
            self.directory.close()
            self._dead_letters.close()
            for thread in self._threads:
                thread.end()
        else:
            self.directory.refuse(host)

    def _its_hosts(self, subject: str) -> Hosts:
        if self._hosts is None or self._hosts.first.is_lost:
            raise SystemClosedError(subject)
        return self._hosts


def _checked_count(hosts: object) -> int:
    if not isinstance(hosts, int) or isinstance(hosts, bool) or hosts < 1:
        raise HostCountError(repr(hosts))
    return hosts


def _checked_drain(drain: object) -> float:
    if not is_seconds(drain):
        raise DrainTimeError(repr(drain))
    return drain


async def _at_last(work: asyncio.Future[T]) -> T:
    """Wait for what takes little time, however often this is cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return work.result()
