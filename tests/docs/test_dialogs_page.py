"""The page about dialogs: its code is one program, and it does what the page says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

PAGE = Path(__file__).parents[2] / "docs" / "dialogs.md"


def _program() -> dict[str, object]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "dialogs_page"}
    exec("\n".join(blocks), names)  # noqa: S102  # our own page
    return names


async def test_the_conversation_of_the_page_ends_as_it_says() -> None:
    play = cast("Callable[[], Awaitable[str]]", _program()["play"])

    screen = await play()

    assert screen == "10 for everybody\nOrdered."
