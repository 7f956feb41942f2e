"""What this process has leased: units, with all that they hold on the server."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TypeAlias, cast

from duologue.transport.redis._keys import unit_of
from duologue.transport.redis._wire._calls import Reply
from duologue.transport.redis._wire._commands import Words

NEVER = b""
"""The token of a mailbox that has had no commit."""

TOKEN_SIZE = 16

State: TypeAlias = tuple[bytes, bytes | None]
"""The token of the last commit of a mailbox, and the snapshot behind it."""


class Place:
    """Where a unit is on the server.

    Attributes:
        unit: Its name.
        kind: The ready set in which it waits.
        shard: Its shard.
        member: What stands for it in sets: its kind and its name.
        keys: What every script about it is given first.
        first: The same, as it is sent.
    """

    __slots__ = ("first", "keys", "kind", "member", "shard", "unit")

    def __init__(self, unit: str, kind: str, shard: int, keys: list[str]) -> None:
        self.unit: str = unit
        self.kind: str = kind
        self.shard: int = shard
        self.member: str = f"{kind}|{unit}"
        self.keys: list[str] = keys
        self.first: Words = Words(keys)

    @property
    def is_chat(self) -> bool:
        """Whether it is a chat, which has a screen."""
        return self.kind.partition("/")[0] == "dialog"


class Unit:
    """A unit that this process has leased.

    Attributes:
        place: Where it is.
        token: Proves the lease.
        seen: The number of the newest mail that is known here.
        numbers: The numbers of the mail of each mailbox, in order.
        unread: The numbers of mail that cannot be read here.
        boxes: The mailboxes that have been in use here.
        states: The snapshots, as far as they have been read.
        owed: What is owed to the screen, by its id: its number and what it says.
        fresh: The ids of what others have owed and nobody here has taken over yet.
        row: What whoever draws has to know.
        out: What is on its way to other units, by its number.
        parked: The mailboxes for newer programs, and their schemas.
        suspects: The messages that may have ended the process before, by mailbox.
        attempts: How many processes have died with a message open, by its number.
        unheard: The first message that the owner before cannot have known, or 0.
        drawings: How often this process has noted what was drawn.
        left_by: The process that had it before and has not let it go; empty if it has.
        is_stale: Whether there is more on the server than is known here.
        is_lost: Whether another process has it by now.
        busy_until: Until when it stays here though nothing waits, by the loop.
        calls: How many calls about it are on their way.
    """

    def __init__(self, place: Place, token: bytes) -> None:
        self.place: Place = place
        self.token: bytes = token
        self.seen: int = 0
        self.numbers: dict[str, deque[int]] = {}
        self.unread: set[int] = set()
        self.boxes: set[str] = set()
        self.states: dict[str, State] = {}
        self.owed: dict[str, tuple[int, bytes]] = {}
        self.fresh: set[str] = set()
        self.row: bytes | None = None
        self.out: dict[int, bytes] = {}
        self.parked: dict[str, int] = {}
        self.suspects: dict[str, int] = {}
        self.attempts: dict[int, int] = {}
        self.unheard: int = 0
        self.drawings: int = 0
        self.left_by: str = ""
        self.is_stale: bool = False
        self.is_lost: bool = False
        self.busy_until: float = 0.0
        self.calls: int = 0

    def call_ended(self) -> None:
        """A call about it has been answered, or never will be."""
        self.calls -= 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do, as far as it is known here."""
        return not (self.numbers or self.owed or self.out)


class Contents:
    """What a unit holds, as a script returned it.

    Attributes:
        last: The number of the newest mail that it has ever had.
        mail: The envelopes, by their numbers and in order.
        owed: What is owed: id, number, body; in order.
        row: What whoever draws has to know.
        out: What is on its way to other units.
        fields: The rest.
    """

    def __init__(self, last: Reply, parts: Reply) -> None:
        fields, mail, owed, row, out = cast(
            "tuple[list[bytes], list[bytes], list[bytes], bytes | None, list[bytes]]",
            parts,
        )
        self.last: int = int(cast("bytes", last))
        self.fields: dict[str, bytes] = {
            name.decode(): value for name, value in _pairs(fields)
        }
        self.mail: list[tuple[int, bytes]] = sorted(
            (int(number), data) for number, data in _pairs(mail)
        )
        found: list[tuple[int, str, bytes]] = []
        for name, value in _pairs(owed):
            number, _, body = value.partition(b":")
            found.append((int(number), name.decode(), body))
        self.owed: list[tuple[int, str, bytes]] = sorted(found)
        self.row: bytes | None = row
        self.out: dict[int, bytes] = {
            int(number): data for number, data in sorted(_pairs(out), key=_number)
        }

    def parked(self) -> dict[str, int]:
        """The mailboxes for newer programs, and their schemas."""
        return {
            name[1:]: int(value)
            for name, value in self.fields.items()
            if name.startswith("p")
        }

    def attempts(self) -> dict[int, int]:
        """How many processes have died with a message open, by its number."""
        return {
            int(name[1:]): int(value)
            for name, value in self.fields.items()
            if name.startswith("a")
        }


def _number(pair: tuple[bytes, bytes]) -> int:
    return int(pair[0])


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


class SnapshotCache:
    """The snapshots that were used last, of units that may be anywhere by now.

    Their tokens tell whether they are still the newest ones.

    Args:
        most: How many bytes are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._states: OrderedDict[str, State] = OrderedDict()
        self._keys: dict[str, set[str]] = {}

    def get(self, key: str) -> State | None:
        """The snapshot of a mailbox, if it is here."""
        return self._states.get(key)

    def of_unit(self, unit: str) -> dict[str, State]:
        """The mailboxes of a unit that are here, and their snapshots."""
        return {key: self._states[key] for key in self._keys.get(unit, ())}

    def put(self, key: str, state: State) -> None:
        """Keep a snapshot; those that were not used for longest go."""
        self.drop(key)
        self._states[key] = state
        self._bytes += _size(state)
        self._keys.setdefault(unit_of(key), set()).add(key)
        while self._bytes > self._most and self._states:
            self.drop(next(iter(self._states)))

    def drop(self, key: str) -> None:
        """Forget a snapshot."""
        state = self._states.pop(key, None)
        if state is None:
            return
        self._bytes -= _size(state)
        keys = self._keys[unit_of(key)]
        keys.discard(key)
        if not keys:
            del self._keys[unit_of(key)]


def _size(state: State) -> int:
    return 200 + (0 if state[1] is None else len(state[1]))


def state_of(reply: Reply, known: State | None) -> State:
    """The snapshot that a script returned; what is known if that is still so."""
    if reply is None:
        return NEVER, None
    data = cast("bytes", reply)
    if known is not None and len(data) == TOKEN_SIZE and data == known[0]:
        return known
    return data[:TOKEN_SIZE], data[TOKEN_SIZE:] or None


def parts_of(reply: Reply) -> tuple[Reply, int, list[int]]:
    """What a script says: its status, the newest mail, the numbers of what was sent."""
    status, *rest = cast("list[Reply]", reply)
    if not rest:
        return status, 0, []
    numbers = [int(cast("int", each)) for each in cast("list[Reply]", rest[1])]
    return status, int(cast("bytes", rest[0])), numbers
