# pyright: reportPrivateUsage=false
# Pykka has no public names for what the author of a new kind of actor needs. This
# module is the one place that uses its private ones, as far as calls go.
"""The private parts of Pykka that a host needs, under names of our own."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from types import CoroutineType
from typing import TypeAlias, TypeGuard

from pykka import Actor
from pykka.messages import _ActorStop

Work: TypeAlias = Coroutine[object, object, object]

# What Pykka logs about its actors is logged about ours by the same name, so that
# who has set the level of one has set it for all.
log = logging.getLogger("pykka")


def is_stop(message: object) -> bool:
    """Whether a message asks its actor to stop."""
    return type(message) is _ActorStop


def stop_message() -> object:
    """The message that asks an actor to stop."""
    return _ActorStop()


STOP_TYPE: type = _ActorStop


def is_work(result: object) -> TypeGuard[Work]:
    """Whether a handler or a hook has left the rest of its work to a coroutine.

    A future of Pykka can be awaited too, but it is an answer like any other.
    """
    return type(result) is CoroutineType


def fail(actor: Actor, error: BaseException) -> None:
    """Log an error that nobody is told of, and stop the actor."""
    actor._handle_failure(type(error), error, error.__traceback__)  # noqa: SLF001 - see above


def stop(actor: Actor) -> object:
    """Stop an actor before its other messages; what its hook returned."""
    stopping: object = actor._stop  # noqa: SLF001 - see above
    return stopping() if callable(stopping) else None
