"""Functions of authors: whether one is asynchronous."""

from __future__ import annotations

import functools
import inspect
from typing import cast


def is_async(function: object) -> bool:
    """Whether calling it gives a coroutine."""
    while isinstance(function, functools.partial):
        function = cast("object", function.func)
    call: object = getattr(type(function), "__call__", None)  # noqa: B004 - its own code
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
