"""What happened, counted and measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager

from duologue.actors import Counts


def test_what_happened_is_counted_by_name_and_reason() -> None:
    counts = Counts()

    counts.count("turns", reason="committed")
    counts.count("turns", reason="committed")
    counts.count("turns", reason="failed")
    counts.count("starts")

    assert counts.of("turns", "committed") == 2
    assert counts.of("turns") == 3
    assert counts.of("turns", "") == 0
    assert counts.of("starts", "") == 1
    assert counts.of("never") == 0


def test_a_label_that_is_left_out_of_a_question_means_all_its_values() -> None:
    counts = Counts()

    counts.count("effects", bot="max.1", outcome="ok")
    counts.count("effects", bot="max.2", outcome="ok")
    counts.count("effects", bot="max.2", outcome="429")

    assert counts.of("effects", bot="max.2") == 2
    assert counts.of("effects", outcome="ok") == 2
    assert counts.of("effects", bot="max.1", outcome="429") == 0


def test_many_at_once_count_as_many() -> None:
    counts = Counts()

    counts.count("updates", 100, bot="max.1")
    counts.count("updates", 5, bot="max.1")

    assert counts.of("updates") == 105


def test_measured_values_are_kept_by_name_and_labels() -> None:
    counts = Counts()

    counts.record("turn_seconds", 0.5, dialog="Shop")
    counts.record("turn_seconds", 0.25, dialog="Help")
    counts.record("turn_seconds", 1.5, dialog="Shop")

    assert counts.recorded("turn_seconds", dialog="Shop") == [0.5, 1.5]
    assert sorted(counts.recorded("turn_seconds")) == [0.25, 0.5, 1.5]
    assert counts.recorded("never") == []


def test_only_the_newest_measured_values_are_remembered() -> None:
    counts = Counts()

    for value in range(2500):
        counts.record("sizes", value)

    assert counts.recorded("sizes") == list(range(1500, 2500))


def test_counts_can_be_asked_while_another_thread_lets_them_grow(
    between_steps: Callable[[Callable[[], object]], AbstractContextManager[None]],
) -> None:
    counts = Counts()
    counts.count("turns", dialog="first")
    counts.record("sizes", 1.0, dialog="first")
    numbers = itertools.count()

    def grow() -> None:
        counts.count("turns", dialog=f"Dialog{next(numbers)}")
        counts.record("sizes", 1.0, dialog=f"Dialog{next(numbers)}")
        counts.record("sizes", 1.0, dialog="first")

    with between_steps(grow):
        turns = counts.of("turns")
        sizes = counts.recorded("sizes", dialog="first")

    assert 0 < turns < next(numbers)
    assert 0 < len(sizes) < next(numbers)
