"""The hosts of one system: the one on its own loop, and others in threads."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from zlib import crc32

from duologue.actors._futures._wakers import LoopWaker
from duologue.actors._hosts._host import Host
from duologue.errors import SystemClosedError

# Trips through a loop until somebody who got an answer from another thread runs.
_TRIPS = 3


class Hosts:
    """The hosts of one system; an actor stays on the one that it was started on.

    Attributes:
        first: The host on the loop of the system.
        all: Every host, the first one first.
    """

    def __init__(self, first: Host, others: Sequence[Host] = ()) -> None:
        self.first: Host = first
        self.all: tuple[Host, ...] = (first, *others)
        self._turns = itertools.count()

    def __contains__(self, host: object) -> bool:
        return host in self.all

    def next(self, actor: str) -> Host:
        """The host for the next actor: each in its turn.

        Raises:
            SystemClosedError: If every loop has been closed.
        """
        if len(self.all) == 1:
            return self.first
        return self._alive(next(self._turns), actor)

    def for_key(self, key: str) -> Host:
        """The host for a key: always the same one, unless its loop is closed.

        Raises:
            SystemClosedError: If every loop has been closed.
        """
        if len(self.all) == 1:
            return self.first
        return self._alive(_number(key), repr(key))

    def _alive(self, number: int, subject: str) -> Host:
        alive = self.all[number % len(self.all)]
        if alive.is_closed:
            others = [host for host in self.all if not host.is_closed]
            if not others:
                raise SystemClosedError(subject)
            alive = others[number % len(others)]
        return alive


async def settle(hosts: Sequence[Host]) -> None:
    """Return when no actor of the hosts has anything left to do; on one of their loops."""
    trips = 1 if len(hosts) == 1 else _TRIPS
    while True:
        # Those who got an answer in the last turns go first: they may tell.
        for _ in range(trips):
            await asyncio.sleep(0)
        busy = _busy(hosts)
        if busy is None:
            return
        await _idle(busy)


def _busy(hosts: Sequence[Host]) -> Host | None:
    """A host that is at work, or None if there was a moment when none was.

    Others run while this looks at one. So it looks twice: a host that rests both
    times and has not run in between has rested in between, and in that time there is
    a moment that is the same for all.
    """
    if len(hosts) == 1:
        [host] = hosts
        return None if host.is_closed or host.is_idle() else host
    runs = [host.runs for host in hosts]
    for _ in range(2):
        for host, before in zip(hosts, runs, strict=True):
            if host.is_closed:
                continue
            if host.runs != before or not host.is_resting():
                return host
    return None


async def _idle(host: Host) -> None:
    """Return when a host was idle, or has come to its end."""
    loop = asyncio.get_running_loop()
    idle = loop.create_future()
    host.when_idle(LoopWaker(idle))
    if host.loop is not loop:
        host.post(_look)
    # Last: who closes in the meantime tells all that wait.
    if not host.is_closed:
        await idle


def _look() -> None:
    """Do nothing but make a host run, after which it looks whether it is idle."""


def _number(key: str) -> int:
    return crc32(key.encode("utf-8", "surrogatepass"))
