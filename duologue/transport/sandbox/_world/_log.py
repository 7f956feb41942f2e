"""The log of what users of the sandbox see and do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Faces = tuple[tuple[tuple[str, str | None], ...], ...]

CAPACITY = 100_000


class LogKind(StrEnum):
    """What an entry of the log tells.

    The bot's side: ``MESSAGE``, ``EDIT``, ``DELETE``, ``NOTIFICATION``, ``ACTION``
    (typing and the like), ``REFUSED`` (an API error the bot earned). The users'
    side: ``SAID``, ``CLICKED``, ``STARTED``, ``STOPPED``, ``CHAT_CHANGED`` (the text
    is the type of the update). The test's side:
    ``INJECTED``, ``DUPLICATED``, ``FAULT`` (an injected fault met a request).
    """

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    NOTIFICATION = "notification"
    ACTION = "action"
    REFUSED = "refused"
    SAID = "said"
    CLICKED = "clicked"
    STARTED = "started"
    STOPPED = "stopped"
    CHAT_CHANGED = "chat_changed"
    INJECTED = "injected"
    DUPLICATED = "duplicated"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened.

    Attributes:
        seq: Its number, from 1, without gaps.
        time: When, in milliseconds of wall time.
        kind: What happened.
        chat_id: Where, if it happened in a chat.
        message_id: The message it is about.
        user_id: Who did it, or who saw it (a notification).
        text: The text shown or said, the payload of a start, the action's name.
        keyboard: The rows shown, each button as (text, payload).
        payload: The payload of a click.
        position: The place in the update queue of the update it caused.
        status: The HTTP status of a refusal or a fault.
        code: The error code of a refusal, the kind of a fault.
        request: The method and path of a refused or faulted request.
    """

    seq: int
    time: int
    kind: LogKind
    chat_id: int | None = None
    message_id: str | None = None
    user_id: int | None = None
    text: str | None = None
    keyboard: Faces = ()
    payload: str | None = None
    position: int | None = None
    status: int | None = None
    code: str | None = None
    request: str | None = None


class Log:
    """Entries in order; the oldest are forgotten when it is full."""

    def __init__(self, clock: Callable[[], int], capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._entries: list[LogEntry] = []
        self._last = 0

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        return self._last

    @property
    def first(self) -> int:
        """The number of the oldest entry that is kept, or will be."""
        return self._last - len(self._entries) + 1

    def add(
        self,
        kind: LogKind,
        *,
        chat_id: int | None = None,
        message_id: str | None = None,
        user_id: int | None = None,
        text: str | None = None,
        keyboard: Faces = (),
        payload: str | None = None,
        position: int | None = None,
        status: int | None = None,
        code: str | None = None,
        request: str | None = None,
    ) -> None:
        """Write the next entry."""
        self._last += 1
        self._entries.append(
            LogEntry(
                self._last,
                self._clock(),
                kind,
                chat_id,
                message_id,
                user_id,
                text,
                keyboard,
                payload,
                position,
                status,
                code,
                request,
            )
        )
        if len(self._entries) > self._capacity:
            del self._entries[: self._capacity // 2]

    def after(self, seq: int, *, limit: int) -> list[LogEntry]:
        """Give entries whose number is greater than ``seq``, oldest first."""
        first = self._last - len(self._entries)
        start = max(0, seq - first)
        return self._entries[start : start + limit]

    def checkpoint(self) -> Callable[[], None]:
        """Remember this state; calling the result brings it back."""
        entries, last = self._entries.copy(), self._last

        def restore() -> None:
            self._entries, self._last = entries, last

        return restore
