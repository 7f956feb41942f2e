"""The benchmark of operations runs, and measures what it claims to measure."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.conftest import Once

TINY = ("--rounds", "1", "--operations", "200", "--seconds", "0.3")

Found = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def found(once: Once) -> Found:
    read: Found = json.loads(once("bench_operations.py", *TINY).figures)
    return read


def test_a_report_of_each_kind_is_measured(found: Found) -> None:
    assert len(found["one report"]) == 6
    assert all(0 < cost < 1000 for cost in found["one report"].values())


def test_all_operations_report_ten_times_a_second(found: Found) -> None:
    assert found["200 operations"]["reports"] == 3 * 200
    assert found["200 that only wait"]["reports"] == 0
    assert found["200 operations"]["processor us of one"] > 0


@pytest.mark.parametrize("where", ["thread", "process"])
def test_pings_are_measured_beside_a_body_that_computes(
    where: str, found: Found
) -> None:
    pings = found[f"ping, {where} computes"]

    assert 0 < pings["p50, ms"] <= pings["p99, ms"] <= pings["longest, ms"]


@pytest.mark.parametrize(
    ("whole", "alone"),
    [
        ("bytes of one that reports", "of these its body alone"),
        ("bytes of one that waits", "of these its body alone, too"),
    ],
)
def test_an_operation_takes_3_kb_with_all_that_belongs_to_it(
    whole: str, alone: str, found: Found
) -> None:
    memory = found["memory of 200"]

    # Of ten thousand it is 3,000; few have a larger share of what all have in common.
    assert 0 < memory[alone] < memory[whole] < 3600
