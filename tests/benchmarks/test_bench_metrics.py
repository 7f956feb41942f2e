"""The benchmark of metrics runs, and compares what it claims to compare."""

from __future__ import annotations

import json
from typing import TypedDict

from tests.benchmarks.conftest import bench

WAYS = {"nobody counts", "counts in memory", "Prometheus"}


class Row(TypedDict):
    way: str
    clicks: int
    microseconds_per_click: float
    share: float
    rounds: list[float]


def test_every_way_of_counting_handles_the_same_clicks_equally_often() -> None:
    rows: list[Row] = json.loads(
        bench("bench_metrics.py", "--json", "--messages=7", "--rounds=2", "--chats=3")
    )

    assert {row["way"] for row in rows} == WAYS
    assert {(row["clicks"], len(row["rounds"])) for row in rows} == {(6, 2)}
    assert all(row["microseconds_per_click"] > 0 for row in rows)
    assert [row["share"] for row in rows if row["way"] == "nobody counts"] == [0]


def test_without_json_there_is_a_table() -> None:
    shown = bench("bench_metrics.py", "--messages=2", "--rounds=1", "--chats=2")

    assert "more than nobody" in shown
    assert all(way in shown for way in WAYS)
