"""The mailbox of a task, held by the process that runs it.

Whoever runs a task has a turn of its mailbox open all the time: that is its lease. What is
written while it runs ends this turn and begins the next one, by a piece of mail to itself; so
the mailbox has mail as long as the task has not ended, and whoever is leased it next finds
a task whose process has died.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Final

from duologue.actors import Engine, Letter, Mail, Opened, TimedLetter
from duologue.errors import EngineUnavailableError, FencedError

WORK: Final = b"w"
"""The mail of a task that has begun."""

_PAUSE: Final = 1.0  # seconds until an engine that did not answer is asked again

_logger = logging.getLogger("duologue.state")


class Lease:
    """The mailbox of a task that this process runs.

    Args:
        engine: Where it is.
        opened: The turn that has found the task.
        is_open: Tells whether the engine may be asked again when it does not answer.
    """

    def __init__(
        self, engine: Engine, opened: Opened, is_open: Callable[[], bool]
    ) -> None:
        self._engine = engine
        self._opened = opened
        self._is_open = is_open
        self._lock = asyncio.Lock()
        self._missed: list[bytes] = []
        self._heard: Callable[[bytes], object] = self._missed.append

    @property
    def key(self) -> str:
        """The mailbox."""
        return self._opened.key

    def hear(self, heard: Callable[[bytes], object]) -> None:
        """Tell somebody of the mail of others, whenever something is written."""
        self._heard = heard
        for body in self._missed:
            heard(body)

    async def write(self, line: bytes) -> None:
        """Keep a snapshot, and the lease.

        Raises:
            FencedError: Another process has it.
            SnapshotTooLargeError: It is over the engine's limit; the one before stays.
        """
        async with self._lock:
            work = self._work()
            opened = await self._commit(line, work, keep=True)
            while opened is not None and opened.mail.id != work.mail.id:
                self._heard(opened.mail.body)  # it stood in front
                opened = await self._engine.commit(opened, snapshot=None, keep=True)
            if opened is None:
                raise FencedError(self.key)
            self._opened = opened

    async def end(self, line: bytes, timed: Sequence[TimedLetter] = ()) -> None:
        """Keep the last snapshot, and let go.

        Raises:
            FencedError: Another process has it.
            SnapshotTooLargeError: It is over the engine's limit; the lease stays.
        """
        async with self._lock:
            await self._commit(line, None, timed=timed)

    async def give_back(self, line: bytes) -> None:
        """Keep a snapshot of a task that is to begin anew, and let go.

        Raises:
            FencedError: Another process has it.
        """
        async with self._lock:
            await self._commit(line, self._work())

    def _work(self) -> Letter:
        return Letter(self.key, Mail(token_hex(12), WORK))

    async def _commit(
        self,
        line: bytes,
        work: Letter | None,
        *,
        timed: Sequence[TimedLetter] = (),
        keep: bool = False,
    ) -> Opened | None:
        """End the turn, whatever becomes of the engine meanwhile."""
        outbox = () if work is None else (work,)
        while True:
            try:
                return await self._engine.commit(
                    self._opened, snapshot=line, outbox=outbox, timed=timed, keep=keep
                )
            except EngineUnavailableError as error:
                _logger.warning("%s", error)
            opened = await self._again()
            if opened is None and await self._engine.read(self.key) == line:
                return None  # it was written
            if opened is None:
                raise FencedError(self.key)
            if work is not None and opened.mail.id == work.mail.id:
                return opened
            self._opened = opened

    async def _again(self) -> Opened | None:
        """Begin a turn of the same mailbox when the engine answers."""
        while self._is_open():
            await asyncio.sleep(_PAUSE)
            try:
                return await self._engine.open(self.key)
            except EngineUnavailableError as error:
                _logger.warning("%s", error)
        raise FencedError(self.key)
