"""What is written together: the changes since the last group, each row once.

A message that came and went within one group is not in it: what the disk has never seen
need not be deleted there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from duologue.actors import FailedMail, Letter, Owed, TimedLetter

Value: TypeAlias = str | bytes | int | float | None
Rows: TypeAlias = Iterable[tuple[Value, ...]]


_SET_SNAPSHOT = (
    "INSERT INTO snapshots (key, body, used) VALUES (?, ?, ?) ON CONFLICT (key) DO "
    "UPDATE SET body = excluded.body, used = excluded.used"
)
_OWE = (
    "INSERT INTO owed VALUES (?, ?, ?, ?) ON CONFLICT (screen, id) DO UPDATE SET body "
    "= excluded.body"
)
_NOTE_OPENING = {
    False: "UPDATE openings SET is_open = 0 WHERE mail = ?",
    True: "INSERT INTO openings VALUES (?, 0, 1) ON CONFLICT (mail) DO UPDATE SET "
    "is_open = 1",
}


class OwedRow(NamedTuple):
    """What is owed, and its place.

    Attributes:
        number: Its place among all that is owed.
        owed: What it is.
        is_new: Whether nothing of this name was owed before.
    """

    number: int
    owed: Owed
    is_new: bool


class Group:
    """Changes that are written together, and who waits for that.

    Attributes:
        number: Its number, which is written too; those of a file only grow.
        time: Seconds since 1970, when it was taken to be written.
        is_done: Whether it is in the file, or given up.
        snapshots: The new ones.
        expiry: Since when what is to be forgotten has not been used, and the keys that
            are not to be.
        expired: What has been forgotten.
        keep_dead: How many dead letters are kept.
        waiters: They are told when it is in the file.
        after: Is called then.
    """

    __slots__ = (
        "_dead",
        "_handled",
        "_held",
        "_mail",
        "_not_owed",
        "_opened",
        "_owed",
        "_rows",
        "_timed",
        "_touched",
        "after",
        "expired",
        "expiry",
        "is_done",
        "keep_dead",
        "number",
        "snapshots",
        "time",
        "waiters",
    )

    def __init__(self, number: int, *, keep_dead: int) -> None:
        self.number: int = number
        self.keep_dead: int = keep_dead
        self.time: float = 0.0
        self.is_done: bool = False
        self.waiters: list[asyncio.Future[None]] = []
        self.after: list[Callable[[], None]] = []
        self.snapshots: dict[str, bytes] = {}
        self._owed: dict[tuple[str, str], OwedRow] = {}
        self._mail: dict[int, Letter] = {}
        self._handled: list[int] = []
        self._touched: set[str] = set()
        self.expiry: tuple[float, frozenset[str]] | None = None
        self.expired: list[str] = []
        self._not_owed: dict[tuple[str, str], None] = {}
        self._rows: dict[str, bytes | None] = {}
        self._timed: dict[tuple[str, str], TimedLetter] = {}
        self._held: dict[str, bytes] = {}
        self._dead: dict[int, FailedMail] = {}
        # By the number of a message: whether it is open.
        self._opened: dict[int, bool] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self._mail
            or self._handled
            or self.snapshots
            or self._owed
            or self._not_owed
            or self._rows
            or self._timed
            or self._held
            or self._dead
            or self._opened
            or self._touched
            or self.expiry
        )

    @property
    def has_mail(self) -> bool:
        """Whether there is mail that has not been handled."""
        return bool(self._mail)

    def bring(self, number: int, letter: Letter) -> None:
        """Put a letter into its mailbox."""
        self._mail[number] = letter

    def handle(self, number: int) -> None:
        """Take a letter out of its mailbox."""
        if self._mail.pop(number, None) is None:
            self._handled.append(number)

    def touch(self, key: str) -> None:
        """Note that a snapshot has been used."""
        self._touched.add(key)

    def expire(self, unused_since: float, busy: frozenset[str]) -> None:
        """Forget some snapshots that have not been used since a time.

        Args:
            unused_since: Seconds since 1970.
            busy: Keys that stay, whatever the file says of them.
        """
        self.expiry = unused_since, busy

    def owe(self, row: OwedRow) -> None:
        """Owe something to a screen."""
        name = row.owed.screen, row.owed.id
        earlier = self._owed.get(name)
        if earlier is not None:
            row = row._replace(is_new=earlier.is_new)
        self._owed[name] = row

    def draw(self, screen: str, name: str) -> None:
        """Owe something no more."""
        row = self._owed.pop((screen, name), None)
        if row is None or not row.is_new:
            self._not_owed[screen, name] = None

    def set_row(self, screen: str, row: bytes | None) -> None:
        """Keep the row of a screen; None forgets it."""
        self._rows[screen] = row

    def has_row(self, screen: str) -> bool:
        """Whether the row of a screen has changed."""
        return screen in self._rows

    def row(self, screen: str) -> bytes | None:
        """The row of a screen, if it has changed."""
        return self._rows.get(screen)

    def owed_to(self, screen: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Those bodies of what is owed to a screen that are written with this group."""
        for name in names:
            row = self._owed.get((screen, name))
            if row is not None:
                yield name, row.owed.body

    def set_timed(self, letter: TimedLetter) -> None:
        """Keep a letter for later, or take one back."""
        self._timed[letter.key, letter.id] = letter

    def hold(self, name: str, value: bytes) -> None:
        """Keep a value under a name."""
        self._held[name] = value

    def bury(self, number: int, dead: FailedMail) -> None:
        """Keep a dead letter."""
        self._dead[number] = dead

    def note_opening(self, number: int, *, is_open: bool) -> None:
        """Note that the handler of a message may be running, or has ended."""
        self._opened[number] = is_open

    def statements(self) -> Iterator[tuple[str, Rows]]:
        """What is to be executed, in order; each with its rows."""
        yield "UPDATE meta SET value = ? WHERE name = 'group'", [(self.number,)]
        if self._handled:
            yield "DELETE FROM mail WHERE number = ?", _each(self._handled)
        if self._mail:
            yield (
                "INSERT INTO mail VALUES (?, ?, ?, ?)",
                [
                    (number, letter.key, letter.mail.id, letter.mail.body)
                    for number, letter in self._mail.items()
                ],
            )
        yield from self._of_snapshots()
        yield from self._of_screens()
        yield from self._of_later()
        if self._held:
            yield "INSERT OR REPLACE INTO held VALUES (?, ?)", self._held.items()
        yield from self._of_failures()

    def _of_snapshots(self) -> Iterator[tuple[str, Rows]]:
        now = int(self.time)
        if self._touched:
            yield (
                "UPDATE snapshots SET used = ? WHERE key = ?",
                [(now, key) for key in self._touched],
            )
        if self.snapshots:
            yield (
                _SET_SNAPSHOT,
                [(key, body, now) for key, body in self.snapshots.items()],
            )

    def _of_screens(self) -> Iterator[tuple[str, Rows]]:
        if self._not_owed:
            yield "DELETE FROM owed WHERE screen = ? AND id = ?", self._not_owed
        if self._owed:
            yield (
                _OWE,
                [
                    (owed.screen, owed.id, number, owed.body)
                    for number, owed, _ in self._owed.values()
                ],
            )
        gone = [screen for screen, row in self._rows.items() if row is None]
        if gone:
            yield "DELETE FROM rows WHERE screen = ?", _each(gone)
        if len(gone) < len(self._rows):
            yield (
                "INSERT OR REPLACE INTO rows VALUES (?, ?)",
                [pair for pair in self._rows.items() if pair[1] is not None],
            )

    def _of_later(self) -> Iterator[tuple[str, Rows]]:
        if not self._timed:
            return
        yield "DELETE FROM timed WHERE key = ? AND id = ?", self._timed
        yield (
            "INSERT INTO timed VALUES (?, ?, ?, ?)",
            [
                (letter.key, letter.id, letter.at, letter.body)
                for letter in self._timed.values()
                if letter.at is not None
            ],
        )

    def _of_failures(self) -> Iterator[tuple[str, Rows]]:
        now = int(self.time)
        if self._dead:
            yield (
                "INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, dead.key, dead.mail.id, dead.mail.body, dead.error, now)
                    for number, dead in self._dead.items()
                ],
            )
            yield (
                "DELETE FROM dead WHERE number <= ?",
                [(max(self._dead) - self.keep_dead,)],
            )
        for is_open in (False, True):
            changed = [mail for mail, now in self._opened.items() if now is is_open]
            if changed:
                yield _NOTE_OPENING[is_open], _each(changed)

    def finish(self, error: Exception | None = None) -> None:
        """Tell those who wait that it is written, or that it never will be."""
        self.is_done = True
        for waiter in self.waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if error is None:
            for act in self.after:
                act()


def _each(values: Iterable[Value]) -> Rows:
    return [(value,) for value in values]
