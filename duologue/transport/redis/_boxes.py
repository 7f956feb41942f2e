"""The mailboxes of the units that this process has leased, in memory.

They are those of an engine of one process; in addition each message has the number that it
has on the server, and a unit may be lost to another process at any time.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet

from duologue.actors import Letter, Owed
from duologue.actors._engine._local import LocalMailboxes, Mailbox
from duologue.transport.redis._keys import Names, kind_of, unit_of
from duologue.transport.redis._units import (
    Contents,
    Place,
    SnapshotCache,
    State,
    Unit,
)
from duologue.transport.redis._watch import Watch
from duologue.transport.redis._wire._envelopes import unpack

_MOST_PLACES = 10_000
_logger = logging.getLogger("duologue.redis")


class LeasedMailboxes(LocalMailboxes):
    """The mailboxes of leased units.

    Args:
        names: The keys on the server.
        cache_bytes: How many bytes of snapshots are kept.
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are remembered.
    """

    def __init__(
        self,
        names: Names,
        *,
        cache_bytes: int,
        capacity: int,
        max_snapshot: int,
        max_dead_letters: int,
    ) -> None:
        super().__init__(
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._names = names
        self._watch = Watch(names)
        self._units: dict[str, Unit] = {}
        self._cache = SnapshotCache(cache_bytes)
        self._places: dict[str, Place] = {}
        self._schemas: dict[str, int] = {}
        # Mailboxes whose last commit nobody has answered.
        self._doubts: dict[str, Unit] = {}
        # What is kept, by its shard: as the server said last, and what this process has
        # done since. Both are noted in the order in which the server did it.
        self._totals: Counter[tuple[str, int]] = Counter()

    @property
    def shared(self) -> bool:
        """Any number of processes use it."""
        return True

    def mine(self, screen: str) -> bool:
        """Whether this process has the chat of a screen."""
        return self._unit(screen) is not None

    def waiting(self) -> int:
        """How many messages are in the mailboxes of all processes; any thread.

        What others have changed is known a second later.
        """
        return self._total("mail")

    def timed(self) -> int:
        """How many letters wait for their time; any thread."""
        return self._total("timed")

    def parked(self) -> int:
        """How many keys wait for a program that understands them; any thread."""
        return self._total("parked")

    def _total(self, what: str) -> int:
        shards = range(self._names.shards)
        return max(sum(self._totals[what, shard] for shard in shards), 0)

    def _place(self, key: str) -> Place:
        """Where a mailbox or a screen is."""
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            unit, kind = unit_of(key), kind_of(key)
            shard = self._names.shard_of(unit)
            place = Place(unit, kind, shard, self._names.unit(shard, unit, kind))
            self._places[key] = place
        return place

    def _unit(self, key: str) -> Unit | None:
        """The unit of a key, if this process has it."""
        return self._units.get(self._place(key).member)

    def _take_unit(
        self,
        place: Place,
        token: bytes,
        contents: Contents,
        states: dict[str, State],
        own: Iterable[str],
    ) -> Unit:
        """Begin to own a unit."""
        unit = self._units[place.member] = Unit(place, token)
        unit.states = states
        for key, state in states.items():
            self._cache.put(key, state)
        unit.row = contents.row
        unit.attempts = contents.attempts()
        unit.unheard = int(contents.fields.get("q", b"0"))
        unit.parked = contents.parked()
        unit.drawings = int(contents.fields.get("r", b"0"))
        self._add_owed(unit, contents)
        for key in list(unit.parked):
            if unit.parked[key] <= self._schema_of(key):
                self._unpark(unit, key)
        unit.fresh.difference_update(own)
        if unit.fresh or unit.row is not None:
            self._screen_ready(unit)
        self._add_mail(unit, contents)
        self._send_out(unit, contents.out)
        return unit

    def _schema_of(self, key: str) -> int:
        """What programs a key may be parked for that this one is."""
        schemas = self._schemas
        wide, narrow = key.partition("/")[0], key.partition(":")[0]
        return schemas.get(narrow, schemas.get(wide, 0))

    def _screen_ready(self, unit: Unit) -> None:
        """Have what others owe to the screen drawn here."""
        screen = f"screen/{unit.place.unit}"
        if unit.place.is_chat:
            service = self._service(screen)
            if service is not self._nobody:
                service.ready(screen)

    def _unpark(self, unit: Unit, key: str) -> None:
        """Tell the server that a mailbox is not parked any more."""

    def _add_owed(self, unit: Unit, contents: Contents) -> bool:
        """Take over what others owe; tell whether there is any."""
        has_new = False
        for number, name, body in contents.owed:
            if name not in unit.owed:
                unit.fresh.add(name)
                has_new = True
            unit.owed[name] = number, body
        return has_new

    def _add_mail(self, unit: Unit, contents: Contents) -> None:
        """Take over the mail that is not known here yet."""
        for number, data in contents.mail:
            if number <= unit.seen:
                continue
            try:
                letter = unpack(data)
            except ValueError as error:
                # Of a newer version, or of a stranger: for one who can read it.
                _logger.warning("a message of %s stays: %s", unit.place.unit, error)
                unit.unread.add(number)
                continue
            self._arrive(unit, number, letter)
        unit.seen = max(unit.seen, contents.last)

    def _arrive(self, unit: Unit, number: int, letter: Letter) -> None:
        """Put a message into its mailbox here."""
        key = letter.key
        numbers = unit.numbers.get(key)
        if numbers is None:
            numbers = unit.numbers[key] = deque()
            unit.boxes.add(key)
        numbers.append(number)
        box = self._box(key)
        box.parked = unit.parked.get(key)
        self._put(key, box, letter.mail)

    def _arrived(
        self, unit: Unit, last: int, found: Iterable[tuple[int, Letter]]
    ) -> bool:
        """Put in what the server has just taken; tell whether there is more to know."""
        if unit.is_lost:  # whoever has it by now finds that there
            return False
        if 0 < last < unit.seen:
            self._went_back(unit)
            return False
        for number, letter in found:
            if 0 < number <= unit.seen:
                self._went_back(unit)
                return False
            if number == unit.seen + 1 and not unit.is_stale:
                unit.seen = number
                self._arrive(unit, number, letter)
            elif number > unit.seen or not number:
                unit.is_stale = True
        if last > unit.seen:
            unit.is_stale = True
        return unit.is_stale

    def _handled(self, unit: Unit, key: str, box: Mailbox) -> None:
        """Take out a message of which the server knows that it is handled."""
        box.token = None
        box.pop()
        numbers = unit.numbers[key]
        unit.attempts.pop(numbers.popleft(), None)
        if not numbers:
            del unit.numbers[key]
        self._totals["mail", unit.place.shard] -= 1

    def _reconcile(self, unit: Unit, contents: Contents) -> None:
        """Learn from the server what became of what nobody has answered."""
        there = {number for number, _ in contents.mail}
        for key in [each for each, one in self._doubts.items() if one is unit]:
            del self._doubts[key]
            unit.states.pop(key, None)
            box, numbers = self._boxes.get(key), unit.numbers.get(key)
            if box is None:
                continue
            # It is out already where a replica only did not have it in time.
            if numbers and numbers[0] not in there:
                self._handled(unit, key, box)
            if not box.mail:
                self._release(key, box)
        if contents.last < unit.seen or self._has_strange(unit, there):
            self._went_back(unit)
            return
        for name in unit.owed.keys() - {name for _, name, _ in contents.owed}:
            del unit.owed[name]
            unit.fresh.discard(name)
        unit.row = contents.row
        has_new = self._add_owed(unit, contents)
        unit.is_stale = False
        if has_new:
            self._screen_ready(unit)
        self._add_mail(unit, contents)
        self._send_out(unit, contents.out)

    @staticmethod
    def _has_strange(unit: Unit, there: AbstractSet[int]) -> bool:
        """Whether the server has mail under numbers that were of other mail here."""
        known = unit.unread.union(*unit.numbers.values())
        return any(number <= unit.seen and number not in known for number in there)

    def _send_out(self, unit: Unit, out: Mapping[int, bytes]) -> None:
        """Have what a unit has for others go on its way, unless it does already."""
        raise NotImplementedError

    def _went_back(self, unit: Unit) -> None:
        """Begin anew with a unit of which the server has forgotten the last."""
        _logger.warning("the server has forgotten the last of %s", unit.place.unit)
        self._read_anew(unit)

    def _read_anew(self, unit: Unit) -> None:
        """Leave a unit, to read all of it again."""
        self._lose(unit)

    def _lose(self, unit: Unit, outcome: str = "lost") -> None:
        """Leave a unit to another process, which has it by now or will have it soon."""
        if unit.is_lost:
            return
        self._watch.leases(outcome)
        self._forget(unit)
        if unit.place.is_chat:
            self._lost(f"screen/{unit.place.unit}")

    def _lost(self, screen: str) -> None:
        """Tell whoever draws that another process does."""

    def _forget(self, unit: Unit) -> None:
        """Have a unit no more."""
        if unit.is_lost:
            return
        unit.is_lost = True
        if self._units.get(unit.place.member) is unit:
            del self._units[unit.place.member]
        for key in unit.boxes:
            box = self._boxes.pop(key, None)
            if box is None:
                continue
            service, box.lessee, box.token = box.lessee, None, None
            box.mail.clear()
            if service is not None:
                service.free += 1
                self._hand_out(service)
        unit.numbers.clear()

    def _owing(self) -> Iterator[str]:
        """The screens that are owed something from before, or have a row."""
        for unit in self._units.values():
            if unit.fresh or unit.row is not None:
                yield f"screen/{unit.place.unit}"

    @staticmethod
    def _all_owed(unit: Unit, names: Iterable[str], screen: str) -> list[Owed]:
        """What is owed to a screen, in order."""
        found = sorted((unit.owed[name][0], name) for name in names)
        return [Owed(screen, name, unit.owed[name][1]) for _, name in found]
