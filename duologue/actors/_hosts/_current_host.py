"""The host in whose turn code runs, or in whose block it starts actors."""

from __future__ import annotations

import contextvars
from collections.abc import Generator
from contextlib import contextmanager

from duologue.actors._mailbox._mailbox import Scheduler

current_host: contextvars.ContextVar[Scheduler | None] = contextvars.ContextVar(
    "duologue_host", default=None
)


def host_of_this_turn() -> Scheduler | None:
    """The host in whose turn this code runs, or in whose block it starts actors."""
    return current_host.get()


@contextmanager
def placed_on(host: Scheduler) -> Generator[None, None, None]:
    """Let actors that are started in this block live on a host."""
    token = current_host.set(host)
    try:
        yield
    finally:
        current_host.reset(token)
