"""The numbers of one metric: a cell for each combination of label values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from duologue.transport.http._catalogue import BUCKETS, Metric

MOST_VALUES = 50
OTHER = "other"
_BOUNDS = (*map(str, BUCKETS), "+Inf")

C = TypeVar("C")


class Total:
    """The number of a counter.

    Attributes:
        value: How often.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: int = 0


class Spread:
    """The numbers of a histogram.

    Attributes:
        counts: How many values fell into each bucket.
        total: Their sum.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts: list[int] = [0] * len(_BOUNDS)
        self.total: float = 0.0


class Series(Generic[C]):
    """The cells of one metric.

    A label has at most 50 values; what comes after them counts as `other`. A metric
    without labels has its cell from the start, so its first event is not missed.

    Args:
        metric: Which one.
        make: Makes a cell.
    """

    def __init__(self, metric: Metric, make: Callable[[], C]) -> None:
        self.metric = metric
        self._make = make
        self._names = set(metric.labels)
        self._known: list[set[str]] = [set() for _ in metric.labels]
        self._cells: dict[tuple[str, ...], C] = {}
        if not metric.labels:
            self._cells[()] = make()

    def find(self, labels: Mapping[str, str]) -> tuple[C, bool] | None:
        """Find the cell of a combination of labels, and make it if it is new.

        Returns:
            The cell, and whether it is for just these values; None if the metric
            has other labels.
        """
        if set(labels) != self._names:
            return None
        given = tuple(labels[name] for name in self.metric.labels)
        values = tuple(map(self._bounded, self._known, given))
        cell = self._cells.get(values)
        if cell is None:
            cell = self._cells[values] = self._make()
        return cell, values == given

    def cells(self) -> list[tuple[tuple[str, ...], C]]:
        """The cells by the values of their labels; callable from any thread."""
        return list(self._cells.items())

    @staticmethod
    def _bounded(known: set[str], value: str) -> str:
        if value not in known:
            if len(known) >= MOST_VALUES:
                return OTHER
            known.add(value)
        return value


def counter_family(series: Series[Total]) -> CounterMetricFamily:
    """What is scraped of a counter."""
    metric = series.metric
    family = CounterMetricFamily(metric.exposed, metric.help, labels=metric.labels)
    for values, cell in series.cells():
        family.add_metric(values, cell.value)
    return family


def histogram_family(series: Series[Spread]) -> HistogramMetricFamily:
    """What is scraped of a histogram."""
    metric = series.metric
    family = HistogramMetricFamily(metric.exposed, metric.help, labels=metric.labels)
    for values, cell in series.cells():
        family.add_metric(values, _cumulative(cell), cell.total)
    return family


def _cumulative(cell: Spread) -> list[tuple[str, float]]:
    reached = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip(_BOUNDS, cell.counts, strict=True):
        reached += count
        buckets.append((bound, reached))
    return buckets
