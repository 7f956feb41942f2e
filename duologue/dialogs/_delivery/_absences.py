"""Chats that refuse the bot, and those who wait until their user is back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

Absences: TypeAlias = dict[tuple[str, int], list[Callable[[], object]]]
"""Whom to call when somebody does something in a chat again, by bot and chat."""


@contextmanager
def absent(
    absences: Absences, bot: str, chat_id: int, back: Callable[[], object]
) -> Generator[None]:
    """Have a function called when a user is back, as long as the block lasts."""
    waiting = absences.setdefault((bot, chat_id), [])
    waiting.append(back)
    try:
        yield
    finally:
        waiting.remove(back)
        if not waiting and absences.get((bot, chat_id)) is waiting:
            del absences[bot, chat_id]


def returned(absences: Absences, bot: str, chat_id: int) -> None:
    """Call those who wait for the user of a chat."""
    for back in list(absences.get((bot, chat_id), ())):
        back()
