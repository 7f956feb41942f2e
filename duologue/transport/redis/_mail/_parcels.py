"""What goes into one unit together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duologue.actors import Letter, Mail, Owed
from duologue.transport.redis._keys import Names
from duologue.transport.redis._units import NEVER, SnapshotCache, State, Unit
from duologue.transport.redis._wire._client import Argument
from duologue.transport.redis._wire._envelopes import digest, pack, unpack_out


@dataclass(slots=True)
class Due:
    """A letter whose time has come.

    Attributes:
        name: Names it on the server.
        at: The time, as the server has it.
    """

    name: str
    at: str


class Origin:
    """What a unit sends to another one, mail or drawings, and keeps until it is there.

    A server that begins anew, or another one in its place, may have forgotten that it is
    there, or the commit that has sent it, whose mail is handled once more then.

    Args:
        unit: The unit that sends it.
        left: What is to be brought, by its number.
        connections: The connections that had been made when it was surely kept.
    """

    __slots__ = ("connections", "left", "unit")

    def __init__(self, unit: Unit, left: dict[int, bytes], connections: int) -> None:
        self.unit: Unit = unit
        self.left: dict[int, bytes] = left
        self.connections: int = connections

    @property
    def key(self) -> str:
        """Where it is kept, by its number."""
        return self.unit.place.keys[4]

    def letters(self) -> list[Letter]:
        """The mail, in order."""
        found = map(unpack_out, self.left.values())
        return [
            Letter(key, Mail(name, body))
            for is_owed, key, name, body in found
            if not is_owed
        ]

    def owed(self) -> list[Owed]:
        """What is owed to the screen, in order."""
        found = map(unpack_out, self.left.values())
        return [Owed(key, name, body) for is_owed, key, name, body in found if is_owed]

    def keep(self, found: Iterable[bytes | None], connections: int) -> None:
        """Forget what is not kept any more.

        Args:
            found: What is kept, in the order of what is left.
            connections: The connections that had been made then.
        """
        self.connections = connections
        out = self.unit.out
        for (number, data), there in zip([*self.left.items()], found, strict=True):
            if data != there:
                del self.left[number]
                if out.get(number) == data:
                    del out[number]


class Parcel:
    """What goes into one unit together.

    Args:
        letters: Mail, in order.
        owed: What is owed to its screen.
        due: The letter for later that the mail was, if it was one.
        is_own: Whether the caller draws what is owed, if the unit is here then.

    Attributes:
        known: The mailboxes, and the snapshot that was at hand of each when it was sent.
    """

    def __init__(
        self,
        letters: Sequence[Letter],
        owed: Sequence[Owed],
        due: Due | None,
        *,
        is_own: bool = True,
    ) -> None:
        self.letters: Sequence[Letter] = letters
        self.owed: Sequence[Owed] = owed
        self.due: Due | None = due
        self.is_own: bool = is_own
        self.known: dict[str, State | None] = dict.fromkeys(boxes_of(letters))

    def arguments(self, cache: SnapshotCache) -> list[Argument]:
        """What the script is given of it."""
        due = Due("", "") if self.due is None else self.due
        args: list[Argument] = [due.name, due.at]
        args += [len(self.known), len(self.letters), len(self.owed)]
        for key in self.known:
            known = self.known[key] = cache.get(key)
            args += [NEVER if known is None else known[0], key]
        args += letter_arguments(self.letters, list(self.known))
        for one in self.owed:
            args += [one.id, one.body]
        return args

    def keys(self, names: Names, shard: int) -> list[str]:
        """The keys of the script, behind those of the unit."""
        keys: list[str] = []
        for key in self.known:
            keys += [names.ring(shard, key), names.state(shard, key)]
        if self.due is not None:
            keys += names.timed(shard)
        return keys


def boxes_of(letters: Sequence[Letter]) -> list[str]:
    """The mailboxes of some letters, each once."""
    return list(dict.fromkeys(letter.key for letter in letters))


def letter_arguments(letters: Sequence[Letter], boxes: Sequence[str]) -> list[Argument]:
    """What a script is given of letters: box, id in its ring, envelope."""
    args: list[Argument] = []
    for letter in letters:
        number = boxes.index(letter.key) + 1
        args += [number, digest(letter.mail.id), pack(letter)]
    return args
