"""A `with` block on a thread whose `async with` runs on the loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context, ContextVar, Token, copy_context
from typing import TypeAlias

from duologue.errors import CallCancelledError
from duologue.threads._call import Call, surroundings
from duologue.threads._loop_thread import LoopThread

Values: TypeAlias = dict[ContextVar[object], object]


class Block:
    """One `async with`, entered and left by a thread.

    One task on the loop enters it, waits for the thread, and leaves it, because a
    deadline belongs to the task that sets it. Context variables that entering sets
    are set in the thread too, for as long as its block. When the block fails on the
    loop, by its deadline for instance, the calls made in it fail with it.

    Args:
        thread: Where the loop is.
        manager: What is entered.
        name: What it is called in errors.
    """

    def __init__(
        self,
        thread: LoopThread,
        manager: AbstractAsyncContextManager[object, bool | None],
        name: str,
    ) -> None:
        self._thread = thread
        self._manager = manager
        self._name = name
        self._entered: Future[tuple[object, Values]] = Future()
        self._left: asyncio.Future[BaseException | None] | None = None
        self._calls: set[Call] = set()
        self._tokens: list[tuple[ContextVar[object], Token[object]]] = []
        self._session: Call = Call(
            thread, name, f"async with {name}", lambda: self._run(copy_context())
        )
        self._session.outcome.add_done_callback(self._end)

    def enter(self) -> object:
        """Wait until it is entered.

        Returns:
            What `as` gives.
        """
        try:
            value, changed = self._entered.result()
        except BaseException:
            self._thread.cancel(self._session, CallCancelledError(self._name))
            raise
        for variable, content in changed.items():
            self._tokens.append((variable, variable.set(content)))
        self._inside = surroundings.set(self)
        return value

    def leave(self, error: BaseException | None) -> bool:
        """Leave it and wait for its end.

        Args:
            error: What the block of the thread raised.

        Returns:
            Whether the error was dealt with.

        Raises:
            BaseException: What leaving raised, unless the program is being ended.
        """
        self._restore()
        if self._thread.is_forked:
            return False
        self._thread.post(lambda: self._let_go(error))
        try:
            return bool(self._session.wait())
        except BaseException as raised:
            if raised is error or not isinstance(error, Exception | None):
                return False
            raise

    def admit(self, call: Call) -> None:
        """Let a call made inside share the fate of the block."""
        self._calls.add(call)
        call.outcome.add_done_callback(lambda _: self._calls.discard(call))
        outcome = self._session.outcome
        failed = outcome.exception() if outcome.done() else None
        if failed is not None:
            raise failed

    async def _run(self, before: Context) -> bool:
        error: BaseException | None = None
        self._left = asyncio.get_running_loop().create_future()
        async with self._manager as value:
            self._entered.set_result((value, _changed(before)))
            error = await self._left
            if error is not None:
                raise error
        return error is not None

    def _let_go(self, error: BaseException | None) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(error)

    def _end(self, outcome: Future[object]) -> None:
        failed = outcome.exception()
        if not self._entered.done():
            self._entered.set_exception(failed or CallCancelledError(self._name))
        if failed is not None:
            reason = failed if isinstance(failed, Exception) else None
            for call in tuple(self._calls):
                call.cancel(reason or CallCancelledError(self._name))

    def _restore(self) -> None:
        with suppress(ValueError):  # left in another context than entered
            surroundings.reset(self._inside)
        for variable, token in reversed(self._tokens):
            with suppress(ValueError):
                variable.reset(token)
        self._tokens.clear()


def _changed(before: Context) -> Values:
    """The variables that have other values now than they had then."""
    now = copy_context()
    return {
        variable: now[variable]
        for variable in now
        if variable not in before or before[variable] is not now[variable]
    }
