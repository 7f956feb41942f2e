"""What can be told of a function that an author gives."""

from __future__ import annotations

import inspect


def is_async(function: object) -> bool:
    """Tell whether calling it gives something to await: a function or a callable."""
    call = getattr(function, "__call__", None)  # noqa: B004  # to look at it, not to test
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def name_of(function: object) -> str:
    """Its name for messages, or how it prints if it has none."""
    return str(getattr(function, "__qualname__", repr(function)))
