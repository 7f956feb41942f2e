"""Placement: a new actor lives in its system, in the only open one, or on a thread."""

from __future__ import annotations

import asyncio
import threading

from duologue.actors._hosts._current_host import current_host
from duologue.actors._hosts._default_host import DefaultHost
from duologue.actors._hosts._host import Host
from duologue.actors._hosts._host_thread import HostThread
from duologue.actors._hosts._hosts import Hosts
from duologue.actors._mailbox._mailbox import Scheduler
from duologue.errors import AmbiguousSystemError


class _Places:
    """The open systems of this process, and the host for programs without a loop."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.default: Host | None = None
        self._open: list[Hosts] = []

    def add(self, hosts: Hosts) -> None:
        with self.lock:
            self._open.append(hosts)

    def remove(self, hosts: Hosts) -> None:
        with self.lock:
            if hosts in self._open:
                self._open.remove(hosts)

    def on_loop(self, loop: asyncio.AbstractEventLoop) -> list[Hosts]:
        with self.lock:
            return [hosts for hosts in self._open if hosts.first.loop is loop]

    def only(self, actor: str) -> Host:
        with self.lock:
            if len(self._open) > 1:
                raise AmbiguousSystemError(actor, len(self._open))
            if self._open:
                return self._open[0].next(actor)
            if self.default is None or self.default.is_closed:
                thread = HostThread("duologue-host", open_default_host)
                thread.start()
                self.default = thread.opened.result()
            return self.default


_places = _Places()


def open_host() -> Host:
    """A host on the running loop; actors started in its turns stay with it."""
    return _with_own_turns(Host())


def open_default_host() -> Host:
    """The host of programs that open no system, on the running loop."""
    return _with_own_turns(DefaultHost())


def offer(hosts: Hosts) -> None:
    """Let actors that are started without a system live here."""
    _places.add(hosts)


def withdraw(hosts: Hosts) -> None:
    """Take an offer back; does nothing the second time."""
    _places.remove(hosts)


def offered_on(loop: asyncio.AbstractEventLoop) -> list[Hosts]:
    """The hosts of every system that is open on a loop."""
    return _places.on_loop(loop)


def _with_own_turns(host: Host) -> Host:
    host.context.run(current_host.set, host)
    return host


def host_for(actor: str) -> Scheduler:
    """The host for an actor that is being started.

    Raises:
        AmbiguousSystemError: If several systems are open and none is named.
    """
    return current_host.get() or _places.only(actor)
