"""The comparison of clicks runs, and counts what it claims to count."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import Once, Written, python

PEERS = {
    name
    for name, module in (("aiogram_dialog", "aiogram_dialog"), ("maxo", "maxo"))
    if find_spec(module) is not None
}
SIDES = PEERS | {"duologue"}
SMALL = {"duologue, two calls", "duologue, coalescing"} | {
    f"{side}{work}" for side in SIDES for work in ("", ", bg.update", ", timer")
}
LARGE = SIDES | (
    {"aiogram_dialog, JSON storage"} if "aiogram_dialog" in PEERS else set()
)
IDLE = "duologue, idle chat"


class Row(TypedDict):
    chats: int
    data_kb: int
    how: str
    times: float | None
    peer: str
    clicks: int
    clicks_per_second: float
    requests_per_click: float
    views_per_click: float
    rounds: list[float]


@pytest.fixture(scope="module")
def output(once: Once) -> Written:
    # So many that no pause of the machine lets each be drawn before the next comes.
    small = ("--messages", "70", "--rounds", "1", "--chats", "1", "3", "--idle", "2")
    return once("bench_clicks.py", *small, "--data", "0", "10", "100")


@pytest.fixture(scope="module")
def written(output: Written) -> list[Row]:
    read: list[Row] = json.loads(output.figures)
    return read


@pytest.fixture(scope="module")
def rows(written: list[Row]) -> list[Row]:
    return [row for row in written if row["data_kb"] == 0 and row["how"] != IDLE]


def test_every_way_is_measured_with_every_number_of_chats(rows: list[Row]) -> None:
    measured = {(row["how"], row["chats"]) for row in rows}

    assert measured == {(how, chats) for how in SMALL for chats in (1, 3)}


def test_much_data_is_measured_in_one_chat(written: list[Row]) -> None:
    large = [row for row in written if row["data_kb"]]

    measured = {(row["how"], row["chats"], row["data_kb"]) for row in large}
    assert measured == {(how, 1, data_kb) for how in LARGE for data_kb in (10, 100)}


@pytest.mark.skipif("aiogram_dialog" not in PEERS, reason="no peer to compare with")
def test_hundred_kilobytes_are_compared_with_a_storage_that_writes(
    written: list[Row],
) -> None:
    rows = [row for row in written if row["how"] != IDLE]
    peers = {row["data_kb"]: row["peer"] for row in rows}
    own = [row["times"] for row in rows if row["how"] == row["peer"]]

    assert peers == {
        0: "aiogram_dialog",
        10: "aiogram_dialog",
        100: "aiogram_dialog, JSON storage",
    }
    assert set(own) == {1}


def test_the_memory_of_an_idle_chat_has_a_row(written: list[Row]) -> None:
    idle = [row for row in written if row["how"] == IDLE]

    assert [(row["chats"], "bytes" in row) for row in idle] == [(2, True)]


def test_all_chats_click_equally_often_in_each_round(rows: list[Row]) -> None:
    assert {(row["chats"], row["clicks"]) for row in rows} == {(1, 70), (3, 69)}
    assert {len(row["rounds"]) for row in rows} == {1}
    assert all(row["clicks_per_second"] > 0 for row in rows)


def test_without_coalescing_every_click_is_drawn(rows: list[Row]) -> None:
    views = {
        row["views_per_click"]
        for row in rows
        if row["how"] not in {"duologue, coalescing", "duologue, bg.update"}
    }

    assert views == {1}


def test_coalescing_leaves_views_out_that_nobody_would_see(rows: list[Row]) -> None:
    views = [
        row["views_per_click"] for row in rows if row["how"] == "duologue, coalescing"
    ]

    assert all(0 < seen < 1 for seen in views)


def test_a_click_costs_one_request_on_max_and_two_on_telegram(rows: list[Row]) -> None:
    requests = {row["how"]: row["requests_per_click"] for row in rows}

    assert requests["duologue"] == 1
    assert requests["duologue, two calls"] == 2
    assert requests.get("aiogram_dialog", 2) == 2
    assert requests.get("maxo", 3) == 3  # it reads the message that it has edited


def test_a_wrong_counter_on_the_screen_ends_the_run() -> None:
    code = (
        "from clicks import check_screens, FIRST_CHAT, Job, Work\n"
        "check_screens({FIRST_CHAT: 'Clicks: 2'}, Job(Work.PRESS, 1, 3))"
    )

    done = python("-c", code)

    assert "WrongScreenError: expected 'Clicks: 3'" in done.stderr


def test_beside_a_file_there_is_a_table(output: Written) -> None:
    assert "times aiogram" in output.shown
    assert all(how in output.shown for how in SMALL)


def test_an_idle_chat_takes_less_than_900_bytes() -> None:
    code = (
        "import asyncio\n"
        "from idle_chats import idle_bytes\n"
        "print(asyncio.run(idle_bytes(400)))"
    )

    done = python("-c", code)

    assert float(done.stdout) < 900
