"""What can be told of a function that an author gives."""

from __future__ import annotations

import functools
import inspect
from typing import cast


def is_async(function: object) -> bool:
    """Whether calling it gives a coroutine.

    Args:
        function: A function, a method, a partial of one, or an object that can be
            called.
    """
    while isinstance(function, functools.partial):
        function = cast("object", function.func)
    call: object = getattr(type(function), "__call__", None)  # noqa: B004 - its own code
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
