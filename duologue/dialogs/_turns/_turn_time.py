"""The time of a turn: whose body takes too long is cancelled.

A cancellation may have two reasons at once, the deadline and somebody else; only the one
that the deadline asked for becomes a `TurnTimeoutError`, as in `asyncio.timeout()`. The
deadlines of all turns share one timer, but for those of `fg()` blocks, whose time differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from duologue.actors import Clock
from duologue.actors._time._deadlines import Deadlines
from duologue.dialogs._delivery._receipts import Pending
from duologue.dialogs._state._turn import Turn, current_turn
from duologue.errors import TurnTimeoutError

T = TypeVar("T")


class TurnTime:
    """Runs the bodies of turns, and ends those that take too long.

    Args:
        clock: Tells the time.
        timeout: Seconds for the body of a turn.
    """

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._timeout = timeout
        self._deadlines = Deadlines[Turn](clock, timeout, _cut_short)

    def clear(self) -> None:
        """Forget all deadlines."""
        self._deadlines.clear()

    async def limit(
        self,
        turn: Turn,
        work: Coroutine[object, object, T],
        pending: Pending | None,
        started: float,
    ) -> T:
        """Run the body of a turn.

        Raises:
            TurnTimeoutError: It took too long.
            Exception: Whatever the body raises.
        """
        task = turn.task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        seconds, timer = self._timeout, None
        if pending is not None and pending.lending is not None:
            seconds += pending.lending.timeout
            timer = self._clock.call_later(seconds, _cut_short, turn)
        else:
            self._deadlines.add(turn, started)
        token = current_turn.set(turn)
        try:
            result = await work
        except asyncio.CancelledError:
            # Somebody else may have cancelled it as well; see asyncio.timeout().
            if turn.is_overdue and task is not None and task.uncancel() <= before:
                raise TurnTimeoutError(turn.address.key, seconds) from None
            raise
        except BaseException:
            if turn.is_overdue and task is not None:
                task.uncancel()
            raise
        finally:
            if timer is None:
                self._deadlines.discard(turn)
            else:
                timer.cancel()
            turn.end()
            current_turn.reset(token)
        if turn.is_overdue:  # the handler has swallowed its cancellation
            if task is not None:
                task.uncancel()
            raise TurnTimeoutError(turn.address.key, seconds)
        return result


def _cut_short(turn: Turn) -> None:
    """End a turn whose time is over."""
    turn.is_overdue = True
    if turn.task is not None:
        turn.task.cancel()
