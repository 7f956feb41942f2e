"""Messages that say what they are answered with."""

from __future__ import annotations

from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Ask(Generic[R_co]):
    """A message whose answer has a type.

    Derive the message from `Ask[Answer]`, and type checkers know what
    `ref.ask(message)` returns: the answer, or an `AsyncFuture` of it with
    `block=False`. Nothing is checked at run time.

    It takes no attributes of its own and leaves `__init__` alone, so frozen and
    slotted dataclasses derive from it.
    """

    __slots__ = ()
