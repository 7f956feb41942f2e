"""The calls that wait for their time in one conversation.

The engine keeps a letter for each; the state keeps what each is about. Both change with
the same commit, so the state alone says what still counts: a letter whose call has been
taken back while it lay in the mailbox finds nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from duologue.dialogs._chat._data import Json
from duologue.dialogs._state._timer import Cancellation
from duologue.errors import TooManyTimersError

MAX_TIMERS = 100
_MAX_FIRED = 32  # remembered, so that whoever cancels one is told


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for its time.

    Attributes:
        key: The author's name for it, if it has one.
        intent_id: The dialog that it ends with; None if it belongs to the conversation.
        at: When, in seconds since 1970 (UTC).
    """

    key: str | None
    intent_id: str | None
    at: float


class Timers:
    """The working copy of what waits in one conversation.

    Args:
        stored: What the last commit wrote: what waits, and the tokens of the newest that
            have come.

    Attributes:
        changes: For the engine, by token: when a letter is to come and what it says, or
            None where it is taken back.
    """

    __slots__ = ("_fired", "_waiting", "changes")

    def __init__(self, stored: Sequence[Json] = ()) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._fired: list[str] = []
        if stored:
            waiting, fired = stored
            self._waiting = {token: Waiting(*entry) for token, entry in waiting.items()}
            self._fired = list(fired)
        self.changes: dict[str, tuple[float | None, bytes]] = {}

    def stored(self) -> list[Json]:
        """Its form in the state; empty if there is nothing."""
        if not self._waiting and not self._fired:
            return []
        waiting = {
            token: [one.key, one.intent_id, one.at]
            for token, one in self._waiting.items()
        }
        return [waiting, self._fired]

    def set(self, address: str, token: str, waiting: Waiting, body: bytes) -> None:
        """Have a letter come at its time, in the place of one with the same key.

        Raises:
            TooManyTimersError: There are too many already.
        """
        if waiting.key is not None:
            self.cancel_key(waiting.key)
        if len(self._waiting) >= MAX_TIMERS:
            raise TooManyTimersError(address, MAX_TIMERS)
        self._waiting[token] = waiting
        self.changes[token] = waiting.at, body

    def cancel(self, token: str) -> Cancellation:
        """Take a call back."""
        if token in self._waiting:
            self._take_back(token)
            return Cancellation.CANCELLED
        is_fired = token in self._fired
        return Cancellation.FIRED if is_fired else Cancellation.UNKNOWN

    def cancel_key(self, key: str) -> Cancellation:
        """Take back the call that has this key."""
        for token, waiting in self._waiting.items():
            if waiting.key == key:
                return self.cancel(token)
        return Cancellation.UNKNOWN

    def close(self, intent_id: str) -> None:
        """Take back all calls that end with a dialog."""
        for token, waiting in list(self._waiting.items()):
            if waiting.intent_id == intent_id:
                self._take_back(token)

    def counts(self, token: str, at: float) -> bool:
        """Tell whether a letter that has come is the one that the state waits for."""
        waiting = self._waiting.get(token)
        return waiting is not None and waiting.at == at

    def fire(self, token: str) -> None:
        """Note that a call has come."""
        del self._waiting[token]
        self._fired = [*self._fired[-_MAX_FIRED + 1 :], token]

    def repeat(self, token: str, at: float, body: bytes) -> None:
        """Have the letter of a call come once more."""
        self._waiting[token] = replace(self._waiting[token], at=at)
        self.changes[token] = at, body

    def _take_back(self, token: str) -> None:
        del self._waiting[token]
        self.changes[token] = None, b""
