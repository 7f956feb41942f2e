"""The page about testing: its code is one module, whose tests pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from duologue.testing import Playground, RecordingBot
from duologue.transport.max import Bot

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def _module() -> dict[str, object]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "testing_page"}
    exec("\n".join(blocks), names)  # noqa: S102  # our own page
    return names


def test_the_tests_of_the_page_pass() -> None:
    tests = [
        cast("Callable[[], None]", value)
        for name, value in _module().items()
        if name.startswith("test_")
    ]

    assert len(tests) == 2
    for test in tests:
        test()


def test_the_other_limits_of_the_page_are_those_of_max() -> None:
    on_max = cast("Callable[[], Playground]", _module()["on_max"])

    limits = on_max().bot.capabilities

    assert limits == Bot("token").capabilities
    assert limits.button_text_limit > RecordingBot().capabilities.button_text_limit


def test_the_page_names_what_there_is() -> None:
    text = PAGE.read_text()
    table = re.findall(r"^\| `(\w+)\(", text, flags=re.MULTILINE)

    assert len(table) == 9
    assert all(hasattr(Playground, name) for name in table)
    assert all(
        hasattr(RecordingBot, name)
        for name in ("calls", "calls_of", "history", "hold", "fail", "remove", "wrote")
    )
