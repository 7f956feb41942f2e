"""The same operations, blocking: for functions in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from duologue.errors import BlockingCallError, StateEndedError
from duologue.state._declaration import Declaration
from duologue.state._handle import AsyncState, Declared
from duologue.state._ledgers import Ledger
from duologue.state._values import Codec, Values

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: Callable[Concatenate[AsyncState, P], Coroutine[object, object, T]],
) -> Callable[Concatenate[SyncState, P], T]:
    """Make the form of a method that waits for its end."""

    @wraps(method)
    def call(self: SyncState, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.wait_for(method(self.on_loop, *args, **kwargs), method.__name__)

    return call


class SyncState(Declared):
    """Values that tasks share, for functions that are not async; see AsyncState.

    Its methods are the same and block the thread until they are done. A thread that
    runs an event loop is refused.
    """

    def __init__(
        self, ledger: Ledger, codec: Codec, declaration: Declaration | None = None
    ) -> None:
        super().__init__(ledger, codec, declaration)
        self.on_loop: AsyncState = AsyncState(ledger, codec, self._declared)

    get = _blocking(AsyncState.get)
    get_all = _blocking(AsyncState.get_all)
    set = _blocking(AsyncState.set)
    update = _blocking(AsyncState.update)
    delete = _blocking(AsyncState.delete)
    clear = _blocking(AsyncState.clear)
    incr = _blocking(AsyncState.incr)
    set_if = _blocking(AsyncState.set_if)
    modify = _blocking(AsyncState.modify)

    @contextmanager
    def transaction(self) -> Iterator[Values]:
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
            instead = f"await state.{call}(...), with `class {name}(AsyncState)`"
            raise BlockingCallError(f"{name}.{call}()", instead)
        if loop is None or loop.is_closed():
            work.close()
            raise StateEndedError(self._declared.name)
        return asyncio.run_coroutine_threadsafe(work, loop).result()


class State(SyncState):
    """A SyncState under the name that QTasks' documents use.

    The state of a window is another class: `duologue.dialogs.State`.
    """


async def _next(changes: AsyncIterator[Values]) -> Values:
    return await anext(changes)


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
