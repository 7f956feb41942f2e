"""Errors of calls that are to come at a later time."""

from __future__ import annotations

from duologue.errors._conversations import ConversationError
from duologue.errors._root import DialogsError


class ScheduleError(DialogsError, ValueError):
    """A call cannot come at the time that was asked for.

    Attributes:
        problem: What is wrong and what to do.
    """

    problem: str
    template = "a call cannot be scheduled: {problem}"


class TooManyTimersError(DialogsError):
    """Too many calls wait for their time in one conversation.

    Attributes:
        address: Whose conversation it is.
        limit: How many may wait.
    """

    address: str
    limit: int
    template = (
        "{limit} calls wait for their time in {address}, and no more may; give key= so "
        "that a new one takes the place of the old one, or cancel some"
    )


class TimerNotBoundError(ConversationError):
    """A timer from the data of a dialog is cancelled where no turn can do it."""

    template = (
        "a timer of {address} comes from the data of a dialog, and this is not in a "
        "turn; cancel it in a handler, or with `await bg.unschedule(timer)`"
    )
