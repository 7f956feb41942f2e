"""The benchmark of the streams of events runs, and measures what it claims to measure."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.conftest import Once


@pytest.fixture(scope="module")
def rows(once: Once) -> list[dict[str, float]]:
    options = ("--browsers", "6", "--operations", "1", "3", "--seconds", "1.5")
    found: list[dict[str, float]] = json.loads(once("bench_sse.py", *options).figures)
    return found


def test_every_browser_gets_its_events(rows: list[dict[str, float]]) -> None:
    assert [(row["browsers"], row["operations"]) for row in rows] == [(6, 1), (6, 3)]
    for row in rows:
        assert 6 <= row["events"] <= 6 * 5
        assert row["kilobytes"] > 1
        assert 0 < row["cores"] < 2
        assert row["late"] > 100
