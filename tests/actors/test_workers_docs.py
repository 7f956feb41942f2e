"""The page about workers: its examples run, and the tests it names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "workers.md"


def test_the_examples_of_the_page_about_workers_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)

    names: dict[str, object] = {"__name__": "workers_page"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page

    assert len(blocks) == 3
    assert "final" in names


def test_the_tests_that_the_page_about_workers_names_exist() -> None:
    named = re.findall(r"`(tests/\S+)::(\w+)`", PAGE.read_text("utf-8"))

    missing = [
        name
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]

    assert len(named) > 20
    assert missing == []
