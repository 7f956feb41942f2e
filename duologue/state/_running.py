"""The runtimes of this process that keep States: what `of` looks for."""

from __future__ import annotations

from typing import Protocol, TypeVar

from duologue.errors import StateEndedError, StatesRunningError

T = TypeVar("T")


class Making(Protocol):
    """Makes the States of a runtime."""

    def of(
        self,
        cls: type[T],
        *,
        bot: object = None,
        chat_id: int | None = None,
        user_id: int | None = None,
        operation_id: str | None = None,
    ) -> T:
        """The State of a class for a place."""
        ...


# Whoever asks from outside of a handler knows no runtime; this is the only place that
# does. Runtimes enter it when they begin and leave it when they end.
running: list[Making] = []


def the_only(state: str) -> Making:
    """The States of the runtime that runs.

    Raises:
        StateEndedError: None does.
        StatesRunningError: Several do.
    """
    found = list(running)
    if not found:
        raise StateEndedError(state)
    if len(found) > 1:
        raise StatesRunningError(state, len(found))
    return found[0]
