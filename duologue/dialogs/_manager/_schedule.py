"""Calls that come later.

Inside a turn of its conversation a timer is a part of the commit. From anywhere else it
is a command to the mailbox of the conversation, whose turn sets it: so state and engine
always agree on what waits.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from duologue.actors._engine._timed import wall_time
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._data import Json
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Committed
from duologue.dialogs._manager._calls import Calls
from duologue.dialogs._state._commands import (
    CancelTimer,
    DialogCommand,
    SetTimer,
    TimerDue,
    encode,
)
from duologue.dialogs._state._recurrence import LONGEST, next_due
from duologue.dialogs._state._timer import Cancellation, Timer
from duologue.dialogs._state._timers import Waiting
from duologue.dialogs._state._turn import Turn, active_turn
from duologue.errors import DialogClosedError, ScheduleError, WrongArgumentError

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Unscheduled(Committed):
    """A turn has tried to take a call back.

    Attributes:
        cancellation: What became of it.
    """

    cancellation: Cancellation


class ScheduledCalls(Calls[Timer]):
    """The calls of a background manager, made later; each gives a `Timer`.

    Args:
        post: Takes the calls.
        address: Whose dialogs they are.
        stack_id: The stack.
        intent_id: The dialog; None for the one that is on top then.
        at: When, in seconds since 1970 (UTC).
        every: How they repeat; see `dump_every`.
        key: The author's name.
        load: Whether the messenger is asked who is at the address.
    """

    def __init__(
        self,
        post: Post,
        address: Address,
        *,
        stack_id: str,
        intent_id: str | None,
        at: float,
        every: Json,
        key: str | None,
        load: bool = False,
    ) -> None:
        super().__init__(
            post, address, stack_id=stack_id, intent_id=intent_id, load=load
        )
        self._at = at
        self._every = every
        self._key = key

    async def _send(self, command: DialogCommand) -> Timer:
        token = secrets.token_urlsafe(9)
        setting = SetTimer(token, self._key, self._at, self._every, command)
        turn = active_turn()
        receipt = None
        if turn is not None and turn.address == self.address:
            set_timer(turn, setting)
        else:
            await self._introduce()
            receipt = await self.post.send(self.address, setting)
        return Timer(self.address.key, token, cancel=self._cancel, receipt=receipt)

    async def _cancel(self, timer: Timer) -> Cancellation:
        return await take_back(
            self.post, self.address, CancelTimer(timer.token, is_key=False)
        )


def set_timer(turn: Turn, setting: SetTimer) -> None:
    """Have a call come later, with the commit of a turn of its conversation.

    Raises:
        DialogClosedError: The dialog that it is meant for is closed.
        TooManyTimersError: Too many wait already.
        UnserialisableDataError: Its data cannot be stored.
    """
    intent_id = setting.call.intent_id
    if intent_id is not None and turn.snapshot.context(intent_id) is None:
        raise DialogClosedError(turn.address.key)
    token, at = setting.token, setting.at
    turn.snapshot.timers.set(
        turn.address.key,
        token,
        Waiting(setting.key, intent_id, at),
        encode(TimerDue(token, at, setting.every, setting.call)),
    )
    turn.is_changed = True


def cancel_timer(turn: Turn, command: CancelTimer) -> Cancellation:
    """Take a call back, with the commit of a turn of its conversation."""
    turn.is_changed = True
    timers = turn.snapshot.timers
    cancel = timers.cancel_key if command.is_key else timers.cancel
    return cancel(command.name)


async def take_back(post: Post, address: Address, command: CancelTimer) -> Cancellation:
    """Take a call back from wherever this is; see `Timer.cancel`."""
    turn = active_turn()
    if turn is not None and turn.address == address:
        return cancel_timer(turn, command)
    receipt = await post.send(address, command)
    if turn is not None:
        return Cancellation.REQUESTED
    outcome = await receipt
    assert isinstance(outcome, Unscheduled)  # noqa: S101  # what the turn gives
    return outcome.cancellation


def first_due(delay: timedelta | None, at: datetime | None, every: Json) -> float:
    """When a call is to come first, in seconds since 1970 (UTC).

    Raises:
        ScheduleError: There is no such time, or none is said.
        WrongArgumentError: They are no span and no time.
    """
    now = wall_time()
    if delay is not None and at is not None:
        raise ScheduleError("there are both a delay and at=; give one of them")
    if delay is not None:
        due = now + _seconds(delay)
    elif at is not None:
        due = _moment(at)
    elif every is not None:
        due = next_due(every, now, now)
    else:
        raise ScheduleError("it is not said when; give a delay, at= or every=")
    if due > now + LONGEST.total_seconds():
        away = datetime.fromtimestamp(now, UTC) + LONGEST
        raise ScheduleError(
            f"it is to come more than 10 years from now; give a time before {away:%Y}"
        )
    return due


def checked_key(key: str | None) -> str | None:
    """The author's name of a call, if it can be one.

    Raises:
        ScheduleError: It is empty, too long, or not a text that can be written.
        WrongArgumentError: It is no text.
    """
    if key is None:
        return None
    if not _is(key, str):
        raise WrongArgumentError("schedule()", "key", repr(key), "a text")
    if not 0 < len(key) <= _LONGEST_KEY:
        raise ScheduleError(f"key= has 1 to {_LONGEST_KEY} characters, not {len(key)}")
    return key


def _seconds(delay: timedelta) -> float:
    if not _is(delay, timedelta):
        raise WrongArgumentError(
            "schedule()",
            "delay",
            repr(delay),
            "a timedelta, such as timedelta(hours=1)",
        )
    if delay < timedelta(0):
        raise ScheduleError(f"the delay {delay!r} is negative; give 0 or more")
    return delay.total_seconds()


def _moment(at: datetime) -> float:
    if not _is(at, datetime):
        raise WrongArgumentError("schedule()", "at", repr(at), "a datetime")
    if at.utcoffset() is None:
        raise ScheduleError(
            f"at={at!r} has no time zone; give it one: at.astimezone() for that of this "
            "machine, or tzinfo=ZoneInfo('Europe/Berlin')"
        )
    return at.timestamp()


def _is(value: object, kind: type) -> bool:
    """Whether a value is what its annotation says; programs without types get it wrong."""
    return isinstance(value, kind)
