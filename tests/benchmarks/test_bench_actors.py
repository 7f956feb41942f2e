"""The comparison of actors runs, and judges what it measures."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import pytest

from tests.benchmarks.conftest import BENCHMARKS, Once, bench, python

HAS_XOSCAR = find_spec("xoscar") is not None

TINY = ("--messages", "300", "--rounds", "1")


class Row(TypedDict):
    what: str
    work: str
    cores: int
    unit: str
    ours: float
    against: str | None
    theirs: float | None
    times: float | None
    times_by_round: list[float]
    target: str | None
    met: bool | None


class Job(TypedDict):
    work: str
    way: str
    cores: int
    figures: dict[str, float]


class Found(TypedDict):
    settings: dict[str, object]
    rows: list[Row]
    rounds: list[list[Job]]


@pytest.fixture(scope="module")
def found(once: Once) -> Found:
    read: Found = json.loads(once("bench_actors.py", *TINY).figures)
    return read


def test_every_work_is_done_beside_the_peers_that_are_installed(found: Found) -> None:
    compared = {(row["work"], row["cores"], row["against"]) for row in found["rows"]}

    assert compared == {
        ("tell_one", 1, "pykka"),
        ("tell_one", 2, "pykka"),
        ("tell_many", 1, "pykka"),
        ("tell_many", 2, "pykka"),
        ("tell_idle", 1, "tasks"),
        ("ask_blocking", 1, "pykka"),
        ("ask_awaited", 1, "xoscar"),
        ("memory", 1, "pykka"),
        ("start_stop", 1, "itself"),
        ("start_stop_few", 1, "pykka"),
        ("backlog", 1, "tasks"),
        ("million", 1, None),
    }


def test_every_figure_is_there_and_so_is_that_of_every_peer(found: Found) -> None:
    without_peer = [row["work"] for row in found["rows"] if row["theirs"] is None]

    assert all(row["ours"] >= 0 for row in found["rows"])
    assert set(without_peer) == {"million"} | (set() if HAS_XOSCAR else {"ask_awaited"})


def test_a_target_is_met_or_not_wherever_there_is_one(found: Found) -> None:
    rows = [row for row in found["rows"] if HAS_XOSCAR or row["against"] != "xoscar"]

    assert all((row["target"] is None) == (row["met"] is None) for row in rows)
    assert sum(row["target"] is not None for row in found["rows"]) == 12


def test_every_job_is_done_once_a_round_each_round() -> None:
    read: Found = json.loads(
        bench(
            *("bench_actors.py", "--json", "--messages=30", "--rounds=3"),
            *("--only", "tell_idle", "backlog"),
        )
    )

    jobs = [[(job["work"], job["way"]) for job in done] for done in read["rounds"]]
    forth = [
        (work, way)
        for work in ("tell_idle", "backlog")
        for way in ("duologue", "tasks")
    ]
    assert jobs == [forth, forth[::-1], forth]
    assert {len(row["times_by_round"]) for row in read["rows"]} == {3}


def test_only_rows_of_one_core_are_left_when_all_is_to_be_pinned() -> None:
    read: Found = json.loads(
        bench("bench_actors.py", "--json", *TINY, "--pinned", "--only", "tell_one")
    )

    assert [(row["work"], row["cores"]) for row in read["rows"]] == [("tell_one", 1)]


def test_the_table_names_the_targets_beside_a_file_of_json(tmp_path: Path) -> None:
    file = tmp_path / "actors.json"

    shown = bench(
        *(
            "bench_actors.py",
            *TINY,
            "--only",
            "backlog",
            "--json",
            str(file),
            "--chats=7",
        )
    )

    written: Found = json.loads(file.read_text(encoding="utf-8"))
    assert "ask beside a backlog, p99" in shown
    assert "at most 2 ms" in shown
    assert [row["work"] for row in written["rows"]] == ["backlog", "backlog"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_the_same_works_run_on_loops_of_uvloop() -> None:
    code = (
        "import asyncio; from actors import Setup\n"
        "async def kind(): return type(asyncio.get_running_loop()).__module__\n"
        "print(Setup(1, True).run(kind()), Setup(1).run(kind()))"
    )

    done = python("-c", code)

    assert done.stdout.split()[0] == "uvloop", done.stderr
    assert done.stdout.split()[1].startswith("asyncio")


@pytest.mark.parametrize(
    ("promise", "ours", "times", "verdict"),
    [
        ("TIMES_AT_LEAST", 1.0, (2.9, 3.0, 9.0), "True"),
        ("TIMES_AT_LEAST", 9.0, (2.9, 2.9, 9.0), "False"),
        ("TIMES_AT_MOST", 9.0, (3.0,), "True"),
        ("TIMES_AT_MOST", 1.0, (3.1,), "False"),
        ("TIMES_AT_LEAST", 9.0, (), "None"),
        ("VALUE_AT_MOST", 3.0, (), "True"),
        ("VALUE_AT_MOST", 3.1, (1.0,), "False"),
    ],
)
def test_a_target_bounds_the_median_of_the_rounds(
    promise: str, ours: float, times: tuple[float, ...], verdict: str
) -> None:
    code = (
        "from actors_rows import Job, Promise, Result, Row\n"
        f"row = Row('', '', '', Job(''), None, Promise.{promise}, 3)\n"
        f"print(Result(row, {ours}, None, {times}).is_met)"
    )

    done = python("-c", code)

    assert done.stdout == f"{verdict}\n", done.stderr


def test_a_work_that_fails_ends_the_run() -> None:
    done = python(
        *(str(BENCHMARKS / "actors_measure.py"), "juggle", "duologue"),
        *("--cores=1", "--messages=1"),
    )

    assert done.returncode == 1
    assert "juggle" in done.stderr


def test_the_task_of_an_actor_starves_the_loop_for_its_whole_backlog() -> None:
    figures = [_backlog(way) for way in ("tasks", "duologue")]

    # A task handles a backlog in one go, so nobody else goes round the loop.
    assert figures[0]["asks"] <= 2
    assert figures[1]["asks"] > 2


def _backlog(way: str) -> dict[str, float]:
    done = python(
        *(str(BENCHMARKS / "actors_measure.py"), "backlog", way),
        *("--cores=1", "--messages=30000"),
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
