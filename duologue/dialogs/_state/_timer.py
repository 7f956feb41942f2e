"""The handle of a call that is to come later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol, TypeAlias, cast

from duologue.dialogs._chat._sent import sending_turn
from duologue.errors import ReentrantCallError, TimerNotBoundError


class Cancellation(Enum):
    """What became of the wish to take a call back.

    Attributes:
        CANCELLED: It will not come any more.
        FIRED: It has come already.
        UNKNOWN: No such call waits: it was replaced or taken back before, its dialog was
            closed, its turn failed, or it came long ago.
        REQUESTED: It waits in another conversation than that of this turn, which asks for
            it with its commit.
    """

    CANCELLED = "cancelled"
    FIRED = "fired"
    UNKNOWN = "unknown"
    REQUESTED = "requested"


class _Turn(Protocol):
    """A turn, as far as timers need it."""

    active: bool

    def cancel_timer(self, address: str, token: str) -> Cancellation | None:
        """Take a call back; None if it waits in another conversation."""
        ...


class Timer:
    """A call of a background manager that is to come later.

    It may be kept in the data of a dialog and cancelled in a later turn.

    Attributes:
        address: The key of the conversation that it waits in.
        token: Names it there.
    """

    __slots__ = ("_cancel", "_receipt", "address", "token")

    def __init__(
        self,
        address: str,
        token: str,
        *,
        cancel: Cancel | None = None,
        receipt: Awaitable[object] | None = None,
    ) -> None:
        self.address: str = address
        self.token: str = token
        self._cancel = cancel
        self._receipt = receipt

    def __repr__(self) -> str:
        return f"<Timer {self.token} in {self.address}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timer) and other.form() == self.form()

    def __hash__(self) -> int:
        return hash(self.token)

    async def committed(self) -> None:
        """Wait until it is set: by a turn of its conversation, or by this one's commit.

        Raises:
            ReentrantCallError: Called inside a turn, where it could never end.
            TooManyTimersError: Too many wait in its conversation already.
            DialogClosedError: The dialog that it was meant for is closed.
        """
        if _active() is not None:
            raise ReentrantCallError
        if self._receipt is not None:
            await self._receipt

    async def cancel(self) -> Cancellation:
        """Take the call back.

        Inside a turn of its conversation this leaves with the commit; outside a turn it
        waits for one.

        Returns:
            What became of it.

        Raises:
            TimerNotBoundError: It comes from the data of a dialog, and this is not in a
                turn of its conversation.
        """
        turn = _active()
        if turn is not None:
            done = turn.cancel_timer(self.address, self.token)
            if done is not None:
                return done
        if self._cancel is None:
            raise TimerNotBoundError(self.address)
        return await self._cancel(self)

    def form(self) -> list[object]:
        """Its form in the data of a dialog."""
        return [self.address, self.token]

    @staticmethod
    def restore(form: list[str]) -> Timer:
        """Make it of that form."""
        return Timer(*form)


Cancel: TypeAlias = Callable[[Timer], Awaitable[Cancellation]]
"""Takes a call back through its conversation."""


def _active() -> _Turn | None:
    turn = cast("_Turn | None", sending_turn.get())
    return turn if turn is not None and turn.active else None
