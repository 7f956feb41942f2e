"""The observer for Prometheus: what it counts, what it ignores, where it shows it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import given, strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest

from duologue.errors import RegistryTakenError, UnknownMetricError
from duologue.transport.http import PrometheusObserver


@pytest.fixture
def observer(registry: CollectorRegistry) -> Iterator[PrometheusObserver]:
    observer = PrometheusObserver(registry)
    with observer.registered():
        yield observer


def test_events_add_up_by_their_labels(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    observer.count("turns", dialog="Shop", outcome="committed")
    observer.count("turns", 4, dialog="Shop", outcome="committed")
    observer.count("turns", outcome="failed", dialog="Shop")

    name = "duologue_turns_total"
    committed = registry.get_sample_value(
        name, {"dialog": "Shop", "outcome": "committed"}
    )
    failed = registry.get_sample_value(name, {"dialog": "Shop", "outcome": "failed"})
    assert (committed, failed) == (5, 1)


def test_the_order_in_which_labels_are_given_means_nothing(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    for _ in range(2):
        observer.count("draws", bot="max.1", outcome="drawn")
        observer.count("draws", outcome="drawn", bot="max.1")

    labels = {"bot": "max.1", "outcome": "drawn"}
    assert registry.get_sample_value("duologue_draws_total", labels) == 4


def test_measured_values_are_counted_by_size(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    for seconds in (0.001, 0.005, 0.3, 100.0):
        observer.record("turn_duration_seconds", seconds, dialog="Shop")

    def sample(suffix: str, **labels: str) -> float | None:
        name = f"duologue_turn_duration_seconds_{suffix}"
        return registry.get_sample_value(name, {"dialog": "Shop", **labels})

    assert sample("count") == 4
    assert sample("sum") == pytest.approx(100.306)
    assert sample("bucket", le="0.005") == 2
    assert sample("bucket", le="0.25") == 2
    assert sample("bucket", le="0.5") == 3
    assert sample("bucket", le="10.0") == 3
    assert sample("bucket", le="+Inf") == 4


@given(st.lists(st.floats(0, 1e6)))
def test_the_buckets_of_a_histogram_say_how_many_values_are_at_most_so_large(
    values: list[float],
) -> None:
    observer = PrometheusObserver()

    for value in values:
        observer.record("mailbox_wait_seconds", value)

    with observer.registered():
        samples = [
            sample
            for family in observer.registry.collect()
            for sample in family.samples
            if sample.name == "duologue_mailbox_wait_seconds_bucket"
        ]
    assert len(samples) == 15
    for sample in samples:
        bound = float(sample.labels["le"])
        assert sample.value == sum(value <= bound for value in values)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("never", {}),
        ("turns", {}),
        ("turns", {"dialog": "Shop"}),
        ("turns", {"dialog": "Shop", "outcome": "committed", "user": "1"}),
        ("turn_duration_seconds", {"dialog": "Shop"}),
    ],
)
def test_what_the_catalogue_does_not_have_is_counted_as_nothing(
    observer: PrometheusObserver, name: str, labels: dict[str, str]
) -> None:
    before = generate_latest(observer.registry)

    observer.count(name, **labels)
    observer.record(name, 1.0, **{**labels, "surplus": "x"})

    assert generate_latest(observer.registry) == before


def test_after_fifty_values_of_a_label_the_others_are_one(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    for number in range(1000):
        observer.count("handler_errors", error=f"Error{number}")

    family = next(
        one for one in registry.collect() if one.name == "duologue_handler_errors"
    )
    counted = {sample.labels["error"]: sample.value for sample in family.samples}
    assert len(counted) == 51
    assert counted["Error49"] == 1
    assert counted["other"] == 950


def test_a_flood_of_values_takes_no_memory(observer: PrometheusObserver) -> None:
    for number in range(200):
        observer.count("handler_errors", error=f"Error{number}")

    assert len(observer._totals) == 50


def test_a_metric_without_labels_is_there_before_its_first_event(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    assert observer.registry is registry
    assert registry.get_sample_value("duologue_mailbox_wait_seconds_count") == 0


def test_a_gauge_is_read_when_it_is_scraped(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    waiting = [1.0]
    observer.watch("messages_waiting", lambda: [((), waiting[0])])

    first = registry.get_sample_value("duologue_messages_waiting")
    waiting[0] = 7.0
    second = registry.get_sample_value("duologue_messages_waiting")

    assert (first, second) == (1, 7)


def test_a_gauge_that_cannot_be_read_hides_no_other_number(
    observer: PrometheusObserver,
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    observer.watch("messages_waiting", lambda: [((), 1 / 0)])
    observer.count("handler_errors", error="KeyError")

    scraped = generate_latest(registry).decode()

    assert 'duologue_handler_errors_total{error="KeyError"} 1.0' in scraped
    assert "duologue_messages_waiting " in scraped
    assert "\nduologue_messages_waiting " not in scraped
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("name", ["never", "turns"])
def test_only_gauges_of_the_catalogue_can_be_watched(
    observer: PrometheusObserver, name: str
) -> None:
    with pytest.raises(UnknownMetricError, match=name):
        observer.watch(name, lambda: [((), 1)])


def test_two_observers_cannot_show_their_numbers_in_one_registry(
    observer: PrometheusObserver, registry: CollectorRegistry
) -> None:
    second = PrometheusObserver(registry)

    with pytest.raises(RegistryTakenError, match="of its own"), second.registered():
        pass

    observer.count("errors", error="KeyError")
    labels = {"error": "KeyError"}
    assert registry.get_sample_value("duologue_errors_total", labels) == 1


def test_metrics_of_the_application_stay_beside_those_of_the_runtime(
    registry: CollectorRegistry,
) -> None:
    orders = Counter("orders", "Orders.", registry=registry)
    orders.inc()

    with PrometheusObserver(registry).registered():
        during = generate_latest(registry).decode()
    after = generate_latest(registry).decode()

    assert "orders_total 1.0" in during
    assert "duologue_" in during
    assert "orders_total 1.0" in after
    assert "duologue_" not in after


def test_numbers_can_be_read_while_another_thread_lets_them_grow(
    between_steps: Callable[[Callable[[], object]], AbstractContextManager[None]],
) -> None:
    observer = PrometheusObserver()
    observer.count("turns", dialog="first", outcome="done")
    numbers = itertools.count()

    def grow() -> None:
        dialog, outcome = divmod(next(numbers), 50)
        observer.count("turns", dialog=f"{dialog}", outcome=f"{outcome}")

    with observer.registered(), between_steps(grow):
        scraped = generate_latest(observer.registry).decode()

    assert 'duologue_turns_total{dialog="first",outcome="done"} 1.0' in scraped
    assert 'duologue_turns_total{dialog="0",outcome="0"} 1.0' in scraped
