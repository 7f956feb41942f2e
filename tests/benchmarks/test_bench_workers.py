"""The benchmark of background workers runs, and measures what it claims to measure."""

from __future__ import annotations

import json
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import Once, Written

TINY = ("--rounds", "1", "--pings", "3", "--workers", "4", "--seconds", "0.3")


class Pings(TypedDict):
    way: str
    busy: bool
    pings: int
    p50_ms: float
    p99_ms: float
    late_p50_ms: float
    late_p99_ms: float


class Crowd(TypedDict):
    workers: int
    reports_per_second: float
    processor: float
    lag_p99_ms: float
    ping_p50_ms: float
    ping_p99_ms: float


class Found(TypedDict):
    pings: list[Pings]
    crowd: Crowd


@pytest.fixture(scope="module")
def written(once: Once) -> Written:
    return once("bench_workers.py", *TINY, "--messages", "7")


@pytest.fixture(scope="module")
def found(written: Written) -> Found:
    read: Found = json.loads(written.figures)
    return read


def test_every_way_to_ask_is_measured_beside_a_quiet_and_a_busy_body(
    found: Found,
) -> None:
    measured = {(row["way"], row["busy"]) for row in found["pings"]}

    ways = ("last report", "body's ping()", "naive")
    assert measured == {(way, busy) for way in ways for busy in (True, False)}
    assert all(0 <= row["p50_ms"] <= row["p99_ms"] for row in found["pings"])


def test_the_crowd_reports_while_it_is_pinged(found: Found) -> None:
    crowd = found["crowd"]

    assert crowd["workers"] == 4
    assert crowd["reports_per_second"] > 0
    assert 0 <= crowd["ping_p50_ms"] <= crowd["ping_p99_ms"]


def test_there_are_tables_and_foreign_options_pass_by(written: Written) -> None:
    assert "body's ping()" in written.shown
    assert "reports_per_second" in written.shown
