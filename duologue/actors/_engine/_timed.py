"""Letters for later: put into their mailboxes when their time has come.

Times are those of the wall, since a letter may wait for longer than a process lives. The
wall clock may be set; so nobody waits for longer than a minute without a look at it.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable

from duologue.actors._engine._engine import Mail, TimedLetter

_LONGEST_WAIT = 60.0


def wall_time() -> float:
    """Seconds since 1970 (UTC), as the running loop knows them: virtual ones do."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.time()
    tell: Callable[[], float] = getattr(loop, "wall_time", time.time)
    return tell()


class TimedLetters:
    """The letters that wait for their time, in memory.

    Args:
        due: Is called on the loop with each letter whose time has come; it is not kept
            any more.
    """

    def __init__(self, due: Callable[[TimedLetter], None]) -> None:
        self._due = due
        self._letters: dict[tuple[str, str], TimedLetter] = {}
        # Holds letters that have been taken back, too, until their time comes.
        self._heap: list[tuple[float, int, TimedLetter]] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_running = False

    def __len__(self) -> int:
        return len(self._letters)

    def keys(self) -> set[str]:
        """The mailboxes that something waits for."""
        return {key for key, _ in self._letters}

    def clear(self) -> None:
        """Keep none of them."""
        self._letters.clear()
        self._heap.clear()

    def start(self) -> None:
        """Begin to look at the time."""
        self._is_running = True
        self._arrange()

    def stop(self) -> None:
        """Look at the time no more; the letters stay."""
        self._is_running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def set(self, letter: TimedLetter) -> None:
        """Keep a letter in the place of one of the same name, or take that back."""
        name = letter.key, letter.id
        if letter.at is None:
            self._letters.pop(name, None)
            return
        self._letters[name] = letter
        self._number += 1
        heapq.heappush(self._heap, (letter.at, self._number, letter))
        if len(self._heap) > 2 * len(self._letters) + 64:
            self._heap = [entry for entry in self._heap if self._is_kept(entry[2])]
            heapq.heapify(self._heap)
        if self._heap[0][2] is letter:
            self._arrange()

    def _is_kept(self, letter: TimedLetter) -> bool:
        return self._letters.get((letter.key, letter.id)) is letter

    def _arrange(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_running and self._heap:
            delay = min(max(self._heap[0][0] - wall_time(), 0.0), _LONGEST_WAIT)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self._look)

    def _look(self) -> None:
        self._timer = None
        now = wall_time()
        while self._heap and self._heap[0][0] <= now:
            letter = heapq.heappop(self._heap)[2]
            if self._is_kept(letter):
                del self._letters[letter.key, letter.id]
                self._due(letter)
        self._arrange()


def mail_of(timed: TimedLetter) -> Mail:
    """The mail that a letter for later becomes, named after it and its time."""
    return Mail(f"{timed.key}/{timed.id}@{timed.at}", timed.body)
