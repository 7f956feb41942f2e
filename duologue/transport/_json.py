"""JSON from outside: how it is parsed, and how its shapes are told apart.

Whoever reads fields does so on its own: the adapter of MAX says where an update is
malformed, the sandbox refuses what MAX would refuse, and one checks the other.
"""

from __future__ import annotations

import json
from typing import TypeGuard


def parse(raw: str | bytes) -> object:
    """The value of a text, with one kind of error for all that can be wrong with it.

    Raises:
        ValueError: It is no JSON, or nested too deeply.
    """
    try:
        value: object = json.loads(raw)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a value is an array."""
    return isinstance(value, list)
