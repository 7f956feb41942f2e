"""The count of steps is exact, and fails where there are more than allowed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.benchmarks.conftest import BENCHMARKS, bench, python

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="Python 3.11 has no sys.monitoring"
)
PROGRAM = "bench_steps.py"


def test_equal_code_gives_equal_numbers(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"

    bench(PROGRAM, "--what", "press", "update", "--json", str(first))
    bench(PROGRAM, "--what", "press", "update", "--json", str(second))

    assert _counts(first) == _counts(second)


def test_each_way_to_the_screen_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"

    shown = bench(PROGRAM, "--json", str(file))

    counts = _counts(file)
    assert list(counts) == ["press", "press, with parsing", "update", "report"]
    assert all(way in shown for way in counts)
    assert counts["press"] < counts["press, with parsing"]


def test_the_list_names_each_call_but_those_of_the_benchmark() -> None:
    shown = bench(PROGRAM, "--what", "press", "--list")

    listed = [line for line in shown.splitlines() if ".py:" in line]
    assert any(line.startswith("duologue/dialogs/") for line in listed)
    assert not any("benchmarks/" in line for line in listed)


def test_more_calls_of_a_press_than_allowed_fail() -> None:
    few = python(str(BENCHMARKS / PROGRAM), "--what", "press", "--limit", "10")
    many = python(str(BENCHMARKS / PROGRAM), "--what", "press", "--limit", "10000")

    assert few.returncode == 1
    assert "and 10 are allowed" in few.stderr
    assert many.returncode == 0, many.stderr


def _counts(file: Path) -> dict[str, int]:
    rows: list[dict[str, str | int]] = json.loads(file.read_text(encoding="utf-8"))
    return {str(row["what"]): int(row["calls"]) for row in rows}
