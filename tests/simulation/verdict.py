"""What must not have happened in a simulation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set as AbstractSet
from typing import Final

from duologue.actors.testing._virtual_loop import BEGINNING
from tests.simulation.plan import MOST, Plan
from tests.simulation.records import Records
from tests.simulation.worker import FULL
from tests.simulation.world import Outcome

QUIET: Final = {
    *("kill", "stop", "break", "lose-answers", "forget-scripts", "full"),
    *("clock-of-process", "two-pollers"),
}
"""Faults during which nobody loses a lease that it still uses."""

_ALONE = "it was being handled alone when"
_SLACK = 3.0  # seconds that a letter for later may be on its way already

Found = Iterator[tuple[str, str]]
"""What is wrong, by the name of the promise, and what is known of it."""


class Judge:
    """Compares what is there in the end with what was asked for.

    Args:
        plan: What was to happen.
        outcome: What came of it.
    """

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self._plan = plan
        self._records: Records = outcome.records
        self._outcome = outcome
        self._messages = plan.messages
        self._names = {
            key: [line.partition(" ")[0] for line in lines]
            for key, lines in outcome.states.items()
        }
        self._dead = Counter(name for name, _ in outcome.dead)
        self._has_forgotten = bool(outcome.records.forgotten)

    def faults(self) -> list[tuple[str, str]]:
        """All that is wrong."""
        found = list(self._records.faults)
        found += self._lost()
        found += self._doubled()
        found += self._reordered()
        found += self._forked()
        found += self._notes()
        found += self._reminders()
        found += self._drawings()
        found += self._set_aside()
        found += [("left over", name) for name in self._outcome.left]
        return found

    def forgotten(self) -> int:
        """How many messages were acknowledged and are gone with a server."""
        return sum(
            not self._is_there(name) and event.done is not None
            for name, event in self._records.mail.items()
        )

    def _is_there(self, name: str) -> bool:
        key = self._messages[name].key
        return name in self._names.get(key, ()) or bool(self._dead[name])

    def _lost(self) -> Found:
        """What was acknowledged is there, but for the last that a server has forgotten."""
        for name, event in self._records.mail.items():
            is_lost = event.done is not None and not self._is_there(name)
            if is_lost and not self._records.may_be_forgotten(event):
                yield "lost", name
        for begin, end in self._records.forgotten:
            last: dict[tuple[str, str], tuple[float, str]] = {}
            for name, event in self._records.mail.items():
                if event.done is None or event.done > end or event.asked < begin:
                    continue
                way = name.partition(".")[0], self._messages[name].key
                if not self._is_there(name):
                    last[way] = event.done, name
                elif way in last and last[way][0] < event.asked:
                    yield "gap", f"{last[way][1]} is gone, and {name} is there"

    def _doubled(self) -> Found:
        for key, names in self._names.items():
            for name, number in Counter(names).items():
                if number + self._dead[name] > 1:
                    yield "doubled", f"{name} of {key}"

    def _reordered(self) -> Found:
        """Messages of one source are handled in their order."""
        for key, names in self._names.items():
            last: dict[str, tuple[int, str]] = {}
            for name in names:
                if name not in self._messages:
                    continue
                source, _, rest = name.partition(".")
                if self._records.may_be_forgotten(self._records.mail[name]):
                    continue
                number = int(rest)
                if source in last and last[source][0] > number:
                    yield "reordered", f"{name} behind {last[source][1]} of {key}"
                last[source] = number, name

    def _forked(self) -> Found:
        """Whatever was acknowledged as the end of a turn is what came next."""
        for end in self._records.ends:
            lines = self._outcome.states.get(end.key, ())
            is_there = end.version < len(lines) and lines[end.version] == end.line
            if not is_there and not self._records.may_be_forgotten(end):
                yield "forked", f"{end.line} was turn {end.version} of {end.key}"
        if not set(self._plan.strikes) <= QUIET:
            return
        for end in self._records.refused:
            is_done = end.line in self._outcome.states.get(end.key, ())
            what = "and it is done" if is_done else "and nobody was too late"
            yield "refused", f"{end.line} of {end.key}, {what}"

    def _notes(self) -> Found:
        """What actors tell one another comes once and in order."""
        sent: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key, names in self._names.items():
            for name in names:
                message = self._messages.get(name)
                for to, note in message.sent() if message else ():
                    sent[key, to].append(note)
        for (key, to), notes in sent.items():
            there = self._names.get(to, ())
            for note in notes:
                if note not in there and not self._dead[note]:
                    yield "note lost", f"{note} from {key} to {to}"
            came = [note for note in there if note in set(notes)]
            wanted = [note for note in notes if note in set(came)]
            if came != wanted and not self._has_forgotten:
                yield "note reordered", f"{came} instead of {notes} at {to}"
        known = {note for notes in sent.values() for note in notes}
        for names in self._names.values():
            yield from self._phantoms(names, known)

    def _phantoms(self, names: Sequence[str], known: AbstractSet[str]) -> Found:
        """What nobody has told, as far as its teller is not forgotten."""
        for name in names:
            if ">" in name and name not in known and not self._has_forgotten:
                yield "phantom", name

    def _reminders(self) -> Found:
        """What was to come later comes once, unless it was put off or taken back."""
        is_by_clock = not any("clock" in fault for fault in self._plan.strikes)
        ends = {(end.key, end.line): end.done for end in self._records.ends}
        for key, lines in self._outcome.states.items():
            expected: str | None = None
            undone: dict[str, float] = {}
            for line in lines:
                name, _, rest = line.partition(" ")
                deed = rest.partition(" ")[2].partition(" ")[2]
                if name.startswith(f"{key}/r@"):
                    at = name.partition("@")[2]
                    if at == expected:
                        expected = None
                    elif is_by_clock and undone.get(at, 0.0) + _SLACK < _seconds(at):
                        yield "came though taken back", f"{name} of {key}"
                elif deed:
                    if expected is not None:
                        done = ends.get((key, line))
                        undone[expected] = 1e18 if done is None else done
                    expected = deed.partition(" ")[2] if deed[0] == "r" else None
            if expected is not None and not self._dead[f"{key}/r@{expected}"]:
                yield "reminder lost", f"{expected} of {key}"

    def _drawings(self) -> Found:
        for key, names in self._names.items():
            for name in names:
                message = self._messages.get(name)
                if message is None or message.deed != "owe":
                    continue
                if not self._records.drawings[name]:
                    yield "not drawn", name
                receipt = f"{name}~drawn"
                lines = self._outcome.states[key]
                number = (
                    sum(line.partition(" ")[0] == receipt for line in lines)
                    + self._dead[receipt]
                )
                if number != 1:
                    yield "receipts", f"{number} of {name} of {key}"

        for note in self._records.notes:
            row = self._outcome.rows.get(note.key, ())
            if note.line not in row and not self._records.may_be_forgotten(note):
                yield "forked", f"{note.key} has shown {note.line}: {row}"

    def _set_aside(self) -> Found:
        for name, error in self._outcome.dead:
            message = self._messages.get(name)
            if error.startswith(_ALONE):
                key = message.key if message else ""
                if message and self._records.deaths[key] < 3:
                    yield "set aside wrongly", f"{name} of {key}: {error}"
            elif error == FULL and self._plan.capacity < MOST:
                continue
            elif message is None or message.deed != "raise":
                yield "set aside wrongly", f"{name}: {error}"
        for name, number in self._dead.items():
            if number > 1:
                yield "doubled", f"{name}, set aside"


def _seconds(at: str) -> float:
    """Virtual seconds of a time since 1970."""
    return float(at) - BEGINNING
