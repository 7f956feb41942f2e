"""The same operations, blocking: for functions in threads."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
)
from contextlib import contextmanager, suppress
from typing import TypeVar

from duologue.errors import BlockingCallError, StateEndedError
from duologue.state._declaration import Declaration
from duologue.state._handle import AsyncState, Declared
from duologue.state._ledgers import Ledgers, OneLedger
from duologue.state._values import Value, Values

T = TypeVar("T")


class SyncState(Declared):
    """Values that tasks share, for functions that are not async; see AsyncState.

    Its methods are the same and block the thread until they are done. A thread that
    runs an event loop is refused.
    """

    def __init__(self, ledgers: Ledgers) -> None:
        super().__init__(ledgers)
        self.on_loop: AsyncState = _OnLoop(
            OneLedger(self._ledger, ledgers.codec), self._declared
        )

    def get(self, key: str | None = None, default: Value = None) -> Value:
        """The value of a name, else the default; without a name all values."""
        return self.wait_for(self.on_loop.get(key, default), "get")

    def get_all(self) -> Values:
        """All values."""
        return self.wait_for(self.on_loop.get_all(), "get_all")

    def set(self, key: str, value: Value) -> None:
        """Write a value."""
        self.wait_for(self.on_loop.set(key, value), "set")

    def update(self, /, **values: Value) -> Values:
        """Write some values; return all after it."""
        return self.wait_for(self.on_loop.update(**values), "update")

    def delete(self, key: str) -> None:
        """Forget a value, which need not be there."""
        self.wait_for(self.on_loop.delete(key), "delete")

    def clear(self) -> None:
        """Forget all values."""
        self.wait_for(self.on_loop.clear(), "clear")

    def incr(self, key: str, by: float = 1) -> Value:
        """Add to a number; return it."""
        return self.wait_for(self.on_loop.incr(key, by), "incr")

    def set_if(self, key: str, expected: Value, new: Value) -> bool:
        """Write a value if the old one is as expected; tell whether it was."""
        return self.wait_for(self.on_loop.set_if(key, expected, new), "set_if")

    def modify(
        self, function: Callable[[Values], Values | Awaitable[Values]]
    ) -> Values:
        """Replace all values by what a function makes of them; return them."""
        return self.wait_for(self.on_loop.modify(function), "modify")

    @contextmanager
    def transaction(self) -> Generator[Values]:
        """All values, to be changed inside the block and written at its end."""
        block = self.on_loop.transaction()
        values = self.wait_for(block.__aenter__(), "transaction")
        try:
            yield values
        except BaseException as error:
            if not self.wait_for(
                block.__aexit__(type(error), error, error.__traceback__), "transaction"
            ):
                raise
        else:
            self.wait_for(block.__aexit__(None, None, None), "transaction")

    def watch(self) -> Iterator[Values]:
        """All values at once, and again whenever they have changed; the newest only."""
        changes = self.on_loop.watch()
        with suppress(StopAsyncIteration):
            while True:
                yield self.wait_for(_next(changes), "watch")

    def wait_for(self, work: Coroutine[object, object, T], call: str) -> T:
        """Wait for something that runs on the loop of the State.

        Raises:
            BlockingCallError: This thread runs a loop.
            StateEndedError: The loop has ended.
        """
        loop = self._ledger.loop
        if _runs_a_loop():
            work.close()
            name = self._declared.name
            instead = f"class {name}(AsyncState)` and `await state.{call}(...)"
            raise BlockingCallError(f"{name}.{call}()", instead)
        if loop is None or loop.is_closed():
            work.close()
            raise StateEndedError(self._declared.name)
        return asyncio.run_coroutine_threadsafe(work, loop).result()


class State(SyncState):
    """A SyncState under the name that QTasks' documents use.

    The state of a window is another class: `duologue.dialogs.State`.
    """


class _OnLoop(AsyncState):
    """A SyncState as it is on the loop: its class declares what the other one's does."""

    def __init__(self, ledgers: Ledgers, declared: Declaration) -> None:
        super().__init__(ledgers)
        self._declared = declared


async def _next(changes: AsyncIterator[Values]) -> Values:
    return await anext(changes)


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
