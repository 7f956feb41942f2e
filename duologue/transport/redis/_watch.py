"""What the engine tells of its leases, and of what waits for one, where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias, cast

from duologue.actors import Observer
from duologue.actors._engine._timed import wall_time
from duologue.transport.redis._keys import Names
from duologue.transport.redis._wire._calls import Call, Reply

_EVERY: Final = 5
"""Of so many looks one also looks at what is ready: it takes two commands for each set."""

_RARE: Final = ("taken_over", "expired", "lost")

Gauges: TypeAlias = Mapping[str, Callable[[], float]]


class Watch:
    """Counts leases, and looks at what is ready now and then.

    Args:
        names: The keys on the server.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._observer: Observer | None = None
        self._looks = 0
        # How many units wait in a set, and for how many seconds the first of them.
        self._ready: dict[tuple[int, str], tuple[int, float]] = {}

    def begin(self, observer: Observer) -> None:
        """Tell somebody from now on."""
        self._observer = observer
        for outcome in _RARE:
            observer.count("leases", 0, outcome=outcome)

    def leases(self, outcome: str, number: int = 1) -> None:
        """Note what became of leases."""
        if self._observer is not None:
            self._observer.count("leases", number, outcome=outcome)

    def gauges(self) -> Gauges:
        """What is ready, as of the last look."""
        return {
            "units_ready": lambda: sum(number for number, _ in self._seen()),
            "oldest_ready_seconds": lambda: max(
                (seconds for _, seconds in self._seen()), default=0.0
            ),
        }

    def look(self, kinds: Iterable[str]) -> Iterable[Call]:
        """What to ask the server now to know what is ready; mostly nothing."""
        if self._observer is None:
            return
        self._looks += 1
        if self._looks % _EVERY != 1:
            return
        for kind in kinds:
            for shard in range(self._names.shards):
                yield from self._questions(shard, kind)

    def _questions(self, shard: int, kind: str) -> Iterable[Call]:
        name = self._names.ready(shard, kind)

        def counted(reply: Reply) -> None:
            self._ready[shard, kind] = cast("int", reply), 0.0

        def aged(reply: Reply) -> None:
            first = cast("list[bytes]", reply)
            if first:
                number, _ = self._ready.get((shard, kind), (1, 0.0))
                seconds = max(wall_time() - float(first[1]) / 1000, 0.0)
                self._ready[shard, kind] = number, seconds

        yield Call("what is ready", ["ZCARD", name], done=counted)
        yield Call("what is ready", ["ZRANGE", name, 0, 0, "WITHSCORES"], done=aged)

    def _seen(self) -> list[tuple[int, float]]:
        return list(self._ready.values())  # a copy, for another thread
