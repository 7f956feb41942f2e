"""The page about testing: its code is one module, whose test passes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def _module() -> dict[str, object]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "testing_page"}
    exec("\n".join(blocks), names)  # noqa: S102  # our own page
    return names


def test_the_test_of_the_page_passes() -> None:
    tests = [
        cast("Callable[[], None]", value)
        for name, value in _module().items()
        if name.startswith("test_")
    ]

    assert len(tests) == 1
    for test in tests:
        test()


def test_the_page_names_what_there_is() -> None:
    from duologue.testing import Playground, RecordingBot  # noqa: PLC0415  # for this test only

    text = PAGE.read_text()
    table = re.findall(r"^\| `(\w+)\(", text, flags=re.MULTILINE)

    assert len(table) == 9
    assert all(hasattr(Playground, name) for name in table)
    assert all(
        hasattr(RecordingBot, name)
        for name in ("calls", "calls_of", "history", "hold", "fail", "remove", "wrote")
    )
