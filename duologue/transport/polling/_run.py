"""One run of a poller: a coroutine that carries out what the rules say."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from duologue.actors._time._seconds import as_delay
from duologue.transport.polling._io import PollerIO
from duologue.transport.polling._reporter import Reporter
from duologue.transport.polling._rules import Rules, left_behind
from duologue.transport.polling._steps import (
    ActionFailed,
    DeadlinePassed,
    End,
    HandOver,
    PollerAction,
    PollerEvent,
    PollerProgress,
    Save,
    StopAsked,
)

# Seconds for saving what is left; without it the whole batch comes again, no more.
_KEEP_TIMEOUT = 5.0

# Seconds after which an unfinished batch is worth a word: it holds up all others.
_SLOW = 30.0


class PollerRun:
    """Carries out one action after the other, from the first to the end.

    An interruption may give it something else to do. Then the action in hand is
    cancelled, and what came of it is forgotten: the rules have answered already.

    Attributes:
        progress: Where it stands.
        ended: Why it has ended, once it has; None if somebody asked for it.
    """

    def __init__(self, rules: Rules, io: PollerIO, reporter: Reporter) -> None:
        self._loop = asyncio.get_running_loop()
        self.progress: PollerProgress = rules.first()
        self.ended: asyncio.Future[Exception | None] = self._loop.create_future()
        self._rules = rules
        self._io = io
        self._reporter = reporter
        self._in_hand: asyncio.Timeout | None = None
        self._deadline: asyncio.TimerHandle | None = None

    async def work(self) -> None:
        """Go on until the rules say that nothing is left to do."""
        while not isinstance(action := self.progress.doing, End):
            event = await self._outcome(action)
            if event is not None and self.progress.doing is action:
                self._reporter.note(action, event)
                self.progress = self._rules.after(self.progress, event)

    def stop(self, drain: float) -> None:
        """Fetch no more, and finish what has been fetched.

        Args:
            drain: Seconds for what is unfinished; then it is left as it is.
        """
        self._interrupt(StopAsked())
        _cancel(self._deadline)
        delay = as_delay(drain)
        self._deadline = self._loop.call_later(delay, self._pass_deadline)

    async def keep_rest(self) -> None:
        """Save what a stop has left, so that only this comes again."""
        position = left_behind(self.progress)
        if position is None:
            return
        action = Save(position)
        event: PollerEvent = ActionFailed(TimeoutError("the disk takes too long"))
        with suppress(TimeoutError):
            async with asyncio.timeout(_KEEP_TIMEOUT):
                event = await self._io.perform(action)
        self._reporter.note(action, event)

    def end(self, error: Exception | None) -> None:
        """Let everybody know that it has ended; the first reason counts."""
        _cancel(self._deadline)
        if self.ended.done():
            return
        if error is not None:
            self._reporter.ended(error)
        self.ended.set_result(error)

    def _pass_deadline(self) -> None:
        batch = self.progress.batch
        self._interrupt(DeadlinePassed(self._io.handover.rest(batch)))
        self.end(None)  # an intake that does not let go holds up its actor only

    def _interrupt(self, event: StopAsked | DeadlinePassed) -> None:
        """Take into account what did not come of the action in hand."""
        before = self.progress.doing
        self.progress = self._rules.after(self.progress, event)
        scope = self._in_hand
        if self.progress.doing is not before and scope and not scope.expired():
            scope.reschedule(self._loop.time())

    async def _outcome(self, action: PollerAction) -> PollerEvent | None:
        """Carry out an action; None if it was called off."""
        late = None
        if isinstance(action, HandOver):
            late = self._loop.call_later(_SLOW, self._tell_of_delay)
        try:
            async with asyncio.timeout(None) as self._in_hand:
                return await self._io.perform(action)
        except TimeoutError:
            return None
        finally:
            self._in_hand = None
            _cancel(late)

    def _tell_of_delay(self) -> None:
        self._reporter.late(len(self.progress.batch), _SLOW)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
