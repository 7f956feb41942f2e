"""Timers: messages that an actor sends to itself, later."""

from __future__ import annotations

import math
from typing import NamedTuple

from duologue.actors._mailbox._envelope import RuntimeEnvelope
from duologue.actors._mailbox._mailbox import Mailbox, Scheduler
from duologue.actors._time._clock import TimerHandle
from duologue.actors._time._seconds import is_positive_seconds, is_seconds
from duologue.errors import TimerSettingError


class Tick(NamedTuple):
    """The message of a timer on its way; a timer itself is a message like any other."""

    timer: Timer


class Timer:
    """A message that an actor gets later, once or again and again.

    `AsyncActor.send_after` and `send_every` make it. It ends with its actor, and when
    that begins anew. It is no task, and it keeps nobody awake.
    """

    __slots__ = (
        "_due",
        "_handle",
        "_host",
        "_is_active",
        "_is_waiting",
        "_mailbox",
        "_owned",
        "_period",
        "message",
    )

    def __init__(
        self,
        mailbox: Mailbox,
        host: Scheduler,
        owned: dict[Timer, None],
        message: object,
        *,
        first: float,
        period: float | None,
    ) -> None:
        self.message: object = message
        self._mailbox = mailbox
        self._host = host
        self._owned = owned
        self._period = period
        self._is_active = True
        self._is_waiting = False
        self._due = host.clock.time() + first
        self._handle: TimerHandle | None = host.clock.call_later(first, self._ring)
        owned[self] = None

    def __repr__(self) -> str:
        state = "active" if self._is_active else "over"
        return f"<Timer of {self.message!r}, {state}>"

    @property
    def is_active(self) -> bool:
        """Whether its message will be handled, or handled again."""
        return self._is_active

    def cancel(self) -> None:
        """Call it off; callable from any thread.

        Its message is not handled any more, even if it waits in the mailbox already.
        """
        if not self._is_active:
            return
        self._is_active = False
        if self._host.is_here():
            self._let_go()
        else:
            self._host.post(self._let_go)

    def take(self) -> bool:
        """Whether its message, which has reached its turn, is to be handled."""
        self._is_waiting = False
        if self._is_active and self._period is None:
            self._is_active = False
            self._let_go()
            return True
        return self._is_active

    def _ring(self) -> None:
        self._handle = None
        if not self._is_active:
            return
        if self._period is not None:
            self._arm_next(self._period)
        if not self._is_waiting:
            self._is_waiting = True
            self._mailbox.put_from_runtime(RuntimeEnvelope(Tick(self)))

    def _arm_next(self, period: float) -> None:
        """Wait for the next time in phase; those that have passed are left out."""
        now = self._host.clock.time()
        late = max(0.0, now - self._due)
        self._due += late - math.fmod(late, period) + period
        self._handle = self._host.clock.call_later(self._due - now, self._ring)

    def _let_go(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._owned.pop(self, None)


def check_delay(setting: str, value: object) -> None:
    """See to it that a value is a time to wait.

    Raises:
        TimerSettingError: If it is not a finite number of seconds, 0 or more.
    """
    if not is_seconds(value):
        raise TimerSettingError(setting, repr(value))


def check_period(value: object) -> None:
    """See to it that a value is a period.

    Raises:
        TimerSettingError: If it is not a finite number of seconds above 0.
    """
    if not is_positive_seconds(value):
        raise TimerSettingError("period", repr(value))
