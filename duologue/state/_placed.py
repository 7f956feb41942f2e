"""A State as code sees it: inside a turn its writes wait for the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from secrets import token_hex
from typing import TypeAlias

from duologue.actors import Letter, Mail
from duologue.errors import StateAtOnceError
from duologue.state._changes import Change, applied, packed
from duologue.state._keeper import Cell
from duologue.state._ledgers import Decision, Ledger
from duologue.state._values import Codec, Values


class Writes:
    """What a turn has written to States, until it is committed.

    Args:
        outbox: What leaves with its commit.
        jobs: What is called after it.
    """

    __slots__ = ("_changes", "_jobs", "_mail", "_outbox")

    def __init__(self, outbox: list[Letter], jobs: list[Callable[[], object]]) -> None:
        self._outbox = outbox
        self._jobs = jobs
        self._changes: dict[str, list[Change]] = {}
        self._mail: dict[str, Mail] = {}

    def over(self, cell: Cell, values: Values) -> Values:
        """The values of a State after all that the turn has written."""
        for change in self._changes.get(cell.key, ()):
            values = applied(change, values, cell.name)
        return values

    def add(self, cell: Cell, change: Change, codec: Codec) -> None:
        """Write something with the commit."""
        changes = self._changes.setdefault(cell.key, [])
        changes.append(change)
        mail = self._mail.get(cell.key)
        if mail is None:
            mail = self._mail[cell.key] = Mail(token_hex(12), b"")
            letter = Letter(cell.key, mail)
            if cell.is_local:
                self._jobs.append(lambda: cell.post(letter))
            else:
                self._outbox.append(letter)
        parts = [cell.name, cell.ttl, packed(changes)]
        mail.body, _ = codec.write(parts, ["name", "ttl", cell.name])


CurrentWrites: TypeAlias = Callable[[], Writes | None]
"""Tells what the turn around the caller has written; None outside of turns."""


class Placed(Ledger):
    """A State as code sees it.

    Args:
        cell: The State itself.
        codec: How its values become bytes.
        current: Tells the turn around the caller.
    """

    __slots__ = ("_cell", "_codec", "_current")

    def __init__(self, cell: Cell, codec: Codec, current: CurrentWrites) -> None:
        self._cell = cell
        self._codec = codec
        self._current = current

    async def read(self) -> Values:
        """The values, with what this turn has written."""
        writes = self._current()
        values = await self._cell.read()
        return values if writes is None else writes.over(self._cell, values)

    async def change(self, change: Change) -> Values:
        """Change them, and tell what they are, or will be with the commit."""
        writes = self._current()
        if writes is None:
            return await self._cell.change(change)
        values = applied(change, await self.read(), self._cell.name)
        writes.add(self._cell, change, self._codec)
        return values

    async def decide(self, decision: Decision, call: str) -> Values:
        """Change them by looking at them, with nobody in between.

        Raises:
            StateAtOnceError: Called inside a turn.
        """
        self._check(call)
        return await self._cell.decide(decision, call)

    def revisions(self) -> AsyncIterator[Values]:
        """The values now, and whenever they have changed; the newest only.

        Raises:
            StateAtOnceError: Called inside a turn, which would never end.
        """
        self._check("watch")
        return self._cell.revisions()

    def lock(self, call: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody of this process is inside a block like this.

        Raises:
            StateAtOnceError: Called inside a turn.
        """
        self._check(call)
        return self._cell.lock(call)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Where it lives; None if that has ended."""
        return self._cell.loop

    @property
    def at_once(self) -> Ledger:
        """The State itself."""
        return self._cell

    def _check(self, call: str) -> None:
        if self._current() is not None:
            raise StateAtOnceError(self._cell.name, call)
