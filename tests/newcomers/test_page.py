"""The page for what does not work names tests that exist, for each of its entries."""

from __future__ import annotations

import re
from pathlib import Path

from duologue import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ENTRIES = re.split(r"\n(?=\*\*)", PAGE)[1:]


def _tests(entry: str) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", entry)


def test_every_entry_names_a_test_that_exists() -> None:
    missing = [
        name
        for entry in ENTRIES
        for path, name in _tests(entry) or [("", entry.splitlines()[0])]
        if not path or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]

    assert len(ENTRIES) > 25
    assert missing == []


def test_the_errors_that_the_page_names_exist() -> None:
    named = {name for entry in ENTRIES for name in re.findall(r"`(\w+Error):", entry)}

    assert len(named) > 9
    assert named <= set(errors.__all__)
