"""The pages about the promises name their tests, and the mutants name theirs."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "tests" / "mutants" / "mutants.toml"


class Page(NamedTuple):
    """A page of sentences, each of which is followed by the names of its tests.

    Attributes:
        name: The name of its file.
        chapters: How many sections it has, not counting what does not hold.
    """

    name: str
    chapters: int

    @property
    def text(self) -> str:
        """What it says."""
        return (ROOT / "docs" / self.name).read_text(encoding="utf-8")

    @property
    def sections(self) -> list[str]:
        """Its sections, without the last one: what does not hold."""
        return self.text.split("\n## ")[1:-1]


PAGES = pytest.mark.parametrize(
    "page",
    [Page("semantics.md", 10), Page("semantics-actors.md", 15)],
    ids=lambda page: page.name,
)


def is_there(test: str) -> bool:
    """Tell whether `path::name`, perhaps of one `[case]`, is a test of this project."""
    path, _, name = test.partition("[")[0].partition("::")
    file = ROOT / path
    return file.is_file() and f"def {name}(" in file.read_text(encoding="utf-8")


def mutants() -> list[dict[str, str | list[str]]]:
    found: list[dict[str, str | list[str]]] = tomllib.loads(
        MUTANTS.read_text(encoding="utf-8")
    )["mutant"]
    return found


@PAGES
def test_every_test_that_a_page_names_exists(page: Page) -> None:
    named = re.findall(r"`(tests/[^`]+)`", page.text)
    tests = [test for test in named if "::" in test]

    missing = [test for test in tests if not is_there(test)]

    assert len(tests) > 100
    assert missing == []


@PAGES
def test_every_sentence_of_a_page_is_followed_by_its_tests(page: Page) -> None:
    paragraphs = [
        [part for part in section.split("\n\n")[1:] if part.strip()]
        for section in page.sections
    ]

    without = [
        text
        for parts in paragraphs
        for text, tests in itertools.pairwise([*parts, ""])
        if not text.startswith("* `tests/") and not tests.startswith("* `tests/")
    ]

    assert len(page.sections) == page.chapters
    assert all(paragraphs)
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
