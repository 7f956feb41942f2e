"""What has happened in a simulation."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.loop import Process
from tests.simulation.plan import Batch


@dataclass(slots=True)
class Event:
    """Something that was asked for, and perhaps acknowledged.

    Attributes:
        asked: When it was asked for first, in virtual seconds.
        done: When it was acknowledged; None if it never was.
    """

    asked: float
    done: float | None = None


@dataclass(slots=True)
class Commit(Event):
    """The end of a turn.

    Attributes:
        key: Of which actor.
        version: How many turns that one had had before.
        line: What it has added to the state.
    """

    key: str = ""
    version: int = 0
    line: str = ""


class Source:
    """Where messages come from: one after the other, until each is acknowledged.

    Args:
        batches: The messages, as far as they come together.

    Attributes:
        takers: The processes that take them in.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches
        self._next = 0
        self.takers: list[str] = []

    @property
    def is_done(self) -> bool:
        """Whether all are acknowledged."""
        return self._next >= len(self._batches)

    def next_of(self, taker: str, now: float) -> Batch | None:
        """What a process is to take in next; None if others do that, or nothing is there."""
        if self.is_done or taker not in self.takers:
            return None
        batch = self._batches[self._next]
        return batch if batch.at <= now else None

    def took(self, batch: Batch) -> None:
        """A batch has been acknowledged."""
        if not self.is_done and self._batches[self._next] is batch:
            self._next += 1


class Records:
    """The history of a simulation.

    Attributes:
        lines: What happened, in order, and in the end the digest of all traffic.
        mail: When each message was sent and acknowledged.
        ends: The ends of turns.
        refused: The ends of turns of which the engine has said that they are not.
        notes: Which drawings have been noted.
        drawings: How often each drawing has reached the messenger.
        faults: What must not be: its name and what is known of it.
        forgotten: From when to when the server has forgotten what it acknowledged.
        deaths: How many processes ended while they had a key.
        copies: How many messages came once more though they were acknowledged.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.mail: dict[str, Event] = {}
        self.ends: list[Commit] = []
        self.refused: list[Commit] = []
        self.notes: list[Commit] = []
        self.drawings: Counter[str] = Counter()
        self.faults: list[tuple[str, str]] = []
        self.forgotten: list[tuple[float, float]] = []
        self.deaths: Counter[str] = Counter()
        self.copies = 0
        self._traffic = hashlib.blake2b(digest_size=16)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def note(self, text: str) -> None:
        """Note that something has happened."""
        self.lines.append(f"{self._now():.6f} {text}")

    def heard(self, process: Process, way: str, data: bytes) -> None:
        """Note what goes over the wire."""
        self._traffic.update(f"{self._now()!r} {process.name} {way} ".encode() + data)

    def fault(self, name: str, text: str) -> None:
        """Note that something is as it must not be."""
        self.faults.append((name, text))

    def sends(self, batch: Batch) -> None:
        """Messages are brought to the engine."""
        self.note(f"sends {' '.join(each.id for each in batch.messages)}")
        for each in batch.messages:
            self.mail.setdefault(each.id, Event(self._now()))

    def took(self, batch: Batch) -> None:
        """The engine has acknowledged messages."""
        self.note(f"took {' '.join(each.id for each in batch.messages)}")
        for each in batch.messages:
            event = self.mail[each.id]
            if event.done is None:
                event.done = self._now()

    def commits(self, key: str, version: int, line: str) -> Commit:
        """A turn is to end."""
        return Commit(self._now(), None, key, version, line)

    def committed(self, commit: Commit) -> None:
        """The engine has acknowledged the end of a turn."""
        self.note(f"{commit.key} {commit.version} {commit.line}")
        commit.done = self._now()
        self.ends.append(commit)

    def noted(self, note: Commit) -> None:
        """The engine has acknowledged that something was drawn."""
        self.note(f"{note.key} has drawn {note.line}")
        note.done = self._now()
        self.notes.append(note)

    def drew(self, screen: str, name: str) -> None:
        """A drawing has reached the messenger."""
        self.note(f"{screen} shows {name}")
        self.drawings[name] += 1

    def history(self) -> bytes:
        """All of it."""
        lines = [*self.lines, self._traffic.hexdigest()]
        return "\n".join(lines).encode()

    def may_be_forgotten(self, event: Event) -> bool:
        """Whether the server may have forgotten something that it has acknowledged."""
        done = math.inf if event.done is None else event.done
        return any(event.asked < end and done > begin for begin, end in self.forgotten)
