"""Where the values of one State are read and written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from duologue.state._changes import Change
from duologue.state._values import Codec, Values

Decision: TypeAlias = Callable[[Values], Values | None]
"""Makes new values of those that are there, or None to leave them. It changes neither."""


class Ledger(Protocol):
    """The values of one State, as somebody sees them. All calls are made on the loop."""

    async def read(self) -> Values:
        """The values; nobody may change what is returned."""
        ...

    async def change(self, change: Change) -> Values:
        """Change them, and tell what they are afterwards."""
        ...

    async def decide(self, decision: Decision, call: str) -> Values:
        """Change them by looking at them, with nobody in between.

        Args:
            decision: What is made of them.
            call: What the author has called, for errors.

        Returns:
            The values after it.

        Raises:
            StateAtOnceError: It is a turn's, which cannot know yet.
        """
        ...

    def revisions(self) -> AsyncIterator[Values]:
        """The values now, and whenever they have changed; the newest only."""
        ...

    def lock(self, call: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody of this process is inside a block like this.

        Raises:
            StateAtOnceError: It is a turn's.
        """
        ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Where it lives; None if that has ended."""
        ...

    @property
    def at_once(self) -> Ledger:
        """The same values without the turn around the caller."""
        ...


class Ledgers(Protocol):
    """Finds the values of a State when it is used first: many are asked for and not used.

    Attributes:
        codec: How values become bytes.
    """

    codec: Codec

    def ledger(self, cls: type, /) -> Ledger:
        """Where the values of a class are."""
        ...


class OneLedger(Ledgers):
    """The values of a State that are found already.

    Args:
        ledger: Where they are.
        codec: How they become bytes.
    """

    __slots__ = ("_ledger", "codec")

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self.codec = codec

    def ledger(self, cls: type, /) -> Ledger:  # noqa: ARG002
        """Where they are."""
        return self._ledger
