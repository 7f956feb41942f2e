"""Receipts: what became of a message after it was accepted."""

from __future__ import annotations

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._state._turn import active_turn
from duologue.errors import (
    DialogClosedError,
    DialogCoveredError,
    NoContextError,
    ReentrantCallError,
    RuntimeStoppedError,
)

T = TypeVar("T")

MOVED_ON = (DialogClosedError, DialogCoveredError, NoContextError)
"""What a background call is told whose dialog has moved on: nobody's fault."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The message was handled and its changes are stored.

    Attributes:
        version: The version of the state that holds them.
    """

    version: int


@dataclass(frozen=True, slots=True)
class Answered(Committed):
    """A question of another program was answered, and what that changed is stored.

    Attributes:
        tag: The tag of the answer's class; None if it is plain JSON.
        data: The answer, as JSON.
    """

    tag: str | None
    data: Json


@dataclass(frozen=True, slots=True)
class Covered:
    """Data was merged into a dialog that another one covers; nothing is drawn.

    Attributes:
        version: The version of the state that holds it.
    """

    version: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The message had been handled before; nothing was done."""


Outcome: TypeAlias = Committed | Covered | Duplicate


class Hearer:
    """What a receipt reads: whoever has the receipt may still hear of an error.

    Attributes:
        is_heard: Whether somebody who waited was told of an error.
        reader: The receipt, as long as somebody has it.
        forget: Drops the report of the error, once somebody who waited was told.
    """

    __slots__ = ("forget", "is_heard", "reader")

    def __init__(self) -> None:
        self.is_heard: bool = False
        self.reader: Callable[[], Receipt | None] = nobody
        self.forget: Callable[[], object] = nobody


class DrawnView(Hearer, ABC):
    """A view on its way to a screen, or there."""

    __slots__ = ()

    @abstractmethod
    async def wait(self) -> None:
        """Wait until it, or a newer view in its place, is on the screen.

        Raises:
            MessengerError: The messenger refused it for good.
        """


class Pending(Hearer):
    """A message that was accepted here and is not handled yet.

    It is not the receipt itself, so that it can tell whether somebody still has that.

    Args:
        id: The message.
        since: When it was offered to its mailbox, by the clock.
        update: The update that it holds, parsed already.
        batch: The batch of the poller that the update came in, if it did.
        lending: Who waits for its turn in `fg()`.

    Attributes:
        view: What shows its outcome, or the view that it is about.
        safe: Ends when the update may be acknowledged, for those who want to know.
        is_foreign: Whether another process waits for it.
    """

    is_foreign: bool = False

    __slots__ = (
        "_future",
        "_outcome",
        "_waiting",
        "batch",
        "id",
        "lending",
        "safe",
        "since",
        "update",
        "view",
    )

    def __init__(
        self,
        id: str,  # noqa: A002  # the name of the attribute
        since: float,
        *,
        update: Update | None = None,
        batch: int | None = None,
        lending: Lending | None = None,
    ) -> None:
        super().__init__()
        self.id: str = id
        self.since: float = since
        self.update: Update | None = update
        self.batch: int | None = batch
        self.lending: Lending | None = lending
        self.safe: asyncio.Future[None] | None = None
        self._outcome: Outcome | BaseException | None = None
        self._future: asyncio.Future[Outcome] | None = None
        self.view: DrawnView | None = None
        self._waiting = 0

    def done(self) -> bool:
        """Tell whether there is an outcome."""
        return self._outcome is not None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the outcome now."""
        return self._waiting > 0

    def resolve(self, outcome: Outcome, view: DrawnView | None = None) -> None:
        """Note the outcome, and the view that shows it."""
        if self._outcome is None:
            self.view = view
            if view is not None and self.reader is not nobody:
                view.reader = self.reader
            self._outcome = outcome
            if self._future is not None:
                self._future.set_result(outcome)
            if self.safe is not None and not self.safe.done():
                self.safe.set_result(None)

    def fail(self, error: BaseException) -> bool:
        """Note that the message was not handled.

        Returns:
            Whether somebody waits in `fg()`, and so will hear of it.
        """
        if self._outcome is None:
            self._outcome = error
            if self._future is not None:
                _fail(self._future, error)
            if self.safe is not None and not self.safe.done():
                self._settle_safe(self.safe, error)
        if self.lending is None:
            return False
        if not self.lending.entered.done():
            _fail(self.lending.entered, error)
        return not self.lending.is_abandoned

    async def outcome(self) -> Outcome:
        """Wait for the outcome; raise what made the turn fail."""
        if self._future is None:
            # Most messages have nobody who waits, so their futures are not made.
            self._future = asyncio.get_running_loop().create_future()
            if isinstance(self._outcome, BaseException):
                _fail(self._future, self._outcome)
            elif self._outcome is not None:
                self._future.set_result(self._outcome)
        self._waiting += 1
        try:
            return await asyncio.shield(self._future)
        except asyncio.CancelledError:
            raise
        except BaseException:
            self.is_heard = True
            self.forget()
            raise
        finally:
            self._waiting -= 1

    async def drawn(self) -> None:
        """Wait until the screen shows what was committed."""
        if self.view is not None:
            await self.view.wait()

    @staticmethod
    def _settle_safe(safe: asyncio.Future[None], error: BaseException) -> None:
        """A failed turn is done with; one that was stopped comes again."""
        if isinstance(error, RuntimeStoppedError):
            _fail(safe, error)
        else:
            safe.set_result(None)


class Receipt:
    """The promise of an outcome. Awaiting it means: until the commit.

    Several may wait for it, and each may be cancelled without harm to the others. An
    error that nobody has heard of when the receipt is dropped, or when the runtime
    ends, goes to the error hook, the log and a count.

    Args:
        pending: What it reads.
    """

    __slots__ = ("__weakref__", "_pending")

    def __init__(self, pending: Pending) -> None:
        self._pending = pending
        pending.reader = weakref.ref(self)

    def __repr__(self) -> str:
        return f"<Receipt {self.id} {'done' if self.done() else 'pending'}>"

    def __await__(self) -> Generator[object, None, Outcome]:
        """Wait for the outcome.

        Returns:
            What became of the message.

        Raises:
            ReentrantCallError: Called inside a turn, where it could never end.
            Exception: Whatever made the turn fail.
        """
        if active_turn() is not None:
            raise ReentrantCallError
        return self._pending.outcome().__await__()

    @property
    def id(self) -> str:
        """The message that it belongs to."""
        return self._pending.id

    async def drawn(self) -> None:
        """Wait until the view of this message, or a newer one, is on the screen.

        Raises:
            ReentrantCallError: Called inside a turn.
            MessengerError: The messenger refused the view for good.
            Exception: Whatever made the turn fail.
        """
        await self
        await self._pending.drawn()

    def done(self) -> bool:
        """Tell whether there is an outcome."""
        return self._pending.done()


def nobody() -> None:
    """Stand for a receipt that was never handed out."""


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    future.set_exception(error)
    # The runtime reports what nobody awaits; asyncio need not do it too.
    future.exception()


class Lending:
    """The hand-over of a turn to the body of `fg()` and back.

    Attributes:
        entered: Ends with the manager when the turn begins.
        left: Ends when the body does: with None, or with what it raised.
        is_abandoned: Whether the caller gave up before the turn began.
        timeout: Seconds after which the caller gives up.
    """

    __slots__ = ("entered", "is_abandoned", "left", "timeout")

    def __init__(self, timeout: float) -> None:
        self.timeout: float = timeout
        loop = asyncio.get_running_loop()
        self.entered: asyncio.Future[object] = loop.create_future()
        self.left: asyncio.Future[BaseException | None] = loop.create_future()
        self.is_abandoned: bool = False

    def leave(self, error: BaseException | None) -> None:
        """Give the turn back."""
        if not self.left.done():
            self.left.set_result(error)
