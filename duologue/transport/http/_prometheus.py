"""The observer that keeps its numbers for Prometheus."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    GaugeMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from duologue.errors import (
    RegistryTakenError,
    RuntimeSettingError,
    UnknownMetricError,
)
from duologue.transport.http._catalogue import BUCKETS, CATALOGUE, Kind, Metric
from duologue.transport.http._registry import MetricsRegistry, Reading
from duologue.transport.http._series import (
    Series,
    Spread,
    Total,
    counter_family,
    histogram_family,
)

C = TypeVar("C")
_logger = logging.getLogger("duologue.metrics")


class PrometheusObserver(Collector):
    """Counts and measures what happens, for a registry of `prometheus_client`.

    It knows the metrics of the catalogue in `docs/operations.md` and ignores all
    others. Telling it something costs less than a microsecond: it adds to a cell
    that it finds in a dict. Tell it things on one thread; it is scraped on any.

    Args:
        registry: Where it shows its numbers while `registered`; a new one when left
            out. It never touches the global registry by itself.

    Attributes:
        registry: That registry.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: CollectorRegistry = (
            CollectorRegistry() if registry is None else registry
        )
        self._counters = {
            metric.name: Series(metric, Total) for metric in _every(Kind.COUNTER)
        }
        self._histograms = {
            metric.name: Series(metric, Spread) for metric in _every(Kind.HISTOGRAM)
        }
        self._gauges: dict[str, Callable[[], Reading]] = {}
        self._totals: dict[tuple[str, ...], Total] = {}
        self._spreads: dict[tuple[str, ...], Spread] = {}

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Add to a counter; what the catalogue does not have is ignored."""
        # A click tells of ten things: the values find the cell, and are kept only
        # for labels that are told in the order of the catalogue.
        try:
            cell = self._totals[name, *labels.values()]
        except KeyError:
            found = _place(self._counters, self._totals, name, labels)
            if found is None:
                return
            cell = found
        cell.value += amount

    def record(self, name: str, value: float, /, **labels: str) -> None:
        """Add to a histogram; what the catalogue does not have is ignored."""
        try:
            cell = self._spreads[name, *labels.values()]
        except KeyError:
            found = _place(self._histograms, self._spreads, name, labels)
            if found is None:
                return
            cell = found
        cell.counts[bisect_left(BUCKETS, value)] += 1
        cell.total += value

    def watch(self, name: str, read: Callable[[], Reading]) -> None:
        """Have a gauge read at each scrape.

        Args:
            name: Its name in the catalogue.
            read: Gives its values, each with those of its labels, in the order of
                the catalogue. Called on the thread that scrapes.

        Raises:
            UnknownMetricError: The catalogue has no such gauge.
        """
        metric = CATALOGUE.get(name)
        if metric is None or metric.kind is not Kind.GAUGE:
            raise UnknownMetricError(name)
        self._gauges[name] = read

    @contextmanager
    def registered(self) -> Generator[None]:
        """Show the numbers in the registry for as long as the block runs.

        Raises:
            RegistryTakenError: Another runtime shows its numbers there.
        """
        try:
            self.registry.register(self)
        except ValueError as error:
            raise RegistryTakenError from error
        try:
            yield
        finally:
            self.registry.unregister(self)
            self._gauges.clear()

    def describe(self) -> Iterator[Family]:
        """Name everything that a scrape may show; the registry asks for it."""
        return map(_empty, CATALOGUE.values())

    def collect(self) -> Iterator[Family]:
        """Give the numbers as they are now; the registry asks for it."""
        for metric in CATALOGUE.values():
            match metric.kind:
                case Kind.COUNTER:
                    yield counter_family(self._counters[metric.name])
                case Kind.HISTOGRAM:
                    yield histogram_family(self._histograms[metric.name])
                case Kind.GAUGE:
                    yield self._gauge_family(metric)

    def _gauge_family(self, metric: Metric) -> GaugeMetricFamily:
        family = GaugeMetricFamily(metric.exposed, metric.help, labels=metric.labels)
        read = self._gauges.get(metric.name)
        if read is None:
            return family
        try:
            for values, value in read():
                family.add_metric(values, value)
        except Exception:  # one gauge that fails must not hide all other numbers
            _logger.exception("cannot read the gauge %s", metric.name)
        return family


def registry_of(given: MetricsRegistry | None) -> CollectorRegistry:
    """The registry that was given, or a new one.

    Raises:
        RuntimeSettingError: It is something else.
    """
    if given is None:
        return CollectorRegistry()
    if not isinstance(given, CollectorRegistry):
        problem = "it must be a prometheus_client.CollectorRegistry"
        raise RuntimeSettingError("registry=", problem)
    return given


def _place(
    every: Mapping[str, Series[C]],
    known: dict[tuple[str, ...], C],
    name: str,
    labels: Mapping[str, str],
) -> C | None:
    """Find the cell for an event, and remember it unless its values are too many."""
    series = every.get(name)
    found = None if series is None else series.find(labels)
    if found is None:
        _logger.debug("no metric %s with the labels %s", name, sorted(labels))
        return None
    cell, is_exact = found
    if is_exact and tuple(labels) == CATALOGUE[name].labels:
        known[name, *labels.values()] = cell
    return cell


def _every(kind: Kind) -> list[Metric]:
    return [metric for metric in CATALOGUE.values() if metric.kind is kind]


def _empty(metric: Metric) -> Family:
    return Family(metric.exposed, metric.help, metric.kind.value)
