"""The pages about the promises name their tests, and the mutants name theirs."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import NamedTuple, TypedDict

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def kept_in() -> None:
    """Nothing is kept here."""


class Mutant(TypedDict):
    sentence: str
    name: str
    file: str
    before: str
    after: str
    tests: list[str]


class Page(NamedTuple):
    """A page of sentences, each of which is followed by the names of its tests.

    Attributes:
        name: The name of its file.
        area: The folder of its tests, which holds its mutants.
        chapters: How many sections it has, not counting what does not hold.
    """

    name: str
    area: str
    chapters: int

    @property
    def text(self) -> str:
        """What it says."""
        return (ROOT / "docs" / self.name).read_text(encoding="utf-8")

    @property
    def sections(self) -> list[str]:
        """Its sections, without the last one: what does not hold."""
        return self.text.split("\n## ")[1:-1]

    @property
    def sentences(self) -> dict[str, list[str]]:
        """The names of the tests that follow each, by what it says in one line."""
        parts = [part for section in self.sections for part in section.split("\n\n")]
        return {
            " ".join(text.split()): re.findall(r"`(tests/[^`]+)`", tests)
            for text, tests in itertools.pairwise(parts)
            if tests.startswith("* `tests/")
        }

    @property
    def mutants(self) -> list[Mutant]:
        """Its mutants."""
        file = ROOT / "tests" / self.area / "mutants.toml"
        found: list[Mutant] = tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]
        return found


PAGES = pytest.mark.parametrize(
    "page",
    [
        Page("semantics.md", "promises", 14),
        Page("semantics-actors.md", "actors", 15),
    ],
    ids=lambda page: page.name,
)


def is_there(test: str) -> bool:
    """Tell whether `path::name`, perhaps of one `[case]`, is a test of this project."""
    path, _, name = test.partition("[")[0].partition("::")
    file = ROOT / path
    return file.is_file() and f"def {name}(" in file.read_text(encoding="utf-8")


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


@PAGES
def test_every_sentence_has_one_mutant(page: Page) -> None:
    counts = {
        sentence: sum(sentence.startswith(one["sentence"]) for one in page.mutants)
        for sentence in page.sentences
    }

    assert {text: count for text, count in counts.items() if count != 1} == {}
    assert len(page.mutants) == len(counts)


@PAGES
def test_the_tests_of_a_mutant_are_those_of_its_sentence(page: Page) -> None:
    others = {
        mutant["name"]: [test for test in mutant["tests"] if test not in tests]
        for mutant in page.mutants
        for sentence, tests in page.sentences.items()
        if sentence.startswith(mutant["sentence"])
    }

    assert {name: tests for name, tests in others.items() if tests} == {}
    assert all(mutant["tests"] for mutant in page.mutants)


@PAGES
def test_the_place_of_every_mutant_is_there_once(page: Page) -> None:
    found = {
        mutant["name"]: (ROOT / mutant["file"])
        .read_text(encoding="utf-8")
        .count(mutant["before"])
        for mutant in page.mutants
    }

    assert {name: times for name, times in found.items() if times != 1} == {}
