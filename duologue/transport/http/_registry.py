"""What the doors say of Prometheus without importing it: most programs never do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

Reading: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""Values of a gauge by the values of its labels."""


class MetricsRegistry(Protocol):
    """Where metrics appear: a `prometheus_client.CollectorRegistry`."""

    def collect(self) -> Iterable[object]:
        """Give all numbers as they are now."""
        ...
