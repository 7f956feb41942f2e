"""Receipts: what became of a message after it was accepted."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from duologue.dialogs._chat._ports import Update
from duologue.dialogs._state._turn import active_turn
from duologue.errors import ReentrantCallError


@dataclass(frozen=True, slots=True)
class Committed:
    """The message was handled and its changes are stored.

    Attributes:
        version: The version of the state that holds them.
    """

    version: int


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


class Promise:
    """What the runtime keeps of a receipt: it will be kept or broken.

    It is not the receipt itself, so that it can tell whether somebody still has that.

    Args:
        id: The message that it belongs to.

    Attributes:
        is_heard: Whether somebody who waited was told of an error.
        reader: The receipt, as long as somebody has it.
    """

    __slots__ = (
        "_drawn",
        "_future",
        "_outcome",
        "_waiting",
        "_watchers",
        "id",
        "is_heard",
        "reader",
    )

    def __init__(self, id: str) -> None:  # noqa: A002  # the name of the attribute
        self.id: str = id
        self.is_heard: bool = False
        self.reader: Callable[[], Receipt | None] = _nobody
        self._outcome: Outcome | BaseException | None = None
        self._future: asyncio.Future[Outcome] | None = None
        self._watchers: list[Callable[[BaseException | None], None]] = []
        self._drawn: asyncio.Future[None] | None = None
        self._waiting = 0

    def done(self) -> bool:
        """Tell whether there is an outcome."""
        return self._outcome is not None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for the outcome now."""
        return self._waiting > 0

    def resolve(self, outcome: Outcome, drawn: asyncio.Future[None] | None) -> None:
        """Note the outcome; `drawn` ends when the screen shows it."""
        if self._outcome is None:
            self._drawn = drawn
            self._end(outcome)

    def watch(self, callback: Callable[[BaseException | None], None]) -> None:
        """Have a function called with the error of the message, or None."""
        if self._outcome is None:
            self._watchers.append(callback)
        else:
            callback(_error(self._outcome))

    def fail(self, error: BaseException) -> None:
        """Note that the message was not handled."""
        if self._outcome is None:
            self._end(error)

    async def outcome(self) -> Outcome:
        """Wait for the outcome; raise what made the turn fail."""
        if self._future is None:
            # Most messages have nobody who waits, so their futures are not made.
            self._future = asyncio.get_running_loop().create_future()
            if self._outcome is not None:
                _settle(self._future, self._outcome)
        self._waiting += 1
        try:
            return await asyncio.shield(self._future)
        except asyncio.CancelledError:
            raise
        except BaseException:
            self.is_heard = True
            raise
        finally:
            self._waiting -= 1

    async def drawn(self) -> None:
        """Wait until the screen shows what was committed."""
        if self._drawn is not None:
            await asyncio.shield(self._drawn)

    def _end(self, outcome: Outcome | BaseException) -> None:
        self._outcome = outcome
        if self._future is not None:
            _settle(self._future, outcome)
        for watcher in self._watchers:
            watcher(_error(outcome))
        self._watchers.clear()


class Receipt:
    """The promise of an outcome. Awaiting it means: until the commit.

    Several may wait for it, and each may be cancelled without harm to the others. An
    error that nobody has heard of when the receipt is dropped, or when the runtime
    ends, goes to the error hook, the log and a count.

    Args:
        promise: What it reads.
    """

    __slots__ = ("__weakref__", "_promise")

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        promise.reader = weakref.ref(self)

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
        return self._promise.outcome().__await__()

    @property
    def id(self) -> str:
        """The message that it belongs to."""
        return self._promise.id

    async def drawn(self) -> None:
        """Wait until the view of this message, or a newer one, is on the screen.

        Raises:
            ReentrantCallError: Called inside a turn.
            MessengerError: The messenger refused the view for good.
            Exception: Whatever made the turn fail.
        """
        await self
        await self._promise.drawn()

    def done(self) -> bool:
        """Tell whether there is an outcome."""
        return self._promise.done()


def _nobody() -> None:
    """Stand for a receipt that was never handed out."""


def _error(outcome: Outcome | BaseException) -> BaseException | None:
    return outcome if isinstance(outcome, BaseException) else None


def _settle(future: asyncio.Future[Outcome], outcome: Outcome | BaseException) -> None:
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
        # The runtime reports what nobody awaits; asyncio need not do it too.
        future.exception()
    else:
        future.set_result(outcome)


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


@dataclass(slots=True)
class Waiter:
    """Who in this process waits for a message.

    Attributes:
        promise: Tells them.
        update: The update that the message holds, parsed already.
        lending: Who waits in `fg()`.
        since: When the message was offered to its mailbox, by the clock.
    """

    promise: Promise
    update: Update | None = None
    lending: Lending | None = None
    since: float = 0.0

    def fail(self, error: BaseException) -> bool:
        """Tell whoever waits that the message was not handled.

        Returns:
            Whether somebody waits in `fg()`, and so will hear of it.
        """
        self.promise.fail(error)
        if self.lending is None:
            return False
        if not self.lending.entered.done():
            self.lending.entered.set_exception(error)
            self.lending.entered.exception()
        return not self.lending.is_abandoned


class Waiters:
    """Who waits for which message. Local to the process, unlike the messages."""

    def __init__(self) -> None:
        self._waiters: dict[str, Waiter] = {}
        self._idle: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._waiters)

    def add(self, mail_id: str, waiter: Waiter) -> None:
        """Note a waiter before its message is sent."""
        self._waiters[mail_id] = waiter

    def get(self, mail_id: str) -> Waiter | None:
        """Find the waiter of a message."""
        return self._waiters.get(mail_id)

    def remove(self, mail_id: str) -> Waiter | None:
        """Forget the waiter of a message, and return it."""
        waiter = self._waiters.pop(mail_id, None)
        if not self._waiters:
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
            self._idle.clear()
        return waiter

    async def wait_idle(self) -> None:
        """Wait until no message of this process is unhandled."""
        while self._waiters:
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    def fail_all(self, error: BaseException) -> None:
        """Tell everybody that the messages will not be handled here."""
        for mail_id in list(self._waiters):
            waiter = self.remove(mail_id)
            if waiter is not None:
                waiter.fail(error)
