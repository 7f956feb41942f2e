"""What is owed to screens: names in memory, bodies in the file.

A body that has yet to be written is looked for in its group; so whoever asks is told what is
owed now, however far the file is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from duologue.actors import Owed
from duologue.transport.sqlite._file import Loaded
from duologue.transport.sqlite._group import OwedRow
from duologue.transport.sqlite._reading import Reader, screen_of
from duologue.transport.sqlite._writer import Writer


class Screens:
    """The names of what is owed, by its screen and in order.

    Args:
        writer: Writes what has changed.
        reader: Reads what has been written.
    """

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader
        self._owed: dict[str, dict[str, int]] = {}
        self._with_rows: set[str] = set()
        self._last = 0

    def fill(self, loaded: Loaded) -> None:
        """Take over what the file has."""
        self._owed.clear()
        for screen, name, number in loaded.owed:
            self._owed.setdefault(screen, {})[name] = number
        self._with_rows = set(loaded.rows)
        self._last = loaded.owed[-1][2] if loaded.owed else 0

    def busy(self) -> Iterable[str]:
        """The screens that are owed something or have a row."""
        return (*self._owed, *(self._with_rows - self._owed.keys()))

    def owe(self, owed: Owed) -> None:
        """Owe something; of one name only the newest."""
        names = self._owed.setdefault(owed.screen, {})
        number = names.get(owed.id)
        is_new = number is None
        if number is None:
            number = names[owed.id] = self._last = self._last + 1
        self._writer.group.owe(OwedRow(number, owed, is_new))

    def note(self, screen: str, done: Sequence[str], row: bytes | None) -> None:
        """Owe something no more, and keep a row; an empty one is forgotten."""
        group = self._writer.group
        owed = self._owed.get(screen)
        if owed is not None:
            for name in done:
                if owed.pop(name, None) is not None:
                    group.draw(screen, name)
            if not owed:
                del self._owed[screen]
        if row is not None:
            group.set_row(screen, row or None)
            note = self._with_rows.add if row else self._with_rows.discard
            note(screen)

    async def read(self, screen: str) -> tuple[Sequence[Owed], bytes | None]:
        """What is owed to a screen, in order, and its row.

        Raises:
            EngineUnavailableError: The file cannot be read.
        """
        names = tuple(self._owed.get(screen, ()))
        bodies: dict[str, bytes] = {}
        is_known, row = False, None
        for group in reversed(self._writer.unwritten):  # the newest has the last word
            bodies.update(group.owed_to(screen, names))
            if group.has_row(screen):
                is_known, row = True, group.row(screen)
        if not is_known or len(bodies) < len(names):
            stored, stored_row = await self._reader.ask(
                screen, partial(screen_of, screen=screen)
            )
            bodies = {**stored, **bodies}
            row = row if is_known else stored_row
        # What is missing has been drawn while the file was read.
        owed = [Owed(screen, name, bodies[name]) for name in names if name in bodies]
        return tuple(owed), row
