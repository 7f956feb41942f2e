"""Operations on a State that share a turn, and what becomes of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, TypeAlias, TypeVar

from duologue.state._changes import Change, applied
from duologue.state._ledgers import Decision
from duologue.state._values import Values

Work: TypeAlias = Change | Decision
Asked: TypeAlias = tuple[Work, "asyncio.Future[Values]"]
Answer: TypeAlias = tuple["asyncio.Future[Values]", "Values | Exception"]


C = TypeVar("C")


class Batch(Generic[C]):
    """Operations that share a turn.

    Args:
        cell: Whose values they are about.
        first: The first of them.
    """

    __slots__ = ("asked", "cell")

    def __init__(self, cell: C, first: Asked) -> None:
        self.cell: C = cell
        self.asked: list[Asked] = [first]

    def fail(self, error: BaseException) -> None:
        """Tell all who wait."""
        for _, answer in self.asked:
            if not answer.done():
                answer.set_exception(error)


def folded(
    asked: Iterable[Asked],
    name: str,
    values: Values,
    check: Callable[[Values], None] | None,
) -> tuple[Values, list[Answer]]:
    """Do one operation after the other; one that raises changes nothing."""
    answers: list[Answer] = []
    for work, answer in asked:
        try:
            new = work(values) if callable(work) else applied(work, values, name)
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
    """Tell who asked what became of it."""
    if answer.done():  # whoever asked does not wait any more
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
