# pyright: reportPrivateUsage=false
# The locks are private to their modules, and a fork concerns them all.
"""What a fork must know of actors: the child has their objects but not their thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from duologue.actors._futures._promise import future_lock
from duologue.actors._lifecycle._relations import _lock as life_lock
from duologue.actors._mailbox._mailbox import _lock as mailbox_lock
from duologue.actors._pykka._registry import registry_lock


class Lock(Protocol):
    """A lock of `threading`, of either kind."""

    def acquire(self) -> bool:
        """Wait for it and take it."""
        ...

    def release(self) -> None:
        """Give it to others."""


def survive_forks(lock: Lock, in_child: Callable[[], None]) -> None:
    """Let no fork happen while a lock of the actors is held: nobody would release it.

    Args:
        lock: One more lock, which is taken before the others.
        in_child: Is called in the child.
    """
    locks = (lock, registry_lock, life_lock, mailbox_lock, future_lock)

    def take() -> None:
        for each in locks:
            each.acquire()

    def release() -> None:
        # The first one last: another thread that forks waits for that one.
        for each in reversed(locks):
            each.release()

    def after_in_child() -> None:
        release()
        in_child()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=take, after_in_parent=release, after_in_child=after_in_child
        )
