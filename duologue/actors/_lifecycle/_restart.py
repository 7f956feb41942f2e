"""Restarts: a new instance of an actor takes over the ref and the mailbox of the old one.

An actor makes both in its `__init__`. While a ref waits to be taken over in a thread, the
next actor of its class that is made there takes it instead, so its ref is right from the
first line of its `__init__` on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pykka import Actor

from duologue.actors._ref import AsyncActorRef

# By thread; empty nearly always, which is all that an ordinary start looks at.
refs_to_take_over: dict[int, AsyncActorRef[Actor]] = {}


def ref_to_take_over(actor: Actor) -> AsyncActorRef[Actor] | None:
    """The ref that an actor takes over, if it is made in the place of another."""
    thread = threading.get_ident()
    ref = refs_to_take_over.get(thread)
    if ref is None or ref.actor_class is not type(actor):
        return None
    del refs_to_take_over[thread]
    return ref


def replace_instance(ref: AsyncActorRef[Actor], factory: Callable[[], Actor]) -> None:
    """Put a new instance in the place of the old one.

    Raises:
        TypeError: If it made something else.
    """
    thread = threading.get_ident()
    refs_to_take_over[thread] = ref
    try:
        actor = factory()
    finally:
        refs_to_take_over.pop(thread, None)
    if ref.actor_inbox.actor is not actor:
        raise TypeError(
            f"the factory gave {actor!r}; return a new {ref.actor_class.__name__}"
            " that has not been started"
        )
