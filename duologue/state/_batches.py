"""Operations that share a turn of a State."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from duologue.actors import Engine, Opened
from duologue.errors import EngineUnavailableError
from duologue.state._changes import Change, applied
from duologue.state._ledgers import Decision
from duologue.state._values import Values

Work: TypeAlias = Change | Decision
Asked: TypeAlias = tuple[Work, "asyncio.Future[Values]"]
Answer: TypeAlias = tuple["asyncio.Future[Values]", "Values | Exception"]


ASKED: Final = b"?"
"""Mail that only says that operations wait in the process that has sent it."""

PATIENCE: Final = 5.0
"""Seconds for which such mail is left to that process, where several share an engine."""

_ABSENT: Final = 1.5
"""The same for one that does not listen: one that only lost its connection soon does again."""

_MOST: Final = 1_000


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


def fail(batch: Batch | None, error: BaseException) -> None:
    """Tell all who wait, if there are any."""
    if batch is not None:
        batch.fail(error)


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


class Strangers:
    """Mail that other processes have sent, and that is left to them for a while."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}
        self._silent: dict[str, float] = {}
        self._absent: set[str] = set()

    async def handed(self, opened: Opened, engine: Engine) -> bool:
        """Hand mail on to the process that has sent it; tell whether that listens.

        Raises:
            FencedError: Another process has the mailbox meanwhile.
            EngineUnavailableError: The engine does not answer.
        """
        process = _sender(opened)
        is_there = await engine.hand(opened, process)
        self._absent.discard(process)
        if not is_there:
            if len(self._absent) >= _MOST:
                self._absent.clear()
            self._absent.add(process)
        return is_there

    def leaves(self, opened: Opened) -> bool:
        """Tell whether mail is to be left to who has sent it; for a while it is."""
        if opened.mail.body != ASKED:
            return False
        now = asyncio.get_running_loop().time()
        process = _sender(opened)
        if now - self._silent.get(process, -PATIENCE * 2) < PATIENCE * 2:
            return False  # all that it has asked for would hold up the others as long
        name, since = self._since.get(opened.key, ("", now))
        if name != opened.mail.id:
            since = now
            if len(self._since) >= _MOST:  # most have been taken by who has sent them
                recent = self._since.items()
                self._since = {k: v for k, v in recent if now - v[1] < PATIENCE}
            self._since[opened.key] = opened.mail.id, since
        is_left = now - since < (_ABSENT if process in self._absent else PATIENCE)
        if not is_left:  # whoever has sent it is dead
            del self._since[opened.key]
            if len(self._silent) >= _MOST:
                self._silent.clear()
            self._silent[process] = now
        return is_left


def _sender(opened: Opened) -> str:
    """The process that has sent mail."""
    return opened.mail.id.partition(".")[0]


async def answered(
    answer: asyncio.Future[Values], key: str, limit: float | None
) -> Values:
    """Wait for an answer.

    Raises:
        EngineUnavailableError: None came in time: others have had the mailbox.
    """
    if limit is not None:
        await asyncio.wait({answer}, timeout=limit)
        if not answer.done():
            answer.cancel()
            reason = "other processes did not let the mailbox go"
            raise EngineUnavailableError(key, reason)
    return await answer
