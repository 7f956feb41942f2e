"""The page about the promises names its tests, and the mutants name theirs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "semantics.md"
MUTANTS = ROOT / "tests" / "mutants" / "mutants.toml"


def is_there(test: str) -> bool:
    """Tell whether `path::name` is a test of this project."""
    path, _, name = test.partition("::")
    file = ROOT / path
    return file.is_file() and f"def {name}(" in file.read_text(encoding="utf-8")


def mutants() -> list[dict[str, str | list[str]]]:
    found: list[dict[str, str | list[str]]] = tomllib.loads(
        MUTANTS.read_text(encoding="utf-8")
    )["mutant"]
    return found


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[^`]+)`", PAGE.read_text(encoding="utf-8"))
    tests = [test for test in named if "::" in test]

    missing = [test for test in tests if not is_there(test)]

    assert len(tests) > 100
    assert missing == []


def test_every_section_of_the_page_names_a_test() -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")[1:-1]

    without = [section for section in sections if "::test_" not in section]

    assert len(sections) == 10
    assert without == []


@pytest.mark.parametrize("promise", "123456789")
def test_every_promise_has_a_mutant(promise: str) -> None:
    assert promise in [mutant["promise"] for mutant in mutants()]


def test_every_test_that_a_mutant_names_exists() -> None:
    named = {test for mutant in mutants() for test in mutant["tests"]}

    assert [test for test in sorted(named) if not is_there(test)] == []


def test_the_place_of_every_mutant_is_there_once() -> None:
    found = {
        str(mutant["name"]): (ROOT / str(mutant["file"]))
        .read_text(encoding="utf-8")
        .count(str(mutant["before"]))
        for mutant in mutants()
    }

    assert {name: times for name, times in found.items() if times != 1} == {}
