"""Background calls: the event that handlers see of one, and those that come later.

A call for later takes two turns. The first has nothing of the author's in it: it notes that
the time has come, sets the next time of what repeats, and puts the call into the mailbox.
So a call that fails, or ends the process, fails alone, and what repeats goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias, assert_never

from duologue.actors._engine._timed import wall_time
from duologue.dialogs._chat._chat import Chat, ChatType, User
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._delivery._receipts import Committed, Duplicate, Outcome
from duologue.dialogs._manager._schedule import Unscheduled, cancel_timer, set_timer
from duologue.dialogs._state._commands import (
    CancelTimer,
    DialogCommand,
    DueCall,
    HandleMessage,
    Refusal,
    SetTimer,
    TimerDue,
    encode,
)
from duologue.dialogs._state._events import DialogUpdate
from duologue.dialogs._state._recurrence import next_due
from duologue.dialogs._state._turn import Turn
from duologue.errors import DialogClosedError

TimerWork: TypeAlias = SetTimer | TimerDue | CancelTimer
"""What is done about a timer without anything of the author's."""


def dialog_update(
    turn: Turn, command: DialogCommand | DueCall | HandleMessage | Refusal
) -> DialogUpdate:
    """The event of a background call."""
    due = None
    if isinstance(command, DueCall):
        due, command = datetime.fromtimestamp(command.at, UTC), command.call
    address = turn.address
    chat_type, user_name, username, language = turn.snapshot.who or [
        ChatType.PRIVATE if address.user_id is not None else ChatType.GROUP,
        "",
        None,
        None,
    ]
    user = (
        None
        if address.user_id is None
        else User(address.user_id, user_name, username, language_code=language)
    )
    return DialogUpdate(
        id="",
        bot=turn.bot,
        chat=Chat(address.chat_id, ChatType(chat_type)),
        user=user,
        timestamp=datetime.fromtimestamp(wall_time(), UTC),
        thread_id=address.thread_id,
        raw={},
        command=command,
        due=due,
    )


async def work_on_timer(turn: Turn, command: TimerWork, post: Post) -> Outcome:
    """Set a timer, take one back, or see to one whose time has come.

    Raises:
        DialogClosedError: The dialog that it is meant for is closed.
        TooManyTimersError: Too many wait already.
    """
    version = turn.snapshot.version + 1
    match command:
        case SetTimer():
            try:
                set_timer(turn, command)
            except DialogClosedError as error:
                turn.moot = error
                raise
            return Committed(version)
        case CancelTimer():
            return Unscheduled(version, cancel_timer(turn, command))
        case TimerDue():
            return await _come(turn, command, post)
        case _:
            assert_never(command)


async def _come(turn: Turn, due: TimerDue, post: Post) -> Outcome:
    """Put a call whose time has come into the mailbox, and set its next time."""
    timers, intent_id = turn.snapshot.timers, due.call.intent_id
    if not timers.counts(due.token, due.at):  # taken back after it had left
        if intent_id is not None and not turn.snapshot.has(intent_id):
            turn.moot = DialogClosedError(turn.address.key)
            raise turn.moot
        return Duplicate()
    turn.is_changed = True
    if due.every is None:
        timers.fire(due.token)
    else:
        at = next_due(due.every, due.at, wall_time())
        again = TimerDue(due.token, at, due.every, due.call)
        timers.repeat(due.token, at, encode(again))
    _receipt = await post.send(turn.address, DueCall(due.at, due.call))
    return Committed(turn.snapshot.version + 1)
