"""The host of programs that open no system, which go on until their actors stop.

A `ThreadingActor` keeps its program alive by its thread. The thread of this host is a
daemon, so that actors may still be stopped when the program is at its very end. What
keeps the program alive is a second thread, which waits for the actors once the main
thread is done.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from queue import SimpleQueue

from duologue.actors._hosts._host import Host
from duologue.actors._mailbox._mailbox import Mailbox

logger = logging.getLogger("duologue.actors")


class DefaultHost(Host):
    """Runs the actors that keep a program alive, as their class wants it."""

    def __init__(self) -> None:
        super().__init__()
        self._has_waiter = False
        self._waiter_lock = threading.RLock()
        self._found: SimpleQueue[list[Mailbox]] = SimpleQueue()

    def attach(self, mailbox: Mailbox, *, at_once: bool) -> None:
        """Give an actor turns from now on; callable from any thread.

        Raises:
            SystemClosedError: If this host has closed.
        """
        super().attach(mailbox, at_once=at_once)
        # In this order: whoever clears the flag looks for actors afterwards.
        if not self._has_waiter and _keeps_alive(mailbox):
            self._start_waiter()

    def _start_waiter(self) -> None:
        with self._waiter_lock:
            if self._has_waiter:
                return
            self._has_waiter = True
        # There are none to be had any more when the interpreter is being taken apart.
        with contextlib.suppress(RuntimeError):
            threading.Thread(
                target=self._wait_for_actors, name="duologue-waiter", daemon=False
            ).start()

    def _wait_for_actors(self) -> None:
        threading.main_thread().join()
        while living := self._living():
            for mailbox in living:
                mailbox.wait()

    def _living(self) -> list[Mailbox]:
        self.post(self._look)
        found = self._found.get()
        if self.is_closed:
            # Another thread may wait for the same word.
            self._found.put([])
        return found

    def _look(self) -> None:
        """Find whom to wait for, as soon as those that have stopped are through."""
        self._has_waiter = False
        try:
            living = [
                box for ref in self.refs() if _keeps_alive(box := ref.actor_inbox)
            ]
            ending = [task for box, task in self._tasks.items() if _keeps_alive(box)]
        except Exception:
            logger.exception("an actor cannot say whether the program goes on for it")
            self._found.put([])
            return
        if living or ending:
            self._has_waiter = True
        if living or not ending:
            self._found.put(living)
        else:
            ending[0].add_done_callback(lambda _: self._look())

    def _vacate(self) -> None:
        super()._vacate()
        # Nobody looks any more, and there is nobody to wait for.
        self._found.put([])


def _keeps_alive(mailbox: Mailbox) -> bool:
    """Whether the program goes on until this actor has stopped."""
    actor = mailbox.actor
    is_daemon: object = getattr(actor, "use_daemon_thread", False)
    return actor is not None and not is_daemon
