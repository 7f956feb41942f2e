"""What a body asks for while it runs: one question after the other, answered from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from duologue.actors._futures._future import AsyncFuture

# What is answered is between authors: only here may it be anything.
Answer: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data


@dataclass(eq=False, slots=True)
class Asked:
    """A question that waits for its answer.

    Attributes:
        question: Its words.
        answer: Gets the answer, or is cancelled when the body is to stop.
    """

    question: str
    answer: AsyncFuture[Answer] = field(default_factory=AsyncFuture)


def give_up(waiting: Iterable[Asked]) -> None:
    """Let those who ask know that no answer comes: as if they were cancelled."""
    for asked in waiting:
        error = asyncio.CancelledError("the worker is to stop")
        asked.answer.set_exception((type(error), error, None))
