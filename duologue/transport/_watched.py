"""Engines that tell of their own work, where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from duologue.actors import Observer


@runtime_checkable
class WatchedEngine(Protocol):
    """An engine that counts and measures what it does.

    An engine need not be one. Until `observe` is called it must cost nothing.
    """

    def observe(self, observer: Observer) -> None:
        """Tell somebody from now on; called before the engine begins."""
        ...

    def gauges(self) -> Mapping[str, Callable[[], float]]:
        """What can be read at each scrape, on any thread, by its name."""
        ...
