"""Messages whose handler may have ended the process, after an end that was not clean.

Nothing is written beforehand to find them: every message at the head of a mailbox may be
one. They are handled one at a time, beside all others, and as long as there are any the file
knows which messages are being handled. A death counts for a message that was the only one;
those that were being handled when the process died come first, so that the guilty one is
alone soon.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable


class Suspects:
    """The mailboxes whose first message is suspect.

    Args:
        keys: They, the least suspect one first: the others shall not wait for it.

    Attributes:
        running: The one that has been let go, if there is one.
        recorded: The numbers of messages that the file takes to be handled now.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._queue = deque(keys)
        self._keys = set(self._queue)
        self._unserved: list[str] = []
        self.running: str | None = None
        self.recorded: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def next(self, is_served: Callable[[str], bool]) -> str | None:
        """Let the next one go, unless one is on its way.

        Args:
            is_served: Whether somebody serves a key.
        """
        while self.running is None and self._queue:
            key = self._queue.popleft()
            if key not in self._keys:
                continue
            if is_served(key):
                self.running = key
                return key
            self._unserved.append(key)
        return None

    def look_again(self) -> None:
        """Others are served now."""
        self._queue.extend(self._unserved)
        self._unserved.clear()

    def put_back(self, key: str) -> None:
        """Handle one later: it has been given back."""
        self.running = None
        self._queue.append(key)

    def clear(self, key: str) -> None:
        """A message has been handled, or waits for another program."""
        self._keys.discard(key)
        if self.running == key:
            self.running = None
