"""What can be told of a function that an author gives."""

from __future__ import annotations

import inspect

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function
from duologue.errors import HandlerError


def name_of(function: object) -> str:
    """Its name for messages, or how it prints if it has none."""
    return str(getattr(function, "__qualname__", repr(function)))


def takes(function: Function, count: int) -> bool:
    """Tell whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # one written in C may not tell
        return True
    return True


def check_async(function: object | None, argument: str) -> None:
    """Make sure that a function that was given can be awaited; None is none.

    Args:
        function: The function.
        argument: What it was given as, for the error.

    Raises:
        HandlerError: It is not async.
    """
    if function is not None and not is_async(function):
        problem = f"what is given as {argument}= must be an `async def` function"
        raise HandlerError(name_of(function), problem)
