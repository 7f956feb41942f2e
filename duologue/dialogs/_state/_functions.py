"""What can be told of a function that an author gives."""

from __future__ import annotations

import inspect

from duologue.actors._pykka._functions import is_async
from duologue.dialogs._chat._data import Function
from duologue.errors import HandlerError, StateParameterError
from duologue.state._parameters import state_parameters


def name_of(function: object) -> str:
    """Its name for messages, or how it prints if it has none."""
    return str(getattr(function, "__qualname__", repr(function)))


def takes(function: Function, count: int) -> bool:
    """Tell whether a function can be called with so many arguments.

    A decorator may fill in some of those of the function inside, so that one counts.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
        states = state_parameters(function).classes
        if states:  # those are given by name
            parts = signature.parameters.values()
            others = [part for part in parts if part.name not in states]
            signature = signature.replace(parameters=others)
        signature.bind(*range(count))
    except StateParameterError:
        raise
    except TypeError:
        return False
    except ValueError:  # one written in C may not tell
        return True
    return True


def check_async(function: Function | None, argument: str, call: str) -> None:
    """Make sure that a function that was given can be awaited; None is none.

    Args:
        function: The function.
        argument: What it was given as, for the error.
        call: What it is called with, such as `"result, manager"`.

    Raises:
        HandlerError: It is not async, or takes other arguments.
    """
    if function is None:
        return
    if not is_async(function):
        problem = f"what is given as {argument}= must be an `async def` function"
        raise HandlerError(name_of(function), problem)
    if not takes(function, call.count(",") + 1):
        problem = f"what is given as {argument}= is called with ({call})"
        raise HandlerError(name_of(function), problem)
