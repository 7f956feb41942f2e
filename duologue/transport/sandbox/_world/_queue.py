"""The queue of updates behind ``GET /updates``: positions, commitment, age."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from duologue.transport.sandbox._world._values import JsonView, NoMarker

HISTORY = 1000


@dataclass(frozen=True, slots=True)
class Queued:
    """An update and its place in the queue."""

    position: int
    at: int
    update: JsonView


class UpdateQueue:
    """Updates at increasing positions; a marker commits all before it.

    Rules (MAX documentation of ``GET /updates``): the marker of an answer is the
    next position expected; passing a marker commits every update before it; an
    empty answer repeats the marker it was asked with.
    """

    def __init__(self, first: int) -> None:
        self._next = first
        self._committed = first
        self._waiting: deque[Queued] = deque()
        self._history: deque[JsonView] = deque(maxlen=HISTORY)
        self._settled: set[int] = set()

    @property
    def committed(self) -> int:
        """The first position that is not committed."""
        return self._committed

    @property
    def settled(self) -> frozenset[int]:
        """Positions behind it that wait no longer either."""
        return frozenset(self._settled)

    @property
    def next(self) -> int:
        """The position of the next update to be queued."""
        return self._next

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """Updates that are not committed, oldest first."""
        settled = self._settled
        return tuple(q for q in self._waiting if q.position not in settled)

    def put(self, update: JsonView, at: int) -> int:
        """Queue an update and give its position."""
        position = self._next
        self._next += 1
        self._waiting.append(Queued(position, at, update))
        self._history.append(update)
        return position

    def newest(self, count: int) -> list[JsonView]:
        """Give the last updates ever queued, committed or not, oldest first."""
        return list(self._history)[max(0, len(self._history) - count) :]

    def commit(self, marker: int) -> None:
        """Forget everything before a position; going back changes nothing."""
        self._committed = min(max(self._committed, marker), self._next)
        while self._waiting and self._waiting[0].position < self._committed:
            self._waiting.popleft()

    def settle(self, position: int) -> None:
        """Let one update wait no longer, wherever it is; those before it stay."""
        self._settled.add(position)
        while self._waiting and self._waiting[0].position in self._settled:
            self._settled.discard(self._waiting.popleft().position)
        first = self._waiting[0].position if self._waiting else self._next
        self._committed = max(self._committed, first)

    def since(self, position: int) -> list[Queued]:
        """List what waits at a position and behind it, oldest first."""
        found: list[Queued] = []
        for queued in reversed(self._waiting):
            if queued.position < position:
                break
            found.append(queued)
        return found[::-1]

    def expire(self, before: int) -> None:
        """Forget updates older than a time in milliseconds."""
        while self._waiting and self._waiting[0].at < before:
            self._committed = self._waiting.popleft().position + 1

    def begin(self, marker: int | None, no_marker: NoMarker) -> int:
        """Start a poll: commit what its marker commits, give where it reads from."""
        if marker is not None:
            self.commit(marker)
            return max(self._committed, min(marker, self._next))
        if no_marker is NoMarker.LAST_ONLY and self._waiting:
            return self._waiting[-1].position
        return self._committed

    def batch(
        self, start: int, *, limit: int, types: Collection[str] | None
    ) -> tuple[list[JsonView], int]:
        """Read without committing.

        Returns:
            The updates, and the marker for the next poll: behind the last update
            given, or ``start`` when there is none.
        """
        found: list[JsonView] = []
        marker = start
        for queued in self.waiting:
            if len(found) == limit:
                break
            if queued.position >= start and _wanted(queued.update, types):
                found.append(queued.update)
                marker = queued.position + 1
        return found, marker

    def checkpoint(self) -> Callable[[], None]:
        """Remember this state; calling the result brings it back."""
        position, committed = self._next, self._committed
        waiting, history = self._waiting.copy(), self._history.copy()

        def restore() -> None:
            self._next, self._committed = position, committed
            self._waiting, self._history = waiting, history

        return restore


def _wanted(update: JsonView, types: Collection[str] | None) -> bool:
    return not types or update.get("update_type") in types
