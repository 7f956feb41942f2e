"""What both sides of the comparison of clicks share."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

TEXT = "Clicks: {count}"
LABEL = "Click"
WIDGET = "click"
FIRST_CHAT = 1_000
START = "/start"


class WrongScreenError(Exception):
    """A side did not show what the clicks should have made of the counter."""


@dataclass(frozen=True, slots=True)
class Result:
    """One timed run.

    Attributes:
        clicks: How many clicks were handled.
        requests: How many request bodies were made for them.
        views: How many of these changed what the user sees.
        seconds: How much processor time it took.
    """

    clicks: int
    requests: int
    views: int
    seconds: float

    @property
    def rate(self) -> float:
        """Clicks a second of processor time."""
        return self.clicks / self.seconds


class Side(Protocol):
    """Handles clicks in one way."""

    async def __call__(self, chats: int, clicks: int) -> Result:
        """Open the dialog in each chat, then time the clicks.

        Args:
            chats: How many chats click, in turn.
            clicks: How many clicks in all; a multiple of `chats`.

        Raises:
            WrongScreenError: A counter is wrong in the end.
        """
        ...


class Stopwatch:
    """Tells how many seconds of processor time the block took."""

    seconds = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Time a block, in processor time: other programs on the machine do not count.

    What was there before is kept from the garbage collector: each side would pay
    for the modules of the other, which it never imports outside this comparison.
    """
    watch = Stopwatch()
    gc.collect()
    gc.freeze()
    start = time.process_time()
    try:
        yield watch
        watch.seconds = time.process_time() - start
    finally:
        gc.unfreeze()


def check_screens(shown: dict[int, str], chats: int, clicks: int) -> None:
    """Make sure that the last text sent to each chat counts all of its clicks.

    Args:
        shown: The last text by chat.
        chats: How many chats there are.
        clicks: How many clicks there were in all.

    Raises:
        WrongScreenError: One does not.
    """
    expected = TEXT.format(count=clicks // chats)
    wrong = {
        chat: shown.get(chat)
        for chat in range(FIRST_CHAT, FIRST_CHAT + chats)
        if shown.get(chat) != expected
    }
    if wrong:
        raise WrongScreenError(f"expected {expected!r} everywhere, but found {wrong}")
