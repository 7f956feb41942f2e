"""Foreground access: a block of the caller's code as a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Token
from types import TracebackType
from typing import Generic, Literal, TypeVar, cast

from duologue.dialogs._chat._address import Address
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Lending, Receipt
from duologue.dialogs._state._commands import LendTurn
from duologue.dialogs._state._turn import Turn, active_turn, current_turn
from duologue.errors import (
    AsyncWithNeededError,
    ForegroundTimeoutError,
    ReentrantCallError,
)

M = TypeVar("M")


class Foreground(Generic[M]):
    """`async with bg.fg() as manager`: a turn whose handler is the block.

    Args:
        post: Sends the request for the turn.
        address: Whose turn it is.
        command: The request.
        timeout: Seconds for waiting and for the block together.
        prepare: Is awaited before the request is sent.
    """

    def __init__(
        self,
        post: Post,
        address: Address,
        command: LendTurn,
        timeout: float,
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._post = post
        self._address = address
        self._command = command
        self._timeout = timeout
        self._prepare = prepare
        self._limit = asyncio.timeout(None)
        self._lending: Lending | None = None
        self._receipt: Receipt | None = None
        self._token: Token[Turn | None] | None = None

    def __enter__(self) -> M:
        """Refuse: this would block the loop that the turn needs."""
        raise AsyncWithNeededError

    def __exit__(self, *_error: object) -> None:
        """Never reached."""

    async def __aenter__(self) -> M:
        """Wait for the turn.

        Raises:
            ReentrantCallError: Called inside a turn.
            NoContextError: No dialog is open.
            DialogClosedError: The dialog is closed.
            ForegroundTimeoutError: The turn did not come in time.
            MessengerError: The messenger does not say who is at the address.
        """
        if active_turn() is not None:
            raise ReentrantCallError
        self._lending = Lending(self._timeout)
        self._limit = asyncio.timeout(self._timeout)
        await self._limit.__aenter__()
        try:
            await self._prepare()
            self._receipt = await self._post.send(
                self._address, self._command, lending=self._lending
            )
            manager, turn = cast("tuple[M, Turn]", await self._lending.entered)
        except BaseException as error:
            # What was raised holds this frame: nobody may keep it, or all would stay.
            lending, self._lending, self._receipt = self._lending, None, None
            lending.is_abandoned = True
            lending.leave(asyncio.CancelledError())
            await self._expire(error)
            raise
        self._token = current_turn.set(turn)
        return manager

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        """Give the turn back and wait for its commit, or for its end.

        Raises:
            ForegroundTimeoutError: The block took too long; nothing is changed.
            Exception: Whatever made the commit fail.
        """
        assert self._lending is not None  # noqa: S101  # __aenter__ has set it
        assert self._receipt is not None  # noqa: S101  # __aenter__ has set it
        if error is None and self._limit.expired():
            error = TimeoutError()  # the block has swallowed its cancellation
        self._lending.leave(error)
        if self._token is not None:
            with suppress(ValueError):  # left in another context than entered
                current_turn.reset(self._token)
        if error is not None:
            await self._expire(error)
            return False
        self._limit.reschedule(None)
        await self._limit.__aexit__(None, None, None)
        await self._receipt
        return False

    async def _expire(self, error: BaseException) -> None:
        try:
            await self._limit.__aexit__(type(error), error, error.__traceback__)
        except TimeoutError:
            raise ForegroundTimeoutError(self._address.key, self._timeout) from error
        if isinstance(error, TimeoutError) and self._limit.expired():
            raise ForegroundTimeoutError(self._address.key, self._timeout)
