"""Errors of actor systems, their hosts and their supervision."""

from __future__ import annotations

from duologue.errors._root import DuologueError


class AmbiguousSystemError(DuologueError):
    """An actor was started without a system while several are open.

    Attributes:
        actor: The class of the actor.
        systems: How many systems are open.
    """

    actor: str
    systems: int
    template = (
        "{actor}.start() cannot choose among {systems} open actor systems; write "
        "`system.start({actor}, ...)`"
    )


class SystemClosedError(DuologueError):
    """An actor or a message came to an actor system that is not open.

    Attributes:
        subject: The actor, or the key and class of the one that was meant.
    """

    subject: str
    template = (
        "the actor system of {subject} is not open; do this inside `async with "
        "ActorSystem()`"
    )


class SystemOpenError(DuologueError):
    """An actor system was to be opened a second time before it had closed."""

    template = (
        "the actor system is open already; give each `async with` an `ActorSystem()` "
        "of its own"
    )


class HostEndedError(DuologueError):
    """Something has ended the loop of a thread that ran actors.

    Attributes:
        thread: The name of the thread.
        reason: What has ended it.
    """

    thread: str
    reason: str
    template = (
        "the thread {thread} and its actors have ended early ({reason}); see the log, "
        "and raise nothing but an Exception in what its loop calls"
    )


class HostCountError(DuologueError, ValueError):
    """An actor system was to have no host at all.

    Attributes:
        hosts: How many it was to have, as its repr.
    """

    hosts: str
    template = (
        "an actor system cannot have {hosts} hosts; hosts=1 is its own loop, each more "
        "is a thread"
    )


class DrainTimeError(DuologueError, ValueError):
    """An actor system was to drain for a time that is none.

    Attributes:
        drain: How long it was to drain, as its repr.
    """

    drain: str
    template = (
        "an actor system cannot drain for {drain} seconds; make drain= a finite number "
        "of 0 or more"
    )


class DeadLetterHookError(DuologueError, TypeError):
    """Dead letters were to be shown to something that is no plain function.

    Attributes:
        hook: What they were to be shown to, as its repr.
    """

    hook: str
    template = (
        "on_dead_letter= cannot be {hook}, since it is called and never awaited; give "
        "it a plain function, which may tell an actor what to await"
    )


class ChildFailedError(DuologueError):
    """A child has failed, and leaves it to its parent what follows.

    Attributes:
        child: The child.
        reason: What it raised.
    """

    child: str
    reason: str
    template = (
        "{child} failed and has stopped ({reason}); the supervision of its parent "
        "decides what follows, or start the child with another one"
    )


class SupervisionSettingError(DuologueError, ValueError):
    """Supervision was set up with a value that makes no sense.

    Attributes:
        setting: The name of the setting.
        value: What it was given.
    """

    setting: str
    value: str
    template = (
        "{value} is no {setting}; give supervision= a strategy such as "
        "Restart(max_restarts=5, within=60.0, backoff=Backoff(0.1)), with finite "
        "numbers of 0 or more and a factor of 1 or more"
    )


class VirtualDeadlockError(DuologueError):
    """A virtual loop has nothing left to do, and somebody still waits.

    Attributes:
        waiting: Where the unfinished tasks wait, each as one line.
    """

    waiting: tuple[str, ...]

    def __str__(self) -> str:
        where = "; ".join(self.waiting) or "no task"
        return (
            "nothing can ever wake this loop: no timer, no socket, no job in a"
            f" thread; waiting: {where}; await something that will happen"
        )
