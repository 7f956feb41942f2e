"""The benchmark of messages from other programs runs, and measures what it says."""

from __future__ import annotations

import json

from tests.benchmarks.conftest import bench


def test_it_measures_every_way() -> None:
    rows = json.loads(bench("bench_remote.py", "--json", "--messages=20", "--asks=3"))

    found = {(row["what"], row["callers"]) for row in rows}
    assert {
        ("HTTP, memory", 1),
        ("HTTP, SQLite", 100),
        ("HTTP, bytes there", 1),
    } <= found
    assert {("stream, written", 1), ("stream, ask, p99", 1)} <= found
    assert all(row["value"] >= 0 for row in rows)
