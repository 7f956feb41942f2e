"""Calls to a messenger: what was asked for, held back, and refused."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from duologue.dialogs import View
from duologue.errors import MessengerError


class Method(enum.StrEnum):
    """What a bot can be told to do."""

    SEND = "send"
    EDIT = "edit"
    REMOVE_KEYBOARD = "remove_keyboard"
    DELETE = "delete"
    ANSWER = "answer"
    ACT = "act"
    LOOK_UP = "look_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Something that the bot was told to do.

    Attributes:
        method: What.
        chat_id: Where.
        message_id: The message that it is about; for `SEND` the new one, for
            `ANSWER` the one that holds the button.
        view: What to show.
        callback_id: The press that is answered.
        notification: The notice that answers it.
        reply_to: The message that a new one answers.
        action: What the bot shows that it is doing.
        time: When, in seconds of the loop.
        error: Why it was refused; None if it was not.
    """

    method: Method
    chat_id: int
    message_id: str | None
    view: View | None = None
    callback_id: str | None = None
    notification: str | None = None
    reply_to: str | None = None
    action: str | None = None
    time: float = 0.0
    error: MessengerError | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Selects calls; None stands for any.

    Attributes:
        method: What they do.
        chat_id: Where.
    """

    method: Method | None
    chat_id: int | None

    def matches(self, call: Call) -> bool:
        """Tell whether a call is one of them."""
        return self.method in (None, call.method) and self.chat_id in (
            None,
            call.chat_id,
        )


class Hold:
    """Calls that wait; used as `with bot.hold() as held`, released at its end.

    Args:
        which: The calls.
    """

    def __init__(self, which: Which) -> None:
        self._which = which
        self._waiting: list[Call] = []
        self._open = asyncio.Event()
        self._changed = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the calls go."""
        self.release()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that wait now, in the order in which they came."""
        return tuple(self._waiting)

    @property
    def is_open(self) -> bool:
        """Whether calls are no longer held."""
        return self._open.is_set()

    def release(self) -> None:
        """Let the calls go, and hold none any more."""
        self._open.set()

    async def reached(self, number: int = 1) -> None:
        """Wait until so many calls wait.

        Args:
            number: How many at the least.
        """
        while len(self._waiting) < number:
            self._changed.clear()
            await self._changed.wait()

    async def hold(self, call: Call) -> None:
        """Make a call wait if it is one of those; used by the bot."""
        if self.is_open or not self._which.matches(call):
            return
        self._waiting.append(call)
        self._changed.set()
        try:
            await self._open.wait()
        finally:
            self._waiting.remove(call)


@dataclass(slots=True)
class Failures:
    """Errors that the next calls raise, one each.

    Attributes:
        which: The calls.
        left: The errors that no call has raised yet.
    """

    which: Which
    left: list[MessengerError] = field(default_factory=list)

    def take(self, call: Call) -> MessengerError | None:
        """The error for a call; None if it is to succeed. Used by the bot."""
        if not self.left or not self.which.matches(call):
            return None
        return self.left.pop(0)
