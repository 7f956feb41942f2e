"""How a new instance of an actor takes over the mailbox and the ref of the old one.

An actor makes both in its `__init__`. While an estate is open in a thread, the next
actor of the class that is made there gets these instead, so its ref is right from the
first line of its `__init__` on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pykka import Actor

from duologue.actors._ref import AsyncActorRef

# By thread; empty nearly always, which is all that an ordinary start looks at.
estates: dict[int, AsyncActorRef[Actor]] = {}


def inherit(actor: Actor) -> AsyncActorRef[Actor] | None:
    """The ref that an actor takes over, if it is made to succeed another."""
    thread = threading.get_ident()
    ref = estates.get(thread)
    if ref is None or ref.actor_class is not type(actor):
        return None
    del estates[thread]
    return ref


def succeed(ref: AsyncActorRef[Actor], factory: Callable[[], Actor]) -> None:
    """Put a new instance in the place of the old one.

    Args:
        ref: The ref of the old one.
        factory: Makes the new one.

    Raises:
        TypeError: If it made something else.
    """
    thread = threading.get_ident()
    estates[thread] = ref
    try:
        actor = factory()
    finally:
        estates.pop(thread, None)
    if ref.actor_inbox.actor is not actor:
        raise TypeError(
            f"the factory gave {actor!r}; return a new {ref.actor_class.__name__}"
            " that has not been started"
        )
