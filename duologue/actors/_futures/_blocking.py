"""Host threads: those that run actors, and so must never wait for one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from duologue.errors import BlockingCallError


class _Here(threading.local):
    """The hosts of the current thread that have not left it."""

    def __init__(self) -> None:
        self.seats: list[_Seat] = []


class _Seat:
    """The place of one host on a thread."""

    __slots__ = ("is_left",)

    def __init__(self) -> None:
        self.is_left = False

    def leave(self) -> None:
        """Give it up, from any thread."""
        self.is_left = True


_here = _Here()
_waiting: set[int] = set()


def enter_host_thread() -> Callable[[], None]:
    """Mark the current thread as one that runs actors.

    Returns:
        What takes the mark back; callable from any thread, any number of times.
    """
    seat = _Seat()
    _here.seats = [*(seat for seat in _here.seats if not seat.is_left), seat]
    return seat.leave


def is_host_thread() -> bool:
    """Whether actors run on the current thread."""
    return any(not seat.is_left for seat in _here.seats)


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

    Raises:
        BlockingCallError: If actors run on the current thread.
    """
    if is_host_thread():
        raise BlockingCallError(call, instead)
