"""The comparison of clicks runs, and counts what it claims to count."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import BENCHMARKS, bench, python

HAS_PEER = find_spec("aiogram_dialog") is not None
OURS = {"duologue", "duologue, two calls", "duologue, coalescing"}


class Row(TypedDict):
    way: str
    chats: int
    clicks: int
    clicks_per_second: float
    times_peer: float | None
    requests_per_click: float
    views_per_click: float
    rounds: list[float]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    # So many that no pause of the machine lets each be drawn before the next comes.
    options = ("--messages", "70", "--rounds", "1", "--chats", "1", "3")
    read: list[Row] = json.loads(bench("bench_clicks.py", "--json", *options))
    return read


def test_every_way_is_measured_with_every_number_of_chats(rows: list[Row]) -> None:
    measured = {(row["way"], row["chats"]) for row in rows}

    ways = OURS | ({"aiogram_dialog"} if HAS_PEER else set())
    assert measured == {(way, chats) for way in ways for chats in (1, 3)}


def test_all_chats_click_equally_often_in_each_round(rows: list[Row]) -> None:
    assert {(row["chats"], row["clicks"]) for row in rows} == {(1, 70), (3, 69)}
    assert {len(row["rounds"]) for row in rows} == {1}
    assert all(row["clicks_per_second"] > 0 for row in rows)


def test_without_coalescing_every_click_is_drawn(rows: list[Row]) -> None:
    views = {
        row["views_per_click"] for row in rows if row["way"] != "duologue, coalescing"
    }

    assert views == {1}


def test_coalescing_leaves_views_out_that_nobody_would_see(rows: list[Row]) -> None:
    views = [
        row["views_per_click"] for row in rows if row["way"] == "duologue, coalescing"
    ]

    assert all(0 < seen < 1 for seen in views)


def test_a_click_costs_one_request_on_max_and_two_on_telegram(rows: list[Row]) -> None:
    requests = {row["way"]: row["requests_per_click"] for row in rows}

    assert requests["duologue"] == 1
    assert requests["duologue, two calls"] == 2
    assert requests.get("aiogram_dialog", 2) == 2


def test_a_wrong_counter_on_the_screen_ends_the_run() -> None:
    code = (
        "from clicks import check_screens, FIRST_CHAT\n"
        "check_screens({FIRST_CHAT: 'Clicks: 2'}, 1, 3)"
    )

    done = python("-c", code)

    assert "WrongScreenError: expected 'Clicks: 3'" in done.stderr


def test_without_json_there_is_a_table() -> None:
    program = str(BENCHMARKS / "bench_clicks.py")

    done = python(program, "--messages=1", "--rounds=1", "--chats", "2")

    assert "clicks/s" in done.stdout
    assert all(way in done.stdout for way in OURS)
