"""Waiting on a loop for a future that knows only how to block a thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TypeVar

from pykka import Future, Timeout

T = TypeVar("T")

# Seconds after which the thread looks whether anybody still waits. Two in turn, the
# second twice as long; `_patient_get` says why.
_GLANCES = (0.05, 0.1)


def wait_in_thread(source: Future[T]) -> Generator[None, None, T]:
    """Wait in a thread for the value of a future; the running loop goes on.

    The thread of a wait that is cancelled ends a moment later.

    Returns:
        The value.

    Raises:
        Exception: What the future raises.
    """
    gave_up = threading.Event()
    loop = asyncio.get_running_loop()
    # In a pool of some threads one wait could keep out the one that it waits for.
    with_a_thread = ThreadPoolExecutor(1, thread_name_prefix="duologue-wait")
    job = loop.run_in_executor(with_a_thread, _patient_get, source, gave_up)
    with_a_thread.shutdown(wait=False)
    try:
        return (yield from job)
    finally:
        gave_up.set()


def _patient_get(source: Future[T], gave_up: threading.Event) -> T:
    """Read a future again and again until it gives a value or raises what it holds.

    That may be a timeout of its own: one that comes before the end of a glance. A
    hook that overstays twice the time it is given does not look at it, and is run to
    its end. With two glances a timeout of any length is one or the other.
    """
    for glance in cycle(_GLANCES):
        began = time.monotonic()
        try:
            return source.get(timeout=glance)
        except Timeout as error:
            taken = time.monotonic() - began
            if taken < glance or gave_up.is_set():
                raise
            # On a busy machine a glance takes longer too.
            is_late = str(error) == f"{glance} seconds"
        if taken > 2 * glance and not is_late:
            break
    return source.get()
