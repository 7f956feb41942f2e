"""State of a dialog: a field of its own snapshot, which ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext

from duologue.dialogs._state._stack import Context
from duologue.dialogs._state._turn import Turn
from duologue.errors import StateAtOnceError
from duologue.state._changes import Change, applied
from duologue.state._ledgers import Decision, Ledger
from duologue.state._values import Values


class DialogLedger(Ledger):
    """The values of a State that lie in a dialog.

    A turn is alone with its dialog, so nobody comes in between and nothing need wait.

    Args:
        turn: The turn that works with it.
        context: The dialog.
        name: The name of the State.
    """

    __slots__ = ("_context", "_key", "_name", "_turn")

    def __init__(self, turn: Turn, context: Context, name: str) -> None:
        self._turn = turn
        self._context = context
        self._name = name
        self._key = f"state:{name}"  # no widget is called like this

    async def read(self) -> Values:
        """The values; nobody may change what is returned.

        Raises:
            IncorrectBackgroundError: The turn has ended.
        """
        self._turn.check()
        found: Values = self._context.widget_data.get(self._key, {})
        return found

    async def change(self, change: Change) -> Values:
        """Change them, and tell what they are afterwards."""
        values = applied(change, await self.read(), self._name)
        return self._write(values)

    async def decide(self, decision: Decision, call: str) -> Values:  # noqa: ARG002
        """Change them by looking at them."""
        before = await self.read()
        after = decision(before)
        return before if after is None else self._write(after)

    def revisions(self) -> AsyncIterator[Values]:
        """Refuse: a turn would never end.

        Raises:
            StateAtOnceError: Always.
        """
        raise StateAtOnceError(self._name, "watch")

    def lock(self, call: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """Nothing to wait for."""
        return nullcontext()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """None: handlers of dialogs run on the loop."""
        return None

    @property
    def at_once(self) -> Ledger:
        """The same: it is nowhere else."""
        return self

    def _write(self, values: Values) -> Values:
        self._context.widget_data[self._key] = values
        self._turn.is_changed = True
        return values
