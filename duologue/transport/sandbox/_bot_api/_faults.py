"""Faults that a test asks for: which requests they meet and what happens to those."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase


class FaultKind(StrEnum):
    """What happens to a request that meets a fault.

    ``STATUS`` answers with an error status, ``SLOW`` delays the answer, ``DROP``
    closes the connection, ``OK_FALSE`` answers 200 with ``success: false`` and the code, if one is given,
    ``GARBAGE`` answers 200 with something that is not JSON.
    """

    STATUS = "status"
    SLOW = "slow"
    DROP = "drop"
    OK_FALSE = "ok_false"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: What happens.
        method: Meets only this HTTP method.
        path: Meets only this path; ``*`` matches anything, as in ``/chats/*``.
        chat_id: Meets only requests about this chat.
        count: Meets so many requests, then is gone; None means no end.
        seconds: Is gone after so many seconds; None means no end.
        status: The status to answer with (``status``).
        code: The error code (``status``, ``ok_false``); by default the documented one
            of the status, and none beside ``success: false``.
        retry_after: The ``Retry-After`` header in seconds, if any (``status``).
        delay: How long the answer takes, in seconds (``slow``).
        after: Whether the connection is closed, or the delay begins, only after the
            request was handled (``drop``, ``slow``).
    """

    kind: FaultKind
    method: str | None = None
    path: str | None = None
    chat_id: int | None = None
    count: int | None = None
    seconds: float | None = None
    status: int = 503
    code: str | None = None
    retry_after: float | None = None
    delay: float = 1.0
    after: bool = False


@dataclass(slots=True)
class _Armed:
    fault: Fault
    until: float | None


class Faults:
    """The faults in force; the oldest one that matches a request meets it."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault, now: float) -> None:
        """Put a fault in force."""
        until = None if fault.seconds is None else now + fault.seconds
        self._armed.append(_Armed(fault, until))

    def clear(self) -> None:
        """Take all faults away."""
        self._armed.clear()

    def take(
        self, method: str, path: str, chat_id: int | None, now: float
    ) -> Fault | None:
        """Find the fault that meets a request, and count the meeting."""
        self._armed = [a for a in self._armed if a.until is None or now < a.until]
        for armed in self._armed:
            if _meets(armed.fault, method, path, chat_id):
                self._count(armed)
                return armed.fault
        return None

    def _count(self, armed: _Armed) -> None:
        left = armed.fault.count
        if left is None:
            return
        if left <= 1:
            self._armed.remove(armed)
        else:
            armed.fault = replace(armed.fault, count=left - 1)


def _meets(fault: Fault, method: str, path: str, chat_id: int | None) -> bool:
    return (
        fault.method in {None, method}
        and (fault.path is None or fnmatchcase(path, fault.path))
        and fault.chat_id in {None, chat_id}
    )
