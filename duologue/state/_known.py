"""The values of States that were used last, and how they are stored."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from duologue.actors._engine._timed import wall_time
from duologue.state._values import Codec, Values, are_plain

_MOST: Final = 1_000  # States whose values are at hand


class Known:
    """The values of a State, and the bytes that they were read from.

    Args:
        line: The bytes; None if nothing was ever written.
        revision: How often it was written.
        until: When it is forgotten, in seconds since 1970; None for never.
        values: Its values.
    """

    __slots__ = ("line", "revision", "until", "values")

    def __init__(
        self, line: bytes | None, revision: int, until: float | None, values: Values
    ) -> None:
        self.line: bytes | None = line
        self.revision: int = revision
        self.until: float | None = until
        self.values: Values = values

    def now(self) -> Values:
        """The values, unless their time is over."""
        if self.until is not None and self.until <= wall_time():
            return {}
        return self.values


class Knowledge:
    """The values of the States that were used last.

    Args:
        codec: How values become bytes.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, key: str) -> Known | None:
        """What was read or written last; None if that is forgotten."""
        return self._known.get(key)

    def read(self, key: str, line: bytes | None) -> Known:
        """What a snapshot holds."""
        known = self._known.get(key)
        if known is not None and known.line == line:
            return known
        if line is None:
            return self.keep(key, Known(None, 0, None, {}))
        revision, until, values = self._codec.read(line)
        return self.keep(key, Known(line, revision, until, values))

    def written(
        self, before: Known, values: Values, until: float | None, name: str
    ) -> Known:
        """The next revision of a State, which is not kept yet."""
        revision = before.revision + 1
        parts = [revision, until, values]
        line = self._codec.write_plain(parts) if are_plain(values) else None
        if line is None:
            line, _ = self._codec.write(parts, ["revision", "until", name])
        # A copy: what orjson returns keeps the 4 KB that it was written into.
        return Known(b"%b" % line, revision, until, values)

    def keep(self, key: str, known: Known) -> Known:
        """Have it at hand; the one that was used first is forgotten."""
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known
