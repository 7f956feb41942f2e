"""Where a new actor lives: its system, the only open one, or a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Generator
from contextlib import contextmanager

from duologue.actors._host import Host
from duologue.errors import AmbiguousSystemError

_current: contextvars.ContextVar[Host | None] = contextvars.ContextVar(
    "duologue_host", default=None
)


class _Places:
    """The open hosts of this process, and the one for programs without a loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: list[Host] = []
        self._thread: threading.Thread | None = None
        self._default: Host | None = None

    def add(self, host: Host) -> None:
        with self._lock:
            self._hosts.append(host)

    def remove(self, host: Host) -> None:
        with self._lock:
            self._hosts.remove(host)

    def only(self, actor: str) -> Host:
        with self._lock:
            if len(self._hosts) > 1:
                raise AmbiguousSystemError(actor, len(self._hosts))
            if self._hosts:
                return self._hosts[0]
            # A forked child has the thread object but not the thread.
            if self._default is None or not (self._thread and self._thread.is_alive()):
                self._default = self._start_thread()
            return self._default

    def _start_thread(self) -> Host:
        opened = threading.Event()
        hosts: list[Host] = []

        async def serve() -> None:
            hosts.append(open_host())
            opened.set()
            await asyncio.Event().wait()

        self._thread = threading.Thread(
            target=lambda: asyncio.run(serve()), name="duologue-host", daemon=True
        )
        self._thread.start()
        opened.wait()
        return hosts[0]


_places = _Places()


def open_host() -> Host:
    """A host on the running loop; actors started in its turns stay with it."""
    host = Host()
    host.context.run(_current.set, host)
    return host


def offer(host: Host) -> None:
    """Let actors that are started without a system live here."""
    _places.add(host)


def withdraw(host: Host) -> None:
    """Take an offer back."""
    _places.remove(host)


@contextmanager
def placed_on(host: Host) -> Generator[None, None, None]:
    """Let actors that are started in this block live on a host."""
    token = _current.set(host)
    try:
        yield
    finally:
        _current.reset(token)


def host_of_this_turn() -> Host | None:
    """The host in whose turn this code runs, or in whose block it starts actors."""
    return _current.get()


def host_for(actor: str) -> Host:
    """The host for an actor that is being started.

    Args:
        actor: The name of its class, for the error.

    Raises:
        AmbiguousSystemError: If several systems are open and none is named.
    """
    return _current.get() or _places.only(actor)
