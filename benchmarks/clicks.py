"""What all sides of the comparison of clicks share."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

TEXT = "Clicks: {count}"
LABEL = "Click"
WIDGET = "click"
FIRST_CHAT = 1_000
START = "/start"


class WrongScreenError(Exception):
    """A side did not show what the clicks should have made of the counter."""


class Work(StrEnum):
    """What is done over and over.

    Attributes:
        PRESS: The user presses the button; the handler counts.
        UPDATE: `bg.update()` sets the counter; the next one follows the commit.
        TIMER: A task of each chat sets its counter by `bg.update()`; the next one
            follows when the last is drawn.
    """

    PRESS = "press"
    UPDATE = "bg.update"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Job:
    """What a side is to do.

    Attributes:
        work: What.
        chats: In how many chats, in turn.
        clicks: How often in all; a multiple of `chats`.
        data_kb: How many thousand bytes of JSON a dialog holds beside its counter.
    """

    work: Work
    chats: int
    clicks: int
    data_kb: int = 0

    @property
    def each(self) -> int:
        """How often in each chat."""
        return self.clicks // self.chats

    @property
    def everywhere(self) -> range:
        """The ids of the chats."""
        return range(FIRST_CHAT, FIRST_CHAT + self.chats)

    def chat(self, number: int) -> int:
        """The chat whose turn it is at a click."""
        return FIRST_CHAT + number % self.chats


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

    async def __call__(self, job: Job) -> Result:
        """Open the dialog in each chat, then time the job.

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


def filler(data_kb: int) -> list[dict[str, object]]:
    """Data as bots keep it: so many thousand bytes of JSON, in small objects."""
    rows: list[dict[str, object]] = []
    size = 0
    while size < 1000 * data_kb:
        number = len(rows)
        row = {
            "id": number,
            "name": f"article {number}",
            "price": number + 0.5,
            "is_chosen": number % 3 == 0,
            "tags": ["new", "sale"],
        }
        rows.append(row)
        size += len(json.dumps(row))
    return rows


async def tell(job: Job, draw: Callable[[int, int], Awaitable[None]]) -> None:
    """Set the counters, one after the other; see `tick`."""
    for number in range(job.clicks):
        await draw(job.chat(number), 1 + number // job.chats)


async def tick(job: Job, draw: Callable[[int, int], Awaitable[None]]) -> None:
    """Let a timer of each chat count.

    Args:
        job: How many chats there are and how far they count.
        draw: Shows a number in a chat, and returns when it is drawn.
    """

    async def timer(chat: int) -> None:
        for count in range(1, job.each + 1):
            await draw(chat, count)

    async with asyncio.TaskGroup() as group:
        for chat in job.everywhere:
            group.create_task(timer(chat))


async def quiet() -> None:
    """Wait until no task is left but this one."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)


def check_screens(shown: dict[int, str], job: Job) -> None:
    """Make sure that the last text sent to each chat counts all of its clicks.

    Args:
        shown: The last text by chat.
        job: What was done.

    Raises:
        WrongScreenError: One does not.
    """
    expected = TEXT.format(count=job.each)
    wrong = {
        chat: shown.get(chat) for chat in job.everywhere if shown.get(chat) != expected
    }
    if wrong:
        raise WrongScreenError(f"expected {expected!r} everywhere, but found {wrong}")
