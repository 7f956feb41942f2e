"""What a dispatcher takes as a task, and under which name."""

from __future__ import annotations

from collections.abc import Container

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._state._functions import name_of
from duologue.errors import HandlerError
from duologue.state._tasks._tasks import Entry


def entry_of(
    function: object,
    *,
    retries: object,
    backoff: object,
    taken: Container[str],
    name: object,
    attempts: object,
    keep: object,
    executor: object,
) -> Entry:
    """What is registered of a function that is to be a task.

    Raises:
        HandlerError: It cannot be called, a number is wrong, its name is taken, or it
            cannot run there.
    """
    shown = name_of(function)
    if not callable(function) or isinstance(function, type):
        raise HandlerError(shown, "a task is a function")
    name = getattr(function, "__name__", shown) if name is None else name
    if not isinstance(name, str) or not name or ":" in name or "/" in name:
        problem = f"name={name!r} is no name of a task; write one without : and /"
        raise HandlerError(shown, problem)
    if name in taken:
        problem = f"another task is called {name!r}; write task(name=...) over one"
        raise HandlerError(shown, problem)
    if not isinstance(retries, int) or retries < 0:
        problem = f"retries={retries!r} is no number of times; write retries=3"
        raise HandlerError(shown, problem)
    if not _is_time(backoff):
        problem = f"backoff={backoff!r} is no number of seconds; write backoff=1.0"
        raise HandlerError(shown, problem)
    if not isinstance(attempts, int) or attempts < 1:
        problem = f"attempts={attempts!r} is no number of times; write attempts=1"
        raise HandlerError(shown, problem)
    if not isinstance(keep, int | float) or not _is_time(keep):
        problem = f"keep={keep!r} is no number of seconds; write keep=86400.0"
        raise HandlerError(shown, problem)
    fitting = _executors_of(function)
    if executor not in fitting:
        known = ", ".join(repr(each) for each in fitting if each is not None)
        problem = f"executor={executor!r} is none for it; write one of {known}"
        raise HandlerError(shown, problem)
    return Entry(name, attempts, keep, None if executor is None else str(executor))


def _executors_of(function: object) -> tuple[str | None, ...]:
    """Where a function may run in the background."""
    return (None, "async" if is_async(function) else "thread", "process")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0
