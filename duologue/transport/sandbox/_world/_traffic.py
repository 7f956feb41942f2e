"""The wire traffic about each message, kept for people who look for a mistake."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Set as AbstractSet
from dataclasses import dataclass

PER_MESSAGE = 50
IN_ALL = 5000
BYTES_IN_ALL = 32 * 1024 * 1024
LONGEST = 64 * 1024
HIDDEN = "(token)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of the bot and its answer.

    Attributes:
        number: Its place among exchanges and updates.
        time: When it came, in milliseconds of wall time.
        duration: How long the answer took, in milliseconds.
        method: The HTTP method.
        path: The path with its query.
        status: The HTTP status; 0 when the connection was closed instead.
        request: The body of the request; the end is cut off beyond 65,536 characters.
        response: The body of the answer, cut off in the same way.
    """

    number: int
    time: int
    duration: int
    method: str
    path: str
    status: int
    request: str
    response: str


@dataclass(frozen=True, slots=True)
class TracedUpdate:
    """An update that told the bot about a message.

    Attributes:
        number: Its place among exchanges and updates.
        time: When it was queued, in milliseconds of wall time.
        position: Its place in the queue.
        is_committed: Whether the bot has committed it.
        update: The update as JSON, cut off beyond 65,536 characters.
    """

    number: int
    time: int
    position: int
    is_committed: bool
    update: str


@dataclass(frozen=True, slots=True)
class MessageTraffic:
    """All that is kept about one message, oldest first.

    Attributes:
        exchanges: Requests of the bot about it.
        updates: Updates about it.
    """

    exchanges: tuple[Exchange, ...] = ()
    updates: tuple[TracedUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    message_id: str
    size: int
    record: Exchange | TracedUpdate


class Traffic:
    """Exchanges and updates by message, without the secret; the oldest are forgotten."""

    def __init__(
        self, secret: str, *, per_message: int = PER_MESSAGE, in_all: int = IN_ALL
    ) -> None:
        self._secret = secret
        self._per_message = per_message
        self._in_all = in_all
        self._last = 0
        self._size = 0
        self._kept: dict[int, _Kept] = {}
        self._of: defaultdict[str, list[int]] = defaultdict(list)

    @property
    def last(self) -> int:
        """The number of the newest record, 0 when there is none."""
        return self._last

    def exchange(
        self,
        message_id: str,
        *,
        time: int,
        duration: int,
        method: str,
        path: str,
        status: int,
        request: str,
        response: str,
    ) -> None:
        """Keep a request and its answer."""
        clean = self._clean
        self._last += 1
        record = Exchange(
            self._last,
            time,
            duration,
            method,
            clean(path),
            status,
            clean(request),
            clean(response),
        )
        self._keep(message_id, record, _room(record.request, record.response))

    def update(self, message_id: str, *, time: int, position: int, raw: str) -> None:
        """Keep an update."""
        self._last += 1
        text = self._clean(raw)
        record = TracedUpdate(self._last, time, position, False, text)  # noqa: FBT003 - not committed yet
        self._keep(message_id, record, _room(text))

    def about(
        self,
        message_id: str,
        committed: int,
        settled: AbstractSet[int] = frozenset(),
    ) -> MessageTraffic:
        """Give what is kept about a message.

        Args:
            message_id: Which one.
            committed: The first position that is not committed.
            settled: Positions behind it that are.
        """
        records = [self._kept[n].record for n in self._of.get(message_id, ())]
        return MessageTraffic(
            tuple(r for r in records if isinstance(r, Exchange)),
            tuple(
                TracedUpdate(
                    r.number,
                    r.time,
                    r.position,
                    r.position < committed or r.position in settled,
                    r.update,
                )
                for r in records
                if isinstance(r, TracedUpdate)
            ),
        )

    def checkpoint(self) -> Callable[[], None]:
        """Remember this state; calling the result brings it back."""
        last, size, kept = self._last, self._size, self._kept.copy()
        of = {message: numbers.copy() for message, numbers in self._of.items()}

        def restore() -> None:
            self._last, self._size, self._kept = last, size, kept
            self._of = defaultdict(list, of)

        return restore

    def _keep(
        self, message_id: str, record: Exchange | TracedUpdate, size: int
    ) -> None:
        self._kept[record.number] = _Kept(message_id, size, record)
        self._of[message_id].append(record.number)
        self._size += size
        if len(self._of[message_id]) > self._per_message:
            self._forget(self._of[message_id][0])
        while len(self._kept) > self._in_all or self._size > BYTES_IN_ALL:
            self._forget(next(iter(self._kept)))

    def _forget(self, number: int) -> None:
        kept = self._kept.pop(number)
        self._size -= kept.size
        self._of[kept.message_id].remove(number)
        if not self._of[kept.message_id]:
            del self._of[kept.message_id]

    def _clean(self, text: str) -> str:
        shown = text.replace(self._secret, HIDDEN)
        left = len(shown) - LONGEST
        return shown if left <= 0 else f"{shown[:LONGEST]}… {left} more characters"


def _room(*texts: str) -> int:
    # One character beyond ASCII can make every character of a text take four bytes.
    return sum(map(sys.getsizeof, texts))
