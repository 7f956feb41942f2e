"""The context of a directory: the lock, hosts and clock that its classes share."""

from __future__ import annotations

import threading
from collections.abc import Callable

from duologue.actors._hosts._current_host import host_of_this_turn
from duologue.actors._hosts._hosts import Hosts
from duologue.actors._mailbox._dead_letters import NOBODYS, DeadLetters
from duologue.actors._time._clock import Clock
from duologue.actors._time._observe import Observer


class DirectoryContext:
    """What the classes of a directory share.

    Attributes:
        wait_for_idle: Asks for a sweep in so many seconds, unless one is due.
        observer: Is told of actors that come and go, if somebody wants to know.
        lock: Guards every index and entry of the directory.
        hosts: Who runs the actors; None before the system opens and once it has
            closed.
        clock: Tells when an actor was last used.
        dead_letters: Where messages go that nobody handles.
        is_closing: Whether only actors may still send.
    """

    def __init__(
        self,
        wait_for_idle: Callable[[float], None],
        observer: Observer | None = None,
    ) -> None:
        self.wait_for_idle = wait_for_idle
        self.observer = observer
        self.lock: threading.RLock = threading.RLock()
        self.hosts: Hosts | None = None
        self.clock: Clock | None = None
        self.dead_letters: DeadLetters = NOBODYS
        self.is_closing: bool = False

    def open(self, hosts: Hosts, clock: Clock) -> None:
        """Take messages from now on."""
        self.hosts = hosts
        self.clock = clock
        self.dead_letters = hosts.first.dead_letters
        self.is_closing = False

    def close(self) -> None:
        """Take no messages any more."""
        with self.lock:
            self.hosts = None
            self.clock = None

    def on_loop(self, callback: Callable[[], object]) -> None:
        """Call something on the loop of the system: at once, if it runs here."""
        hosts = self.hosts
        if hosts is None or host_of_this_turn() is hosts.first:
            callback()
        else:
            hosts.first.post(callback)
