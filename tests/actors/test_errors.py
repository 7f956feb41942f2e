"""The errors of actors say what to do and survive a trip to another process."""

from __future__ import annotations

import pickle

import pytest

from duologue.errors import (
    ActivationError,
    ActorClassTakenError,
    AmbiguousSystemError,
    BlockingCallError,
    DuologueError,
    MessageCancelledError,
    SystemClosedError,
    UnknownActorClassError,
    VirtualDeadlockError,
)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (BlockingCallError("ask()", "await x"), "write `await x`"),
        (AmbiguousSystemError("Clerk", 2), "system.start(Clerk, ...)"),
        (SystemClosedError("Clerk"), "async with ActorSystem()"),
        (MessageCancelledError("Clerk", "Work"), "send it again"),
        (UnknownActorClassError("Clerk"), "directory.register(Clerk, factory)"),
        (ActorClassTakenError("Clerk"), "register each class once"),
        (ActivationError("Clerk", "a", "KeyError()"), "the next one tries again"),
        (VirtualDeadlockError(("Task-1 in main (line 3)",)), "Task-1 in main"),
    ],
)
def test_an_error_gives_advice_and_survives_pickling(
    error: DuologueError, advice: str
) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert " ".join(advice.split()) in str(copy)
