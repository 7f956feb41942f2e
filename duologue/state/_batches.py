"""Operations that share a turn of a State."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from duologue.state._changes import Change, applied
from duologue.state._ledgers import Decision
from duologue.state._values import Values

Work: TypeAlias = Change | Decision
Asked: TypeAlias = tuple[Work, "asyncio.Future[Values]"]
Answer: TypeAlias = tuple["asyncio.Future[Values]", "Values | Exception"]


class Batch:
    """Operations that share a turn.

    Args:
        key: The mailbox of the State.
        name: What the State is called in errors.
        ttl: Seconds after its last change until it is forgotten.
        first: The operation that was asked for first.

    Attributes:
        asked: All operations, and who waits for each.
    """

    __slots__ = ("asked", "key", "name", "ttl")

    def __init__(self, key: str, name: str, ttl: float | None, first: Asked) -> None:
        self.key: str = key
        self.name: str = name
        self.ttl: float | None = ttl
        self.asked: list[Asked] = [first]

    def fail(self, error: BaseException) -> None:
        """Tell all who wait."""
        for _, answer in self.asked:
            if not answer.done():
                answer.set_exception(error)


def leave(_values: Values) -> None:
    """Leave all as it is."""


def folded(
    batch: Batch, values: Values, check: Callable[[Values], None] | None
) -> tuple[Values, list[Answer]]:
    """Do one operation after the other; one that raises changes nothing."""
    answers: list[Answer] = []
    for work, answer in batch.asked:
        try:
            new = work(values) if callable(work) else applied(work, values, batch.name)
            if new is not None and check is not None:
                check(new)
        except Exception as error:  # noqa: BLE001  # its caller is told
            answers.append((answer, error))
            continue
        if new is not None:
            values = new
        answers.append((answer, values))
    return values, answers


def settle(answer: asyncio.Future[Values], outcome: Values | Exception) -> None:
    """Tell whoever waits, if somebody does."""
    if answer.done():  # whoever asked does not wait any more
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
