"""Waiting until a mailbox has room: in a thread, or on a loop.

Each function takes what puts a message into the mailbox, and the error with which that
was refused. A message that waits is known to the queue, which lets it in by its place in
the line; without a timeout it waits as long as the mailbox says.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from pykka import Timeout

from duologue.actors._futures._blocking import is_host_thread
from duologue.actors._mailbox._bounded_queue import BoundedQueue, NoRoomError
from duologue.actors._mailbox._envelope import AnyEnvelope, Waiting
from duologue.actors._mailbox._queues import WaitQueue
from duologue.errors import MailboxFullError, MailboxSettingError

Put: TypeAlias = Callable[[AnyEnvelope], None]


def wait_for_room(put: Put, full: NoRoomError, timeout: float | None) -> None:
    """Wait in this thread until a message is in, if its mailbox lets senders wait.

    Raises:
        MailboxFullError: If there is no room, or none in time; at once on a thread
            that runs actors.
        MailboxSettingError: If the timeout is no number.
        DuologueError: If the actor will never come to be.
        pykka.ActorDeadError: If the actor stops meanwhile.
    """
    queue = full.queue
    if not isinstance(queue, WaitQueue):
        raise full.refuse()
    if is_host_thread():
        raise full.refuse(instead="await ref.send(message)")
    seconds = _seconds(queue, timeout)
    waiting = Waiting(full.envelope)
    put(waiting)
    try:
        waiting.room.get(timeout=seconds)
    except Timeout:
        _give_up(queue, waiting)
    except BaseException:
        waiting.withdraw()
        raise


def wait_for_room_to_ask(
    put: Put, full: NoRoomError, timeout: float | None, *, block: bool
) -> float | None:
    """Wait for room in this thread if the asker waits for the answer there, too.

    Else, and if there is no room in time, the future of the question fails. The timeout
    covers the room and the answer.

    Returns:
        The seconds that are left for the answer.
    """
    began = monotonic()
    if block:
        with contextlib.suppress(MailboxFullError):
            wait_for_room(put, full, timeout)
    else:
        full.refuse()
    return None if timeout is None else max(began + timeout - monotonic(), 0)


async def room(
    put: Put,
    full: NoRoomError,
    timeout: float | None,  # noqa: ASYNC109 - a name that Pykka's users know
) -> None:
    """Wait on the running loop until a message is in, if its mailbox lets senders wait.

    One that is cancelled meanwhile has its message either in or out: in if there was
    room before.

    Raises:
        MailboxFullError: If there is no room, or none in time.
        MailboxSettingError: If the timeout is no number.
        DuologueError: If the actor will never come to be.
        pykka.ActorDeadError: If the actor stops meanwhile.
    """
    queue = full.queue
    if not isinstance(queue, WaitQueue):
        raise full.refuse()
    seconds = _seconds(queue, timeout)
    waiting = Waiting(full.envelope)
    put(waiting)
    try:
        async with asyncio.timeout(seconds):
            await waiting.room
    except TimeoutError:
        _give_up(queue, waiting)
    except BaseException:
        waiting.withdraw()
        raise


def _seconds(queue: BoundedQueue, timeout: object) -> float | None:
    if timeout is None:
        return queue.timeout
    # A loop that is given a NaN mixes up all its timers.
    if not isinstance(timeout, int | float) or math.isnan(timeout):
        expected = "a number of seconds, or None for that of its Bounded"
        raise MailboxSettingError("timeout", repr(timeout), expected)
    return timeout


def _give_up(queue: BoundedQueue, waiting: Waiting) -> None:
    """Take a message back from outside, or find out what became of it."""
    # Not from that queue: its key may have another one by now.
    if waiting.withdraw():
        raise NoRoomError(queue, waiting).refuse() from None
    waiting.room.get(timeout=0)
