"""The page about Pykka names a test for each of its rows."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "pykka.md"


def test_every_row_of_the_page_names_a_test_that_exists() -> None:
    page = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| (?!Pykka says|here).*\|$", page, flags=re.MULTILINE)
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)` \|$", page, flags=re.MULTILINE)

    missing = [
        name
        for file, name in named
        if f"def {name}(" not in (HERE / file).read_text("utf-8")
    ]

    assert len(rows) == len(named) > 40
    assert missing == []
