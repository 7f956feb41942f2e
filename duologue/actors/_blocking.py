"""Which threads run actors, and so must never wait for one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from duologue.errors import BlockingCallError


class _Here(threading.local):
    """How many hosts run on the current thread."""

    hosts = 0


_here = _Here()
_waiting: set[int] = set()


def enter_host_thread() -> None:
    """Mark the current thread as one that runs actors."""
    _here.hosts += 1


def leave_host_thread() -> None:
    """Take back one `enter_host_thread` of the current thread."""
    _here.hosts -= 1


def is_host_thread() -> bool:
    """Whether actors run on the current thread."""
    return _here.hosts > 0


def waiting_threads() -> frozenset[int]:
    """The threads that wait for an actor right now, and so do nothing else."""
    return frozenset(_waiting.copy())


def begin_to_wait() -> Callable[[], None]:
    """Note that the current thread is going to wait for an actor.

    Returns:
        What to call, from any thread, when there is nothing to wait for any more.
    """
    thread = threading.get_ident()
    _waiting.add(thread)
    return lambda: _waiting.discard(thread)


def refuse_to_block(call: str, *, instead: str) -> None:
    """Raise if the current thread runs actors: waiting there would stop them all.

    Args:
        call: What was about to block.
        instead: The awaitable form to use.

    Raises:
        BlockingCallError: If actors run on the current thread.
    """
    if _here.hosts > 0:
        raise BlockingCallError(call, instead)
