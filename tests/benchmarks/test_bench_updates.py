"""The benchmark of updates runs, and counts one reply for each."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import Once, Written, python

PEERS = [name for name in ("maxapi",) if find_spec(name) is not None]
BOTS = ("duologue, memory", "aiohttp alone", *PEERS)
TINY = ("--messages=30", "--rounds=1", "--replies=3", "--talking=3")


class Row(TypedDict):
    library: str
    way: str
    rate: float
    processor: float
    p50: float
    p99: float


@pytest.fixture(scope="module")
def written(once: Once) -> Written:
    return once("bench_updates.py", *TINY, "--bots", *BOTS)


def test_both_ways_are_measured_for_each_bot(written: Written) -> None:
    rows: list[Row] = json.loads(written.figures)

    assert {(row["library"], row["way"]) for row in rows} == {
        (library, way) for library in BOTS for way in ("webhook", "polling")
    }
    assert all(row["rate"] > 0 for row in rows)
    assert all(0 <= row["p50"] <= row["p99"] for row in rows)


def test_the_table_compares_the_peers(written: Written) -> None:
    assert "updates with one reply each" in written.shown
    assert ("CPU" in written.shown) is bool(PEERS)


def test_a_bot_that_ends_ends_the_run() -> None:
    code = (
        "import asyncio, bench_updates as b\n"
        "asyncio.run(b.measure('nobody', 'webhook', chats=1, messages=1, single=2))"
    )

    done = python("-c", code)

    assert "BotEndedError: nobody ended with 1" in done.stderr


def test_less_work_than_a_tick_of_the_kernel_counts_too() -> None:
    # A round of a few updates is shorter; nothing in it would have been divided by.
    done = python(
        "-c",
        "import os; from processors import processor_time as time;"
        "before = time(os.getpid()); print(0 < time(os.getpid()) - before < 0.01)",
    )
    assert done.stdout == "True\n", done.stderr
