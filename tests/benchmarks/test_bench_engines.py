"""The benchmark of engines runs, and measures what it claims to measure."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import Once, Written, python

SMALL = (
    *("--messages=6", "--rounds=2", "--pressing=3", "--slow", "2"),
    *("--seconds=1", "--lease=1"),
)


class Row(TypedDict):
    what: str
    value: float
    unit: str
    target: str | None
    is_met: bool | None
    rounds: list[float]


@pytest.fixture(scope="module")
def written(once: Once) -> Written:
    return once("bench_engines.py", *SMALL, "--dialogs=30", "--owed=5")


@pytest.fixture(scope="module")
def rows(written: Written) -> dict[str, Row]:
    found: list[Row] = json.loads(written.figures)
    return {row["what"]: row for row in found}


def test_presses_on_both_engines_are_measured_in_each_round(
    rows: dict[str, Row],
) -> None:
    for name in ("a press, memory", "a press, SQLite", "SQLite, more than memory"):
        assert len(rows[name]["rounds"]) == 2

    assert rows["SQLite, more than memory"]["target"] == "at most 100"


def test_presses_on_redis_are_measured_beside_memory_and_a_peer_on_redis(
    rows: dict[str, Row],
) -> None:
    assert len(rows["a press, Redis"]["rounds"]) == 2
    assert rows["Redis, more than memory"]["target"] == "at most 220"
    if find_spec("aiogram_dialog") is not None:  # only `make bench` brings it
        assert len(rows["a press, aiogram_dialog on Redis"]["rounds"]) == 2
        assert rows["Redis, against aiogram_dialog on Redis"]["target"] == "at least 3"


def test_the_server_tells_what_presses_cost_it(rows: dict[str, Row]) -> None:
    name = "the server, a press, "

    assert rows[f"{name}3 chats"]["value"] > 0
    assert rows[f"{name}one quiet chat"]["value"] > 0
    assert rows["the server, commit"]["value"] > 0
    assert rows["the server, an idle process"]["value"] < 100


def test_two_processes_press_together(rows: dict[str, Row]) -> None:
    name = "two processes, against one, by"

    assert len(rows[f"{name} processor time"]["rounds"]) == 2
    assert rows[f"{name} the clock"]["value"] > 0


def test_what_a_killed_process_had_is_taken_over(rows: dict[str, Row]) -> None:
    name = "one of two processes is killed, "

    assert rows[f"{name}99 % before"]["value"] > 0
    assert rows[f"{name}99 % of others after"]["value"] > 0


def test_a_machine_without_a_server_has_no_figures_of_redis() -> None:
    code = (
        "import shutil, sys\n"
        "shutil.which = lambda name: None\n"
        "import redis_server\n"
        "redis_server.find_spec = lambda name: None\n"
        "print(redis_server.program())"
    )

    assert python("-c", code).stdout == "None\n"


def test_a_press_waits_for_at_most_three_syncs(rows: dict[str, Row]) -> None:
    waited = rows["a slow disk, 2 chats, longest wait"]

    assert 1 <= waited["value"] <= 3
    assert waited["is_met"]


def test_idle_dialogs_have_a_size_a_memory_and_a_start(rows: dict[str, Row]) -> None:
    measured = {
        name: row["unit"] for name, row in rows.items() if "idle dialogs" in name
    }

    assert measured == {
        "30 idle dialogs, file, each": "bytes",
        "30 idle dialogs, memory": "MB",
        "30 idle dialogs, first turn after a kill, 5 owed": "s",
    }
    assert all(rows[name]["value"] > 0 for name in measured)


def test_a_press_that_waits_takes_little_more_than_its_text(
    rows: dict[str, Row],
) -> None:
    assert rows["a press that waits in a file, memory"]["value"] > 0


def test_a_part_that_fails_ends_the_run() -> None:
    code = (
        "from engines_idle import run\n"
        "from pathlib import Path\n"
        "run('idle', Path('/dev/null/state.db'), 1)"
    )

    done = python("-c", code)

    assert "idle ended with 1" in done.stderr


def test_beside_a_file_there_is_a_table(written: Written) -> None:
    assert "SQLite, more than memory" in written.shown
    assert "30 idle dialogs" in written.shown
