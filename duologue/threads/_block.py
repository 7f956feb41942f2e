"""A `with` block on a thread whose `async with` runs on the loop."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context, ContextVar, Token, copy_context
from typing import TypeAlias

from duologue.errors import CallCancelledError
from duologue.threads._call import LoopCall, ThreadFuture, surroundings
from duologue.threads._loop_thread import LoopThread

Values: TypeAlias = dict[ContextVar[object], object]


class Block:
    """One `async with`, entered and left by a thread.

    One task on the loop enters it, waits for the thread, and leaves it, because a
    deadline belongs to the task that sets it. Context variables that entering sets
    are set in the thread too, for as long as its block. When the block fails on the
    loop, by its deadline for instance, the calls made in it fail with it.
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
        self._entered: ThreadFuture[tuple[object, Values]] = ThreadFuture()
        self._failed: BaseException | None = None
        self._is_left = False
        self._left: asyncio.Future[BaseException | None] | None = None
        self._calls: set[LoopCall] = set()
        self._tokens: list[tuple[ContextVar[object], Token[object]]] = []
        self._session: LoopCall = LoopCall(
            thread,
            name,
            f"async with {name}",
            lambda: self._run(copy_context()),
            then=self._end,
        )

    def enter(self) -> object:
        """Wait until it is entered, for what `as` gives."""
        try:
            self._entered.wait()
            value, changed = self._entered.get()
        except BaseException:
            self._thread.cancel(self._session, CallCancelledError(self._name))
            raise
        for variable, content in changed.items():
            self._tokens.append((variable, variable.set(content)))
        self._inside = surroundings.set(self)
        return value

    def leave(self, error: BaseException | None) -> bool:
        """Leave it with the error of the thread; tell whether that was dealt with.

        Raises:
            BaseException: What leaving raised, unless the program is being ended.
        """
        self._is_left = True
        self._restore()
        if self._thread.is_forked:
            return False
        traceback = None if error is None else error.__traceback__
        self._thread.post(lambda: self._let_go(error))
        try:
            return bool(self._session.wait())
        except BaseException as raised:
            if error is None or not _is_meant(error, raised):
                raise
            error.__traceback__ = traceback  # without its way through the loop
            return False

    def admit(self, call: LoopCall) -> None:
        """Let a call made inside share the fate of the block."""
        if self._is_left:  # by another thread, which could not say so to this one
            return
        self._calls.add(call)
        failed = self._failed
        if failed is not None:
            raise failed

    def forget(self, call: LoopCall) -> None:
        """Let go of a call that has ended."""
        self._calls.discard(call)

    async def _run(self, before: Context) -> bool:
        error: BaseException | None = None
        self._left = asyncio.get_running_loop().create_future()
        async with self._manager as value:
            self._entered.succeed((value, _changed(before)))
            error = await self._left
            if error is not None:
                raise error
        return error is not None

    def _let_go(self, error: BaseException | None) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(error)

    def _end(self, failed: BaseException | None) -> None:
        self._failed = failed
        if not self._entered.is_settled:
            self._entered.fail(failed or CallCancelledError(self._name))
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


def _is_meant(error: BaseException, raised: BaseException) -> bool:
    """Whether an error of the block is what matters of what leaving it has raised."""
    if isinstance(error, StopIteration) and raised.__cause__ is error:
        return True  # no coroutine can raise one (PEP 479)
    return raised is error or not isinstance(error, Exception)


def _changed(before: Context) -> Values:
    """The variables that have other values now than they had then."""
    now = copy_context()
    return {
        variable: now[variable]
        for variable in now
        if variable not in before or before[variable] is not now[variable]
    }
