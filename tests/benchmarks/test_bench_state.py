"""The benchmark of State runs, and loses nothing while it measures."""

from __future__ import annotations

import json

from tests.benchmarks.conftest import bench

TINY = ("--times", "20", "--callers", "5", "--states", "10")


def test_it_measures_all_that_it_names() -> None:
    found = json.loads(bench("bench_state.py", "--json", *TINY))

    assert set(found) == {"us", "injected_us", "incr_per_second", "tries", "bytes"}
    assert found["tries"] == {"callers": 5, "tries": 5}
    assert all(figure > 0 for figure in found["incr_per_second"].values())
    assert found["bytes"] > 0


def test_it_shows_a_table() -> None:
    assert "incr_per_second" in bench("bench_state.py", *TINY)
